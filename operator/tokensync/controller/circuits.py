"""What is remembered of those who share a client: what their last request failed of, who asks alone, and who waits for that.

There is one circuit for each extent that a failure can have (see `rotation.sharing`). Nothing of it outlives the process:
what one resource failed of is in its status.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tokensync.controller.ports import TokenSource
from tokensync.resource.spec import ClientCredentialToken, Key
from tokensync.rotation.decide import latest
from tokensync.rotation.sharing import Extent, Trouble

_FIRST_TIDYING = 1024
_KEPT = timedelta(hours=1)
"""So long after its last news a circuit is forgotten; whoever comes then asks alone once more, and that is all."""


class Sharers(NamedTuple):
    """Who shares what with a resource, as names of circuits, in the order of `Extent`."""

    host: Hashable
    endpoint: Hashable
    request: Hashable
    proof: Hashable

    @classmethod
    def of(cls, resource: ClientCredentialToken, fingerprint: str, source: TokenSource) -> "Sharers":
        """Those of a resource that offers the proof with this fingerprint.

        Raises:
            SpecError: `InvalidSpec`, if its provider has no address.
        """
        spec, namespace = resource.spec, resource.metadata.namespace
        endpoint = (source.endpoint(spec), spec.client_id)
        asked = (spec.provider, spec.scopes, frozenset(spec.parameters.items()), spec.credential)
        return cls(
            host=(Extent.HOST, source.host(spec), spec.client_id),
            endpoint=(Extent.ENDPOINT, *endpoint),
            request=(Extent.REQUEST, *endpoint, fingerprint, namespace, asked),
            proof=(Extent.PROOF, *endpoint, fingerprint, _manner(resource)),
        )


class Overcome(NamedTuple):
    """A trouble that is over, and when it was."""

    trouble: Trouble
    at: datetime


@dataclass(slots=True)
class Circuit:
    """Those who share one thing.

    Attributes:
        trouble: what their last request failed of; None if it worked, or was none.
        overcome: the last trouble that is over.
        accepted_at: since when requests work, as far as it is known.
        asking: who asks while the others wait.
        joined: who waits for its answer, whatever that is.
        waiting: who waits for one that is good.
        turn_at: when one of them has its turn in the request budget, on the monotonic clock.
    """

    trouble: Trouble | None = None
    overcome: Overcome | None = None
    accepted_at: datetime | None = None
    asking: Key | None = None
    joined: set[Key] = field(default_factory=set)
    waiting: set[Key] = field(default_factory=set)
    turn_at: float | None = None

    def failed(self, trouble: Trouble, *, began_at: datetime) -> None:
        """A request failed. One that was under way when another failed already says nothing new."""
        before = self.trouble
        if before and began_at < before.attempted_at:
            trouble = replace(before, asked_until=latest(before.asked_until, trouble.asked_until))
        self.trouble, self.accepted_at = trouble, None

    def worked(self, now: datetime, *, began_at: datetime) -> set[Key]:
        """A request worked; who may go on is returned. One that was under way when another failed proves nothing."""
        if self.trouble:
            if began_at < self.trouble.attempted_at:
                return set()
            self.overcome, self.trouble = Overcome(self.trouble, now), None
        self.accepted_at = self.accepted_at or now
        woken, self.waiting = self.waiting, set()
        return woken

    def landed(self, key: Key) -> set[Key]:
        """A request ended; who waited for that is returned."""
        if self.asking != key:
            return set()
        woken, self.joined, self.asking = self.joined, set(), None
        return woken

    def is_idle(self, now: datetime) -> bool:
        """Whether nothing is lost with it. Whoever still waits looks again by itself, and may be gone."""
        last_news = latest(self.accepted_at, self.trouble.attempted_at + self.trouble.wait if self.trouble else None)
        return self.asking is None and (last_news is None or last_news + _KEPT < now)


class Circuits:
    """All of them, by their names."""

    def __init__(self) -> None:
        self._circuits: dict[Hashable, Circuit] = {}
        self._tidy_above = _FIRST_TIDYING

    def __getitem__(self, name: Hashable) -> Circuit:
        return self._circuits.setdefault(name, Circuit())

    def clear(self) -> None:
        """Remember nothing."""
        self._circuits.clear()

    def tidy(self, now: datetime) -> None:
        """Forget what is idle, once there are many."""
        if len(self._circuits) > self._tidy_above:
            self._circuits = {name: circuit for name, circuit in self._circuits.items() if not circuit.is_idle(now)}
            self._tidy_above = max(_FIRST_TIDYING, 2 * len(self._circuits))


def _manner(resource: ClientCredentialToken) -> Hashable:
    """How a proof is offered, and a ServiceAccount's whose it is: one who does it wrong must not stand for the others."""
    credential = resource.spec.credential
    if credential.certificate:
        form = credential.certificate
        return (form.algorithm, form.key_id, form.audience, form.send_chain)
    if credential.client_secret:
        return credential.client_secret.method
    return (resource.metadata.namespace, credential.service_account)
