"""When is it tried again? What is remembered of the attempts that failed, and of repairs that did not last.

A failure that passes by itself is tried again after seconds, doubling, with full jitter; one that needs a person after a
minute, doubling to a quarter of an hour, with half of it as jitter, never for good. From the renewal time to the expiry attempts are at most a sixth of
the retry budget apart, whatever failed; after it, no longer than the token has been expired, if that is more. A `Retry-After` goes before all of that, up to an hour.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tokensync.errors import PASSES_BY_ITSELF, CredentialError, Reason, TokenSyncError
from tokensync.resource.status import ConditionType, Status
from tokensync.rotation.schedule import Schedule

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=5)
FIRST_RECHECK = timedelta(minutes=1)
LONGEST_RECHECK = timedelta(minutes=15)
SHORT_RECHECK = timedelta(seconds=5)
SHORTEST_WAIT = timedelta(milliseconds=500)
LONGEST_RETRY_AFTER = timedelta(hours=1)
"""Longer waits are cut to this: a provider that is wrong about it must not stop renewals for days."""
ATTEMPTS_IN_BUDGET = 6
REQUEST_SPACING = timedelta(seconds=30)
REPAIRS_IN_PEACE = 3
"""So many repairs in a row are nobody's war; the next one is."""
PEACE = timedelta(minutes=10)
"""A target left alone for so long is no longer contested."""
LONGEST_REPAIR_WAIT = PEACE / 2
"""Well within `PEACE`: a target that waits to be repaired was not left alone."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt, as the status tells of it.

    Attributes:
        reason: which one it is.
        text: what is wrong, and what to do.
        of_credential: it is the credential that failed.
    """

    reason: Reason
    text: str
    of_credential: bool = False


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is remembered between attempts.

    Attributes:
        failures: how many failed since the last success.
        last: the last of them; None after a success.
        failing_since: when the reason was first what it is now.
        failed_at: when the last of them failed.
        not_before: when the next attempt may start.
        asked_until: until when the provider asked us to wait: no request of a user goes before it.
        token_wanted: the last failed attempt was to get and store a token, not only to bring order.
        made_for: what the failed attempts were made with (see `Observation.inputs`): other inputs are tried at once.
        handled_at: when the last renew request was handled.
        repairs: how many times in a row the target was brought back after somebody's edit.
        repaired_at: the last of them.
    """

    failures: int = 0
    last: Failure | None = None
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    not_before: datetime | None = None
    asked_until: datetime | None = None
    token_wanted: bool = False
    made_for: str = ""
    handled_at: datetime | None = None
    repairs: int = 0
    repaired_at: datetime | None = None

    @classmethod
    def remembered(cls, status: Status, made_for: str) -> "Attempts":
        """What a restarted operator knows from the status. `made_for` are the inputs, as the status has them."""
        last = status.last_attempt
        condition = status.condition(ConditionType.RENEWAL_SUCCEEDED)
        if not status.consecutive_failures or last is None or condition is None:
            return cls()
        valid = status.condition(ConditionType.CREDENTIAL_VALID)
        of_credential = valid is not None and (valid.status, valid.reason) == ("False", last.reason)
        return cls(
            failures=status.consecutive_failures,
            last=Failure(last.reason, last.message or "", of_credential=of_credential),
            failing_since=condition.last_transition_time if condition.reason == last.reason else last.time,
            failed_at=last.time,
            not_before=status.next_attempt_time,
            asked_until=status.next_attempt_time if last.reason is Reason.PROVIDER_THROTTLED else None,
            token_wanted=True,
            made_for=made_for,
        )

    def failed(
        self,
        error: TokenSyncError,
        *,
        now: datetime,
        schedule: Schedule | None,
        made_for: str,
        token_wanted: bool,
        chance: float,
        wait: timedelta | None = None,
        since: datetime | None = None,
    ) -> "Attempts":
        """After a failure.

        Args:
            error: what failed.
            now: the wall clock.
            schedule: that of the stored token, if there is one.
            made_for: the inputs (see `Observation.inputs`).
            token_wanted: it was to get and store a token.
            chance: in [0, 1).
            wait: how long all wait who share what failed; None where nobody else does.
            since: since when they have failed of it.
        """
        fresh = made_for != self.made_for
        failures = 1 if fresh else self.failures + 1
        same = not fresh and self.last is not None and self.last.reason is error.reason
        wait = backoff(error.reason, failures, chance) if wait is None else wait
        if schedule is not None:
            wait = within_budget(wait, now, schedule)
        asked = min(error.retry_after or timedelta(0), LONGEST_RETRY_AFTER)
        return replace(
            self,
            failures=failures,
            last=Failure(error.reason, error.text, of_credential=isinstance(error, CredentialError)),
            failing_since=self.failing_since if same else since or now,
            failed_at=now,
            not_before=now + max(wait, asked),
            asked_until=now + asked if asked > timedelta(0) else None,
            token_wanted=token_wanted,
            made_for=made_for,
        )

    def relieved(self) -> "Attempts":
        """After somebody else overcame what failed here: it is tried at once."""
        return replace(self, not_before=None, asked_until=None)

    def succeeded(self) -> "Attempts":
        """After a success: nothing is held against the next attempt; only a war over the target is not forgotten."""
        return Attempts(handled_at=self.handled_at, repairs=self.repairs, repaired_at=self.repaired_at)

    def handled(self, now: datetime) -> "Attempts":
        """After an attempt that a renew request asked for."""
        return replace(self, handled_at=now)

    def repaired(self, now: datetime) -> "Attempts":
        """After the target was brought back."""
        return replace(self, repairs=self.repairs + 1 if self._at_war(now) else 1, repaired_at=now)

    def at_peace(self) -> "Attempts":
        """For another target, or another spec: a war over the former one is none over this."""
        return replace(self, repairs=0, repaired_at=None)

    def contested(self, now: datetime) -> bool:
        """Whether somebody keeps editing the target."""
        return self.repairs >= REPAIRS_IN_PEACE and self._at_war(now)

    def repair_not_before(self, now: datetime, schedule: Schedule | None) -> datetime | None:
        """When the next repair may start: at once, then after one, two seconds; of a contested target, after minutes.

        `schedule` is that of the stored token, as far as it is known: it is renewed in time, contested or not.
        """
        if self.repaired_at is None or not self._at_war(now):
            return None
        wait = timedelta(seconds=self.repairs)
        if self.repairs >= REPAIRS_IN_PEACE:
            doublings = min(self.repairs - REPAIRS_IN_PEACE, 8)
            wait = min(FIRST_RECHECK * (1 << doublings), LONGEST_REPAIR_WAIT)
        return self.repaired_at + (within_budget(wait, self.repaired_at, schedule) if schedule else wait)

    def _at_war(self, now: datetime) -> bool:
        """Whether the target was brought back lately; a repair that lies ahead was done before the clock was set back."""
        return self.repaired_at is not None and timedelta(0) <= now - self.repaired_at <= PEACE


def within_budget(wait: timedelta, now: datetime, schedule: Schedule) -> timedelta:
    """Shorten a wait to a sixth of the retry budget where the stored token is due; once that expired, to how long ago.

    So who goes without a token because a provider was away does so for twice the outage at most.
    """
    longest = max(schedule.renew_at - now, now - schedule.expires_at, schedule.budget / ATTEMPTS_IN_BUDGET)
    return min(wait, longest)


def backoff(reason: Reason, failures: int, chance: float) -> timedelta:
    """Over a doubling span: full jitter, but half a second at least, for what passes by itself; else its upper half."""
    doublings = min(failures - 1, 16)
    if reason in PASSES_BY_ITSELF:
        return max(SHORTEST_WAIT, chance * min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY))
    span = min(FIRST_RECHECK * (1 << doublings), LONGEST_RECHECK)
    return span * (0.5 + chance / 2)
