"""A cluster, a provider and an operator on one virtual time, and the words that tests use for them."""

import asyncio
import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from support.certificates import ClientCertificate, make_certificate
from support.simulators.clock import START, LoopClock, true_time
from support.simulators.cluster import SimulatedCluster
from support.simulators.operator import SimulatedOperator
from support.simulators.provider import SimulatedProvider
from tokensync.clock import parse_rfc3339
from tokensync.controller.inventory import Record
from tokensync.resource.names import EXPIRES_AT
from tokensync.resource.spec import Key
from tokensync.resource.status import Condition, ConditionType, Status, TokenTimes

NAMESPACE = "reports"
GRAPH = Key(NAMESPACE, "graph")
"""The resource that tests speak of, unless they say another."""
TOKEN = Key(NAMESPACE, "graph-token")
"""Its target."""
CERTIFICATE = Key(NAMESPACE, "client-certificate")
"""The credential of every resource, unless a test says another."""

Json = dict[str, Any]


class World:
    """Everything there is. Leaving it ends the operator, and shows if that had ended by itself."""

    def __init__(self, **settings: Any) -> None:
        """`settings` are those of the operator (see `SimulatedOperator`)."""
        self.clock = LoopClock()
        self.cluster = SimulatedCluster()
        self.provider = SimulatedProvider(self.clock)
        self.api = self.cluster.api
        self.settings = settings
        self._running: SimulatedOperator | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.crash()

    # the operator

    @property
    def operator(self) -> SimulatedOperator:
        """The one that runs."""
        assert self._running, "no operator runs"
        return self._running

    def start(self) -> None:
        """Start the operator."""
        self._running = SimulatedOperator(self.cluster, self.provider, self.clock, **self.settings)
        self._running.start()

    async def crash(self) -> None:
        """End it at once, as `kill -9` does."""
        operator, self._running = self._running, None
        if operator:
            await operator.crash()

    async def restart(self) -> None:
        """End it at once and start another."""
        await self.crash()
        self.start()

    async def with_token(self, **spec: Any) -> Key:
        """Start the operator with one resource and its certificate, and wait for the token."""
        self.add_certificate()
        key = self.add_resource(**spec)
        self.start()
        await self.until(lambda: self.is_ready(key), within=5)
        return key

    # what people do

    def add_certificate(self, name: str = CERTIFICATE.name, *, namespace: str = NAMESPACE) -> ClientCertificate:
        """Create a Secret with a new certificate and its key."""
        certificate = valid_certificate()
        self.cluster.add_secret(Key(namespace, name), certificate.secret_data(), secret_type="kubernetes.io/tls")
        return certificate

    def replace_certificate(self) -> ClientCertificate:
        """Put a new certificate and its key into the credential."""
        certificate = valid_certificate()
        self.cluster.set_data(CERTIFICATE, certificate.secret_data())
        return certificate

    def add_resource(
        self,
        name: str = GRAPH.name,
        *,
        namespace: str = NAMESPACE,
        tenant: str = "contoso",
        certificate: str = CERTIFICATE.name,
        annotations: dict[str, str] | None = None,
        target: Json | None = None,
        **spec: Any,
    ) -> Key:
        """Create a resource; its target is `NAME-token`, its client id its name."""
        key = Key(namespace, name)
        body = {
            "provider": {"entra": {"tenantId": tenant}},
            "clientId": name,
            "scopes": ["https://graph.microsoft.com/.default"],
            "credential": {"certificate": {"secretRef": {"name": certificate}}},
            "target": {"name": f"{name}-token", **(target or {})},
            **spec,
        }
        self.cluster.add_resource(key, body, annotations)
        return key

    def retarget(self, name: str, key: Key = GRAPH) -> Key:
        """Give a resource another target."""
        self.cluster.change_resource(key, {"spec": {"target": {"name": name}}})
        return Key(key.namespace, name)

    def request_renewal(self, value: str, key: Key = GRAPH) -> None:
        """Ask for a renewal."""
        self.cluster.change_resource(key, {"metadata": {"annotations": {"tokensync.dev/renew-requested-at": value}}})

    # what can be seen

    async def until(self, probe: Callable[[], object], *, within: float) -> None:
        """Let time pass until something is so; fail if it is not after that many seconds.

        It is looked at every hundredth of a second, or a thousand times at most.
        """
        deadline = asyncio.get_running_loop().time() + within
        while not probe():
            assert asyncio.get_running_loop().time() < deadline, f"not within {within} s"
            await asyncio.sleep(max(0.01, within / 1000))

    def resource(self, key: Key = GRAPH) -> Json:
        """A resource's JSON."""
        body = self.cluster.resource_store.get(key)
        assert body, f"{key} does not exist"
        return body

    def secret(self, key: Key = TOKEN) -> Json:
        """A Secret's JSON."""
        body = self.cluster.secret_store.get(key)
        assert body, f"{key} does not exist"
        return body

    def status(self, key: Key = GRAPH) -> Status:
        """What a resource's status says."""
        return Record.of(self.resource(key)).status

    def times(self, key: Key = GRAPH) -> TokenTimes:
        """What a resource's status says of its token."""
        times = self.status(key).token
        assert times, f"{key} has no token"
        return times

    def condition(self, kind: ConditionType, key: Key = GRAPH) -> Condition:
        """One of its conditions."""
        condition = self.status(key).condition(kind)
        assert condition, f"{key} has no condition {kind}"
        return condition

    def is_ready(self, key: Key = GRAPH) -> bool:
        """Whether it is `Ready`, in its present generation."""
        body = self.cluster.resource_store.get(key)
        ready = Record.of(body).status.condition(ConditionType.READY) if body else None
        return bool(
            body and ready and ready.status == "True" and ready.observed_generation == body["metadata"]["generation"]
        )

    def token(self, key: Key = TOKEN) -> str:
        """The token in a Secret; empty if there is none."""
        body = self.cluster.secret_store.get(key)
        return base64.b64decode(body["data"].get("token", "")).decode() if body else ""

    def secrets(self, namespace: str = NAMESPACE) -> set[str]:
        """The names of all Secrets but the certificates."""
        bodies = self.cluster.secret_store.in_namespace(namespace)
        return {body["metadata"]["name"] for body in bodies if "tls.key" not in body.get("data", {})}

    def request_times(self, key: Key = GRAPH, *, since: datetime = START) -> list[datetime]:
        """When tokens were asked for, in true time."""
        return [
            request.at for request in self.provider.requests if request.client_id == key.name and request.at >= since
        ]

    def worst_remaining_life(self, key: Key = TOKEN) -> timedelta:
        """How much life the Secret's token had left when it had least, from its creation until now."""
        versions = [version for version in self.cluster.secret_store.history if version.key == key]
        ends = [version.at for version in versions[1:]] + [true_time()]
        lives = [
            parse_rfc3339(version.body["metadata"]["annotations"][EXPIRES_AT]) - end
            for version, end in zip(versions, ends, strict=True)
            if version.body
        ]
        return min(lives)


def valid_certificate() -> ClientCertificate:
    """A new certificate that is valid for a year of virtual time."""
    return make_certificate(not_before=START - timedelta(days=1), not_after=START + timedelta(days=365))
