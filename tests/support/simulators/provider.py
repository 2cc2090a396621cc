"""A token endpoint, simulated."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from support.simulators.clock import LoopClock, true_time
from tokensync.clock import to_milliseconds
from tokensync.credentials.proof import Proof
from tokensync.errors import ProviderError, Reason
from tokensync.resource.spec import Spec
from tokensync.token import AccessToken


class Request(NamedTuple):
    """One token request.

    Attributes:
        at: when it was sent, in true time.
        spec: of the resource that asked.
        fingerprint: of what the client was proved with.
        authorities: whose certificates the provider's was to come from; empty for those trusted anyway.
        proof: what the client was proved with.
    """

    at: datetime
    spec: Spec
    fingerprint: str
    authorities: str
    proof: Proof

    @property
    def client_id(self) -> str:
        """Who asked."""
        return self.spec.client_id


def tenant_of(spec: Spec) -> str:
    """The tenant that a spec names, or the issuer or token endpoint."""
    provider = spec.provider
    if provider.entra:
        return provider.entra.tenant_id
    return provider.oidc.issuer if provider.oidc else provider.oauth2.token_endpoint if provider.oauth2 else ""


class SimulatedProvider:
    """The controller's `TokenSource`. A tenant is an endpoint.

    Attributes:
        lifetime: of the tokens that it issues.
        latency: seconds until it answers.
        latency_of: the same for single tenants.
        failure: makes what it answers with, from the spec; None for a token.
        known: the fingerprints that it knows; None for all.
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
        self.known: set[str] | None = None
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
        return tenant_of(spec)

    def host(self, spec: Spec) -> str:  # noqa: ARG002  all tenants are at one
        """The one that all tenants are at."""
        return "login.example"

    def take_turn(self, spec: Spec) -> timedelta:  # noqa: ARG002  one budget for all
        """What is left to wait."""
        return self.budget

    async def acquire(self, spec: Spec, proof: Proof, *, authorities: str = "") -> AccessToken:
        """Issue a token, or fail, after the latency."""
        self.requests.append(Request(true_time(), spec, proof.fingerprint, authorities, proof))
        sent_at = to_milliseconds(self._clock.now())
        tenant = tenant_of(spec)
        await asyncio.sleep(self.latency_of.get(tenant, self.latency))
        failure = self.failure(spec) or self._unknown(proof)
        if failure:
            raise failure
        value = f"token-{len(self.issued) + 1}-of-{spec.client_id}"
        self.issued.append(value)
        return AccessToken(value, "Bearer", self.scope or " ".join(spec.scopes), sent_at, sent_at + self.lifetime)

    def _unknown(self, proof: Proof) -> ProviderError | None:
        if self.known is None or proof.fingerprint in self.known:
            return None
        return ProviderError(
            Reason.CREDENTIAL_REJECTED, f"{proof.fingerprint} is not registered", remedy=f"register {proof.fingerprint}"
        )
