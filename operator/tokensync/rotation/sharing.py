"""What resources have in common that share a client: whom a failure concerns, and how long the others leave the asking to one.

A failure holds back everyone whose request would meet it too, and nobody else: what a host asks of a client, all of that
client's requests to the host; an endpoint that is down, all of the client's requests to it; a key that is refused, whoever
would offer that key; a scope that is refused, whoever sends the very same request.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Self

from tokensync.errors import Reason, TokenSyncError
from tokensync.resource.status import ConditionType
from tokensync.rotation.attempts import LONGEST_RETRY_AFTER, Attempts, Failure, backoff, within_budget
from tokensync.rotation.decide import latest, unless_requested
from tokensync.rotation.observation import Observation
from tokensync.rotation.schedule import fraction

LONGEST_SHARING = timedelta(minutes=5)
"""As long as the jitter spreads renewals that are due together: so long one token serves them all."""
_FRESH_FIRST = 0.75
"""Of the wait, for those who are pressed and have not failed themselves: a request that fails of a cause of its own must not
always be the one that asks."""


class Extent(IntEnum):
    """Whom a failure concerns, of those with the same client.

    All who ask the same host; who ask the same endpoint; who send the same request, in one namespace; who offer the same
    proof, in any. The proof comes last, because whom nothing else holds back may have another one.
    """

    HOST = 0
    ENDPOINT = 1
    REQUEST = 2
    PROOF = 3


_OF_ENDPOINT = frozenset({Reason.PROVIDER_UNAVAILABLE, Reason.PROVIDER_UNREACHABLE})
_OF_PROOF = frozenset(
    {
        Reason.CREDENTIAL_REJECTED,
        Reason.ASSERTION_REJECTED,
        Reason.CLOCK_SKEWED,
        Reason.CLIENT_UNKNOWN,
        Reason.TENANT_UNKNOWN,
        Reason.CLIENT_NOT_AUTHORIZED,
        Reason.POLICY_BLOCKED,
    }
)
_ANSWERS = _OF_PROOF | {Reason.SCOPE_REJECTED, Reason.REQUEST_REJECTED}
"""Who refuses like that is there, and takes requests."""


def extent_of(reason: Reason, *, asked_to_wait: bool) -> Extent:
    """Whom a failure concerns."""
    if asked_to_wait or reason is Reason.PROVIDER_THROTTLED:
        return Extent.HOST
    if reason in _OF_ENDPOINT:
        return Extent.ENDPOINT
    return Extent.PROOF if reason in _OF_PROOF else Extent.REQUEST


def proves_well(reason: Reason) -> tuple[Extent, ...]:
    """What is well, although a request failed for this reason."""
    return (Extent.HOST, Extent.ENDPOINT) if reason in _ANSWERS else ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the last request of those who share something failed of.

    Attributes:
        failure: what it was; of failures with the same reason the first one, so that statuses do not change with each.
        since: when the reason was first what it is now.
        attempted_at: when the last request had failed.
        held_from: when the last one had failed of those whose turn it was: what a user asked for, or a new resource did, puts
            off nobody's turn.
        wait: how long our back-off is from then, for whoever has no need for haste.
        asked_until: until when the provider asked us to wait.
        failures: how many in a row.
        by: the uid of the resource whose request it was: it follows its own back-off.
    """

    failure: Failure
    since: datetime
    attempted_at: datetime
    held_from: datetime
    wait: timedelta
    asked_until: datetime | None
    failures: int
    by: str

    @classmethod
    def after(
        cls, error: TokenSyncError, before: Self | None, *, seen: Observation, now: datetime, chance: float
    ) -> Self:
        """After a request that failed; one that was out of turn changes little.

        Args:
            error: what it failed of.
            before: what the one before it failed of; None if that worked.
            seen: the resource whose request it was.
            now: the wall clock.
            chance: in [0, 1).
        """
        asked = min(error.retry_after or timedelta(0), LONGEST_RETRY_AFTER)
        asked_until = now + asked if asked else None
        own = seen.attempts.failures if seen.attempts.made_for == seen.inputs else 0
        if before and before.held_from <= seen.now < _turn(seen, before):
            return replace(
                before,
                attempted_at=now,
                asked_until=latest(before.asked_until, asked_until),
                failures=max(before.failures, own + 1),
            )
        failures = max(before.failures if before else 0, own) + 1
        lasting = before if before and before.failure.reason is error.reason else None
        return cls(
            failure=lasting.failure if lasting else Failure(error.reason, error.text),
            since=lasting.since if lasting else _told_since(seen, error) or now,
            attempted_at=now,
            held_from=now,
            wait=backoff(error.reason, failures, chance),
            asked_until=asked_until,
            failures=failures,
            by=seen.resource.metadata.uid,
        )


def _told_since(seen: Observation, error: TokenSyncError) -> datetime | None:
    """Since when the status tells of this reason, as far as a restarted operator can know."""
    told = seen.status.condition(ConditionType.RENEWAL_SUCCEEDED)
    same = told is not None and told.status == "False" and told.reason is error.reason
    return told.last_transition_time if told and same else None


def held_until(seen: Observation, trouble: Trouble) -> datetime | None:
    """Until when a resource leaves the asking to others; None if it may ask.

    Who is pressed waits for a sixth of its own retry budget at most, as after a failure of its own; who has time waits
    until somebody else has had an answer, or else its turn comes, so that not all come at once.
    """
    if trouble.attempted_at > seen.now:  # before the clock was set back
        return None
    goes_past = trouble.by == seen.resource.metadata.uid or _is_new(seen, trouble)
    until = None if goes_past else unless_requested(seen, _turn(seen, trouble))
    return latest(until, trouble.asked_until)


def relieves(failed: Attempts, *, overcome_at: datetime, failures: int) -> bool:
    """Whether what a resource failed of is over, because somebody who shares it has had an answer since.

    Who has failed more often than all of them together has a trouble of its own.
    """
    return failed.failed_at is not None and failed.failed_at < overcome_at and failed.failures <= failures


def follows_at(seen: Observation, accepted_at: datetime, place: float) -> datetime:
    """When a resource follows to a credential that was accepted, so that all are spread over the time that they have.

    Args:
        seen: one that has a token, and time.
        accepted_at: when the credential was.
        place: in [0, 1), among all who follow.
    """
    return accepted_at + place * (seen.schedule.renew_at - accepted_at) if seen.schedule else accepted_at


def sharing_span(lifetime: timedelta) -> timedelta:
    """For how long after its issue a token is handed to others."""
    return min(lifetime / 10, LONGEST_SHARING)


def _turn(seen: Observation, trouble: Trouble) -> datetime:
    return trouble.held_from + _pause(seen, trouble)


def _pause(seen: Observation, trouble: Trouble) -> timedelta:
    failed_itself = seen.attempts.failures > 0
    if seen.has_slack:
        return trouble.wait * (1 if failed_itself else 1 + fraction(seen.resource.metadata.uid))
    pause = within_budget(trouble.wait, trouble.held_from, seen.schedule) if seen.schedule else trouble.wait
    return pause if failed_itself else pause * _FRESH_FIRST


def _is_new(seen: Observation, trouble: Trouble) -> bool:
    """Whether somebody waits for it who does not know of the trouble: it is tried at once.

    It was created since, or it failed and has another spec or another credential since.
    """
    created_at, attempts = seen.resource.metadata.creation_timestamp, seen.attempts
    if attempts.failures > 0:
        return attempts.made_for != seen.inputs
    return created_at is not None and created_at > trouble.attempted_at
