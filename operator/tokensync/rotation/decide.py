"""What has to be done now? A chain of checks, each named as the violation it looks for; the first one wins.

The order is: what forbids doing anything, then what calls for a new token, then what only calls for order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tokensync.errors import PASSES_BY_ITSELF, Reason, TargetError, TokenSyncError
from tokensync.rotation.attempts import (
    LONGEST_RECHECK,
    LONGEST_RETRY_AFTER,
    REQUEST_SPACING,
    SHORT_RECHECK,
    Failure,
    within_budget,
)
from tokensync.rotation.forecast import turns
from tokensync.rotation.observation import Observation
from tokensync.rotation.schedule import SHORTEST_LIFETIME
from tokensync.target.metadata import SecretMetadata
from tokensync.target.ownership import Ownership, refusal
from tokensync.target.writes import relabel_patch

PATIENCE = timedelta(minutes=5)
"""How long a provider may give the same answer before a person is called: new registrations take minutes to be known."""


class Violation(StrEnum):
    """Why a new token is needed; the words stand in the log."""

    MISSING = "the target Secret is missing"
    NOT_ADOPTED = "the target Secret is to be adopted"
    UNKNOWN = "the target Secret does not say what it holds"
    EDITED = "the target Secret was edited"
    OTHER_SPEC = "the spec changed"
    OTHER_CREDENTIAL = "the credential was replaced"
    FAILED_BEFORE = "the last attempt failed"
    ISSUED_IN_THE_FUTURE = "the clock was set back"
    DUE = "the renewal time has come"
    REQUESTED = "a renewal was requested"


REPAIRS = frozenset({Violation.MISSING, Violation.EDITED, Violation.UNKNOWN, Violation.OTHER_SPEC})
"""Somebody else's doing, where the target was in order for the same spec before."""


@dataclass(frozen=True, slots=True)
class Keep:
    """All is well."""


@dataclass(frozen=True, slots=True)
class Relabel:
    """Labels, annotations or the owner reference are out of order; the token is fine."""


@dataclass(frozen=True, slots=True)
class DropPrevious:
    """The token before the present one has expired, and still stands beside it."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Former targets have to go: the new one is fine, or somebody else waits for them."""

    secrets: tuple[SecretMetadata, ...]


@dataclass(frozen=True, slots=True)
class Acquire:
    """A new token is needed, now."""

    because: Violation


