"""May this request be sent, now? Those who share a client ask one after the other where all would learn the same.

A decision that a token is needed passes here before it is acted on, and comes out as leave to go on, or to wait. Waiting
holds no worker.

    ask ─┬─ a token is in memory that could not be written ────────────────▶ Acquire, with that
         ├─ another has bought what this one needs (`controller.sharing`) ─▶ Acquire, with that; with time left, Wait for a place
         ├─ another is in trouble, or asks, for all whom it concerns ──────▶ Wait (`controller.circuits`)
         │    if only the proof is in trouble, the token is due and there is another to fall back to: on, with that one
         ├─ it follows to a new credential, and has time ──────────────────▶ Wait for a place among those who follow
         ├─ no turn in the request budget ─────────────────────────────────▶ Wait
         └─ Acquire: a flight, which `controller.purchase` sends
                 └─ refused or accepted, then landed: the circuits know, and who waited for that is woken
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tokensync.clock import Clock
from tokensync.controller.circuits import Circuit, Circuits, Sharers
from tokensync.controller.keyring import Keyring
from tokensync.controller.memory import Memory
from tokensync.controller.ports import TokenSource
from tokensync.controller.sharing import Bought, SharedTokens
from tokensync.credentials.proof import Proof
from tokensync.errors import TokenSyncError
from tokensync.resource.spec import ClientCredentialToken, Key
from tokensync.rotation.attempts import Attempts
from tokensync.rotation.decide import Acquire, Decision, Violation, Wait
from tokensync.rotation.observation import Observation
from tokensync.rotation.schedule import fraction
from tokensync.rotation.sharing import Extent, Trouble, extent_of, follows_at, held_until, proves_well, relieves
from tokensync.target.fingerprint import AcquiredFor
from tokensync.target.writes import Issue

FLIGHT = timedelta(seconds=10)
"""A request takes no longer: whoever waits for one that another sends is woken when it ends, and else looks again by then."""


@dataclass(frozen=True, slots=True)
class Flight:
    """A token request that somebody wants to send, or sends.

    Attributes:
        seen: who.
        because: why.
        sharers: with whom it shares what.
        past_first: the first proof was refused to others lately, and is not offered.
    """

    seen: Observation
    because: Violation
    sharers: Sharers
    past_first: bool = False

    @property
    def key(self) -> Key:
        """Of the resource."""
        return self.seen.resource.key

    @property
    def follows(self) -> bool:
        """Whether it is only for a new credential, while the stored token will do."""
        seen = self.seen
        return self.because is Violation.OTHER_CREDENTIAL and seen.has_slack and not seen.open_request

    def wait(self, until: datetime) -> Wait:
        """Wait for others, of which there is nothing to tell where nothing is missed and nothing failed."""
        seen = self.seen
        told = seen.status.observed_generation == seen.resource.metadata.generation and not seen.attempts.failures
        return Wait(until, quiet=self.follows and told)


class Clearance:
    """Lets requests go, and tells who waited when they may.

    Attributes:
        wake: what is told the resources that may go on.
    """

    def __init__(self, keyring: Keyring, source: TokenSource, clock: Clock) -> None:
        self.wake: Callable[[Iterable[Key]], None] = lambda _: None
        self._keyring = keyring
        self._source = source
        self._clock = clock
        self._circuits = Circuits()
        self._tokens = SharedTokens()
        self._flights: dict[Key, Flight] = {}

    def forget(self) -> None:
        """Remember nothing of what others failed of or bought."""
        self._circuits.clear()
        self._tokens.clear()

    # before the request

    async def ask(self, seen: Observation, because: Violation, memory: Memory) -> Decision:
        """Whether a token that is needed may be had now. `landed` must follow."""
        if memory.unwritten(seen):
            return Acquire(because)
        flight = Flight(seen, because, self._sharers(seen.resource, seen.fingerprint))
        fallback = await self._fallback(flight)
        return self._share(flight, memory) or self._clear(flight, fallback)

    def relieve(self, resource: ClientCredentialToken, fingerprint: str, attempts: Attempts) -> Attempts:
        """The attempts of a resource, without its back-off if what it failed of was overcome by another since."""
        last = attempts.last
        if last is None or attempts.not_before is None:
            return attempts
        extent = extent_of(last.reason, asked_to_wait=attempts.asked_until is not None)
        overcome = self._circuits[self._sharers(resource, fingerprint)[extent]].overcome
        if overcome is None or overcome.trouble.failure.reason is not last.reason:
            return attempts
        relieved = relieves(attempts, overcome_at=overcome.at, failures=overcome.trouble.failures)
        return attempts.relieved() if relieved else attempts

    # the request

    def flight(self, key: Key) -> Flight:
        """The leave that a resource was given."""
        return self._flights[key]

    def refused(self, flight: Flight, proof: Proof, error: TokenSyncError, *, began_at: datetime) -> None:
        """A request failed: those whom it concerns leave the asking to one."""
        now, sharers = self._clock.now(), self._offering(flight, proof)
        extent = extent_of(error.reason, asked_to_wait=error.retry_after is not None)
        circuit = self._circuits[sharers[extent]]
        chance = random.SystemRandom().random()
        trouble = Trouble.after(error, circuit.trouble, seen=flight.seen, now=now, chance=chance)
        circuit.failed(trouble, began_at=began_at)
        circuit.waiting.add(flight.key)
        for well in proves_well(error.reason):
            if well < extent:
                self._release(flight, self._circuits[sharers[well]].worked(now, began_at=began_at))

    def accepted(self, flight: Flight, proof: Proof, bought: Bought, *, began_at: datetime) -> None:
        """A request worked: who waited for that may go on, and who would send the same has the token."""
        self._tokens.put(flight.sharers.request, bought, flight.seen.resource.metadata.name)
        for name in self._offering(flight, proof):
            self._release(flight, self._circuits[name].worked(self._clock.now(), began_at=began_at))

    def landed(self, key: Key) -> None:
        """A request ended, or was not sent after all."""
        flight = self._flights.pop(key, None)
        if flight:
            for name in flight.sharers:
                self._release(flight, self._circuits[name].landed(key))

    def trouble_of(self, seen: Observation, error: TokenSyncError) -> Trouble | None:
        """What a request that just failed made known to all who share what failed; None if it concerns nobody else."""
        extent = extent_of(error.reason, asked_to_wait=error.retry_after is not None)
        trouble = self._circuits[self._sharers(seen.resource, seen.fingerprint)[extent]].trouble
        own = trouble is not None and trouble.by == seen.resource.metadata.uid
        return trouble if trouble and own and trouble.failure.reason is error.reason else None

    # inside

    def _sharers(self, resource: ClientCredentialToken, fingerprint: str) -> Sharers:
        return Sharers.of(resource, fingerprint, self._source)

    def _offering(self, flight: Flight, proof: Proof) -> Sharers:
        return flight.sharers._replace(proof=self._sharers(flight.seen.resource, proof.fingerprint).proof)

    def _release(self, flight: Flight, keys: set[Key]) -> None:
        self.wake(keys - {flight.key})

    async def _fallback(self, flight: Flight) -> Proof | None:
        """What is offered alone where the first proof waits for its acceptance and the token does not."""
        certificate = flight.seen.resource.spec.credential.certificate
        circuit = self._circuits[flight.sharers.proof]
        if certificate is None or certificate.fallback_secret_ref is None or flight.seen.has_slack:
            return None
        if circuit.trouble is None and circuit.asking is None:
            return None
        try:
            _, *others = await self._keyring.proofs(flight.seen.resource, self._clock.now())
        except TokenSyncError:
            return None
        return others[0] if others else None

    def _share(self, flight: Flight, memory: Memory) -> Decision | None:
        """Take what another has bought."""
        seen, shared = flight.seen, self._tokens.get(flight.sharers.request)
        request_seen_at = memory.request_seen_at(seen.resource.renew_request, seen.now)
        if shared is None or not shared.serves(seen, flight.because, request_seen_at):
            return None
        until = shared.followed_at(seen.resource.metadata.uid) if flight.follows else seen.now
        if until > seen.now:
            return flight.wait(until)
        shared.takers.add(seen.resource.metadata.name)
        bought, memory.remark = shared.bought, shared.bought.remark
        acquired_for = AcquiredFor.of(seen.resource.spec, *bought.fingerprints)
        memory.bought = Issue(bought.token, acquired_for, seen.resource.renew_request)
        return Acquire(flight.because)

    def _clear(self, flight: Flight, fallback: Proof | None) -> Decision:
        hold = self._hold(flight)
        if hold and hold.extent is Extent.PROOF and fallback:
            flight = replace(flight, sharers=self._offering(flight, fallback), past_first=True)
            hold = hold.until_either_ends(self._hold(flight))
        return (hold and hold.wait) or self._place(flight) or self._turn(flight) or self._take_off(flight)

    def _hold(self, flight: Flight) -> "_Hold | None":
        for extent, name in zip(Extent, flight.sharers, strict=True):
            circuit = self._circuits[name]
            wait = _wait_for_the_end(flight, circuit) or _wait_for_the_answer(flight, extent, circuit)
            if wait:
                return _Hold(extent, wait)
        return None

    def _place(self, flight: Flight) -> Wait | None:
        """Those who follow to a new credential are spread; those who will share a token come together."""
        accepted_at = self._circuits[flight.sharers.proof].accepted_at
        if accepted_at is None or not flight.follows:
            return None
        resource = flight.seen.resource
        place = fraction(" ".join((resource.metadata.namespace, resource.spec.client_id, *resource.spec.scopes)))
        until = follows_at(flight.seen, accepted_at, place)
        if until <= flight.seen.now:
            return None
        self._circuits[flight.sharers.request].waiting.add(flight.key)
        return flight.wait(until)

    def _turn(self, flight: Flight) -> Wait | None:
        """Wait for a turn in the budget, together with those who would send the same request."""
        circuit, now = self._circuits[flight.sharers.request], self._clock.monotonic()
        if circuit.turn_at is None or circuit.turn_at <= now:
            delay = self._source.take_turn(flight.seen.resource.spec).total_seconds()
            circuit.turn_at = now + delay if delay else None
        if circuit.turn_at is None:
            return None
        circuit.waiting.add(flight.key)
        return Wait(flight.seen.now + timedelta(seconds=circuit.turn_at - now))

    def _take_off(self, flight: Flight) -> Acquire:
        for name in flight.sharers:
            circuit = self._circuits[name]
            circuit.asking = circuit.asking or flight.key
        self._flights[flight.key] = flight
        self._circuits.tidy(flight.seen.now)
        return Acquire(flight.because)


class _Hold(NamedTuple):
    """What a resource waits for, and what it shares with those who know."""

    extent: Extent
    wait: Wait

    def until_either_ends(self, other: "_Hold | None") -> "_Hold | None":
        """Of two proofs one is enough; what is said is what is wrong with the first."""
        return self._replace(wait=replace(self.wait, until=min(self.wait.until, other.wait.until))) if other else None


def _wait_for_the_end(flight: Flight, circuit: Circuit) -> Wait | None:
    """While the last request failed, leave the asking to others; say why where the token is missed."""
    seen, trouble = flight.seen, circuit.trouble
    until = held_until(seen, trouble) if trouble else None
    if trouble is None or until is None or until <= seen.now:
        return None
    circuit.waiting.add(flight.key)
    return flight.wait(until) if seen.has_slack else Wait(until, trouble.failure, trouble.since)


def _wait_for_the_answer(flight: Flight, extent: Extent, circuit: Circuit) -> Wait | None:
    """One asks alone for all who send the same request, who wait for the end of a trouble, or whose proof is new."""
    alone = extent is Extent.REQUEST or circuit.trouble or (extent is Extent.PROOF and not circuit.accepted_at)
    goes_past = extent is not Extent.REQUEST and flight.seen.open_request
    if not alone or goes_past or circuit.asking in (None, flight.key):
        return None
    circuit.joined.add(flight.key)
    return Wait(flight.seen.now + FLIGHT, quiet=True)
