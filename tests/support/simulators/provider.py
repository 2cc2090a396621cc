"""A token endpoint, simulated."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from support.simulators.clock import LoopClock, true_time
from tokensync.clock import to_milliseconds
from tokensync.credentials.pair import KeyPair
from tokensync.resource.spec import Spec
from tokensync.token import AccessToken


class Request(NamedTuple):
    """One token request.

    Attributes:
        at: when it was sent, in true time.
        client_id: who asked.
        thumbprint: SHA-256, of the certificate that signed.
    """

    at: datetime
    client_id: str
    thumbprint: str


class SimulatedProvider:
    """The controller's `TokenSource`. A tenant is an endpoint.

    Attributes:
        lifetime: of the tokens that it issues.
        latency: seconds until it answers.
        latency_of: the same for single tenants.
        failure: makes what it answers with, from the spec; None for a token.
        refusal: what `check` raises.
        budget: what `take_turn` answers.
        scope: what it grants; empty for what was asked for.
        requests: all of them, answered or not.
        issued: the values of all tokens.
    """

    def __init__(self, clock: LoopClock) -> None:
        self.lifetime = timedelta(hours=1)
        self.latency = 0.25
        self.latency_of: dict[str, float] = {}
        self.failure: Callable[[Spec], BaseException | None] = lambda _: None
        self.refusal: Exception | None = None
        self.budget = timedelta(0)
        self.scope = ""
        self.requests: list[Request] = []
        self.issued: list[str] = []
        self._clock = clock

    def check(self, spec: Spec) -> None:  # noqa: ARG002  every spec is as good as the other
        """Refuse, if told to."""
        if self.refusal:
            raise self.refusal

    def endpoint(self, spec: Spec) -> str:
        """The tenant."""
        return spec.provider.entra.tenant_id

    def take_turn(self, spec: Spec) -> timedelta:  # noqa: ARG002  one budget for all
        """What is left to wait."""
        return self.budget

    async def acquire(self, spec: Spec, pair: KeyPair) -> AccessToken:
        """Issue a token, or fail, after the latency."""
        self.requests.append(Request(true_time(), spec.client_id, pair.thumbprint_sha256))
        sent_at = to_milliseconds(self._clock.now())
        tenant = spec.provider.entra.tenant_id
        await asyncio.sleep(self.latency_of.get(tenant, self.latency))
        failure = self.failure(spec)
        if failure:
            raise failure
        value = f"token-{len(self.issued) + 1}-of-{spec.client_id}"
        self.issued.append(value)
        return AccessToken(value, "Bearer", self.scope or " ".join(spec.scopes), sent_at, sent_at + self.lifetime)