@dataclass(frozen=True, slots=True)
class Wait:
    """Something has to be done, but not before `until`.

    Attributes:
        until: when it is looked at again.
        failure: what keeps all from a token who share the client, where that is to be told.
        failing_since: since when.
        quiet: there is nothing to tell.
    """

    until: datetime
    failure: Failure | None = None
    failing_since: datetime | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Suspended:
    """The user wants nothing done."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """Something has to change first."""

    error: TokenSyncError


Decision = Keep | Relabel | DropPrevious | Sweep | Acquire | Wait | Suspended | Blocked


def decide(seen: Observation) -> Decision:
    """Decide what has to be done for one resource."""
    return _forbidden(seen) or _renewal(seen) or _order(seen) or Keep()


def meanwhile(seen: Observation, decision: Decision) -> Decision:
    """The same decision; or, where a token has to be waited for, what goes on all the same.

    An expired previous token does not stay until the next one comes. That takes no turn from the attempts to get a token:
    only its own failure makes it wait.
    """
    held_up = isinstance(decision, Wait | Blocked) and not seen.limit
    failed_itself = not seen.attempts.token_wanted and _when_due(seen, _backoff(seen))
    return DropPrevious() if held_up and _lapsed(seen) and not failed_itself else decision


def _forbidden(seen: Observation) -> Decision | None:
    if seen.resource.spec.suspend:
        return Suspended()
    if seen.limit:
        return Blocked(seen.limit)
    if seen.whose is Ownership.CLAIMED and seen.wanted_leftovers:  # or two that swap their targets wait for ever
        return _when_due(seen, _backoff(seen)) or Sweep(seen.wanted_leftovers)
    refused = refusal(seen.whose, seen.resource)
    return Blocked(refused) if refused else None


def _renewal(seen: Observation) -> Decision | None:
    violation = find_violation(seen)
    return _acquire(seen, violation) if violation else None


def _order(seen: Observation) -> Decision | None:
    if _lapsed(seen):
        return _when_due(seen, _backoff(seen)) or DropPrevious()
    if seen.secret and relabel_patch(seen.resource, seen.secret):
        return _when_due(seen, latest(_peace(seen), _backoff(seen))) or Relabel()
    if seen.leftovers:
        return _when_due(seen, _backoff(seen)) or Sweep(seen.leftovers)
    return None


def find_violation(seen: Observation) -> Violation | None:
    """The first reason why a new token is needed; None if the stored one will do."""
    return next((violation for violation, found in _CHECKS if found(seen)), None)


def next_check(seen: Observation, decision: Decision) -> datetime | None:
    """When to look again, if nothing happens before; None for never."""
    moments = [moment for moment in _moments(seen, decision) if moment > seen.now]
    return min(moments, default=None)


def _acquire(seen: Observation, violation: Violation) -> Decision:
    until = _backoff(seen)
    if violation in REPAIRS:
        until = latest(until, _peace(seen))
    if violation is Violation.REQUESTED:
        until = latest(until, _turn(seen))
    if violation is Violation.DUE:
        until = latest(until, _after_a_short_life(seen))
    waiting = _when_due(seen, until)
    if waiting:
        return waiting
    return Blocked(seen.credential_error) if seen.credential_error else Acquire(violation)


def _when_due(seen: Observation, until: datetime | None) -> Decision | None:
    """Wait until then; where it is a war over the target that makes us wait, say so."""
    if until is None or until <= seen.now:
        return None
    if seen.attempts.contested(seen.now) and until == _peace(seen):
        return Blocked(_contested(seen))
    return Wait(until)


def _contested(seen: Observation) -> TargetError:
    return TargetError(
        Reason.TARGET_CONTESTED,
        f"Secret {seen.resource.target_key} is edited by somebody else again and again",
        remedy="find who writes it (kubectl get secret --show-managed-fields) and stop that, "
        "or give target.name another name",
    )


def _backoff(seen: Observation) -> datetime | None:
    """When the next attempt with these inputs may start; a renew request goes past our wait, not the provider's."""
    attempts = seen.attempts
    if attempts.not_before is None or attempts.made_for != seen.inputs:
        return None
    longest = LONGEST_RETRY_AFTER if attempts.asked_until else LONGEST_RECHECK
    set_back = attempts.not_before - seen.now > longest
    return None if set_back else latest(unless_requested(seen, attempts.not_before), attempts.asked_until)


def _peace(seen: Observation) -> datetime | None:
    """When the target may be brought back again."""
    return unless_requested(seen, seen.attempts.repair_not_before(seen.now, seen.schedule))


def unless_requested(seen: Observation, until: datetime | None) -> datetime | None:
    """A renew request goes past a wait of ours, when it is its turn."""
    if until is None or not seen.open_request:
        return until
    return min(until, _turn(seen) or seen.now)


def _turn(seen: Observation) -> datetime | None:
    """When the next renew request may be answered; one answered in the future was so before the clock was set back."""
    handled_at = seen.attempts.handled_at
    return handled_at + REQUEST_SPACING if handled_at and handled_at <= seen.now else None


def _after_a_short_life(seen: Observation) -> datetime | None:
    stored = seen.stored
    if stored is None or stored.expires_at - stored.issued_at >= SHORTEST_LIFETIME:
        return None
    return stored.issued_at + SHORTEST_LIFETIME


def latest(*moments: datetime | None) -> datetime | None:
    """The last of the moments that there are; None without one."""
    return max((moment for moment in moments if moment), default=None)


def _lapsed(seen: Observation) -> bool:
    """Whether the previous token has to go, from a Secret that is otherwise as we left it."""
    stored = seen.stored
    until = stored.previous_until if stored and not stored.edited else None
    return until is not None and until <= seen.now


