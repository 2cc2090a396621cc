"""An application with a certificate, a namespace, and resources in it: what nearly every test in a cluster starts from."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.certificates import ClientCertificate, make_certificate
from support.cluster import Cluster, condition
from support.entra import Application, FakeEntra, IssuedToken
from support.objects import Json
from support.operator_process import Settings
from support.waiting import eventually
from tokensync.clock import parse_rfc3339
from tokensync.resource.names import API_VERSION, EXPIRES_AT, ISSUED_AT, KIND

SCOPE = "https://graph.microsoft.com/.default"
CERTIFICATE_SECRET = "client-certificate"


@dataclass(frozen=True, slots=True)
class HeldToken:
    """What a target Secret holds at one moment."""

    value: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    uid: str
    resource_version: str

    @property
    def remaining(self) -> timedelta:
        """How long the token is valid yet."""
        return self.expires_at - datetime.now(UTC)


def quick_settings(entra: FakeEntra, ca: Path, **others: str | int) -> dict[str, Any]:
    """Settings that fit tokens of 10 to 20 seconds: the formula decides, and GapFree is True."""
    settings: Settings = {
        "allowed-hosts": entra.host,
        "ca-bundle": str(ca),
        "propagation": "1s",
        "clock-skew": "1s",
        "log-level": "debug",
    }
    return {**settings, **{name.replace("_", "-"): value for name, value in others.items()}}


@dataclass
class Scenario:
    """One namespace, one registered application, one certificate."""

    cluster: Cluster
    entra: FakeEntra
    namespace: str
    certificate: ClientCertificate = field(default_factory=make_certificate)

    def __post_init__(self) -> None:
        self.application: Application = self.entra.register(certificates=[self.certificate.certificate_pem])

    def put_certificate(
        self,
        certificate: ClientCertificate | None = None,
        *,
        name: str = CERTIFICATE_SECRET,
        data: dict[str, bytes] | None = None,
    ) -> None:
        """Create the certificate's Secret, or replace what it holds."""
        held = data if data is not None else (certificate or self.certificate).secret_data()
        if self.cluster.secrets.find(self.namespace, name) is None:
            self.cluster.create_secret(self.namespace, name, held)
            return
        encoded = {key: base64.b64encode(value).decode() for key, value in held.items()}
        self.cluster.secrets.patch(self.namespace, name, [{"op": "add", "path": "/data", "value": encoded}])

    def body(self, name: str = "graph", *, target: Json | None = None, **spec: Any) -> Json:
        """A resource; `spec`'s members replace those that it would have."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "provider": {"entra": {"tenantId": self.entra.tenant_id, "authorityHost": self.entra.host}},
                "clientId": self.application.client_id,
                "scopes": [SCOPE],
                "credential": {"certificate": {"secretRef": {"name": CERTIFICATE_SECRET}}},
                "target": {"name": f"{name}-token", **(target or {})},
                **spec,
            },
        }

    def create(self, name: str = "graph", *, target: Json | None = None, **spec: Any) -> Json:
        """Create a resource."""
        return self.cluster.resources.create(self.namespace, self.body(name, target=target, **spec))

    def own_scope(self, name: str) -> list[str]:
        """The scopes of a resource that shares no token with others of its application, since it asks for something else."""
        self.entra.add_resource(f"api://{name}")
        return [f"api://{name}/.default"]

    def register(self, lifetime: timedelta | None = None) -> Application:
        """Register another application with the same certificate: whose token requests are counted by themselves."""
        application = self.entra.register(certificates=[self.certificate.certificate_pem])
        application.lifetime = lifetime
        return application

    def issued_to(self, application: Application) -> list[IssuedToken]:
        """The tokens that an application got, in order."""
        return [token for token in self.entra.issued if token.client_id == application.client_id]

    def wait_for_turn(self, name: str = "marker") -> None:
        """Wait until the operator has seen, and had its turn at, everything that happened before now.

        A new resource is served, and then its target restored: one comes by the watch of resources, the other by the
        watch of Secrets, and each after everything else there.
        """
        secret = f"{name}-token"
        self.create(name, clientId=self.register(timedelta(hours=1)).client_id)
        self.wait_ready(name)
        before = self.token(secret)
        self.cluster.secrets.delete(self.namespace, secret)
        self.wait_renewed(before, secret)
        self.cluster.resources.delete(self.namespace, name)
        eventually(lambda: self.token(secret) is None, 10, f"{secret} goes with {name}")

    def resource(self, name: str = "graph") -> Json:
        """The resource as it is now."""
        return self.cluster.resources.get(self.namespace, name)

    def patch(self, patch: Json, name: str = "graph") -> Json:
        """Change the resource by merge patch."""
        return self.cluster.resources.patch(self.namespace, name, patch)

    def status(self, name: str = "graph") -> Json:
        """The resource's status."""
        status: Json = self.resource(name).get("status", {})
        return status

    def condition(self, kind: str, name: str = "graph") -> Json:
        """One of the resource's conditions; empty if it has none of that type."""
        return condition(self.resource(name), kind) or {}

    def token(self, secret: str = "graph-token") -> HeldToken | None:
        """What the target holds; None if there is no such Secret."""
        found = self.cluster.secrets.find(self.namespace, secret)
        if found is None:
            return None
        annotations = found["metadata"].get("annotations", {})
        return HeldToken(
            base64.b64decode(found.get("data", {}).get("token", "")).decode(),
            parse_rfc3339(annotations[ISSUED_AT]),
            parse_rfc3339(annotations[EXPIRES_AT]),
            found["metadata"]["uid"],
            found["metadata"]["resourceVersion"],
        )

    def wait_ready(self, name: str = "graph", timeout: float = 15) -> Json:
        """Wait until the resource is Ready for its generation, and return it."""

        def ready() -> Json | None:
            resource = self.resource(name)
            found = condition(resource, "Ready") or {}
            current = found.get("observedGeneration") == resource["metadata"]["generation"]
            return resource if current and found["status"] == "True" else None

        return eventually(ready, timeout, f"{name} is Ready", explain=lambda: self.status(name).get("conditions"))

    def wait_condition(self, kind: str, reason: str, name: str = "graph", timeout: float = 15) -> Json:
        """Wait until a condition has a reason, and return the condition."""

        def found() -> Json | None:
            seen = self.condition(kind, name)
            return seen if seen.get("reason") == reason else None

        return eventually(found, timeout, f"{kind} of {name} says {reason}", explain=lambda: self.status(name))

    def wait_renewed(self, before: HeldToken | None, secret: str = "graph-token", timeout: float = 20) -> HeldToken:
        """Wait until the target holds another token than before, and return it."""

        def renewed() -> HeldToken | None:
            held = self.token(secret)
            return held if held and (before is None or held.value != before.value) else None

        return eventually(renewed, timeout, f"{secret} holds a new token", explain=lambda: self.token(secret))