def _missing(seen: Observation) -> bool:
    return seen.whose is Ownership.ABSENT


def _not_adopted(seen: Observation) -> bool:
    return seen.whose is Ownership.ADOPTABLE


def _unknown(seen: Observation) -> bool:
    return seen.stored is None


def _edited(seen: Observation) -> bool:
    return seen.stored is not None and seen.stored.edited


def _other_spec(seen: Observation) -> bool:
    return seen.stored is not None and seen.stored.acquired_for.spec != seen.acquired_for.spec


def _other_credential(seen: Observation) -> bool:
    """Only a credential that could be read can differ: a broken one keeps the token until it is due."""
    return (
        seen.stored is not None
        and seen.credential is not None
        and seen.credential_error is None
        and seen.stored.acquired_for.first != seen.acquired_for.first
    )


def _requested(seen: Observation) -> bool:
    return bool(seen.open_request)


def _failed_before(seen: Observation) -> bool:
    """A renewal that somebody asked for is tried until it works, though the stored token would do.

    Without such a request it was something else that failed, as the status of a restarted operator cannot tell: no
    reason for a token.
    """
    attempts, request = seen.attempts, seen.resource.renew_request
    return (
        attempts.failures > 0
        and attempts.token_wanted
        and attempts.made_for == seen.inputs
        and request != ""
        and request == seen.handled_request
        and seen.stored is not None
        and seen.stored.renewed_for != request
    )


def _issued_in_the_future(seen: Observation) -> bool:
    """The clock stood wrong when the token was issued, so its expiry is wrong too."""
    return seen.stored is not None and seen.stored.issued_at > seen.now + seen.margins.clock_skew + SHORTEST_LIFETIME


def _due(seen: Observation) -> bool:
    return seen.schedule is not None and seen.now >= seen.schedule.renew_at


_CHECKS: tuple[tuple[Violation, Callable[[Observation], bool]], ...] = (
    (Violation.MISSING, _missing),
    (Violation.NOT_ADOPTED, _not_adopted),
    (Violation.UNKNOWN, _unknown),
    (Violation.EDITED, _edited),
    (Violation.OTHER_SPEC, _other_spec),
    (Violation.OTHER_CREDENTIAL, _other_credential),
    (Violation.FAILED_BEFORE, _failed_before),
    (Violation.ISSUED_IN_THE_FUTURE, _issued_in_the_future),
    (Violation.DUE, _due),
    (Violation.REQUESTED, _requested),  # the last: it may have to wait for its turn, and nothing else waits with it
)


def _moments(seen: Observation, decision: Decision) -> list[datetime]:
    """The moments at which the decision, or what is said of it, could become another one."""
    moments = list[datetime]()
    if seen.schedule:
        moments += [seen.schedule.renew_at, seen.schedule.expires_at]
    if seen.stored and seen.stored.previous_until:
        moments.append(seen.stored.previous_until)
    if seen.credential and seen.credential.not_after:
        moments += turns(seen.credential.not_after)
    if seen.attempts.failing_since:
        moments.append(seen.attempts.failing_since + PATIENCE)
    if isinstance(decision, Wait):
        moments.append(decision.until)
        if decision.failing_since:
            moments.append(decision.failing_since + PATIENCE)
    elif isinstance(decision, Blocked):
        moments.append(_recheck(seen, decision.error))
    return moments


def _recheck(seen: Observation, error: TokenSyncError) -> datetime:
    """What blocks is looked at again by itself: events may be missed, and some changes make none."""
    peace = _peace(seen)
    if error.reason is Reason.TARGET_CONTESTED and peace:
        return peace
    wait = (
        SHORT_RECHECK
        if error.reason in PASSES_BY_ITSELF
        else min(error.retry_after or LONGEST_RECHECK, LONGEST_RECHECK)
    )
    return seen.now + (within_budget(wait, seen.now, seen.schedule) if seen.schedule else wait)
