"""Decisions followed through time, on a clock that jumps from one to the next."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.builders import HOUR, ISSUED_AT, MARGINS, make_observation, make_resource, make_schedule, make_stored
from tokensync.errors import CredentialError, ProviderError, Reason, TokenSyncError
from tokensync.resource.status import ConditionType
from tokensync.rotation.attempts import Attempts
from tokensync.rotation.conditions import conditions
from tokensync.rotation.decide import Acquire, Blocked, Decision, decide, next_check
from tokensync.rotation.observation import Observation
from tokensync.rotation.schedule import Margins, Schedule
from tokensync.target.stored import StoredToken

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
REQUEST_TIMEOUT = timedelta(seconds=10)
SMALL_MARGINS = Margins(propagation=SECOND, clock_skew=SECOND)

LIFETIMES = st.timedeltas(timedelta(seconds=5), 3 * HOUR)
BUDGETS = st.none() | st.floats(1 / 60, 1)
"""Shares of the lifetime, or what it is by default."""
CHANCES = st.floats(0.1, 1, exclude_max=True)  # near zero every time, it would only be slow
REASONS = pytest.mark.parametrize("reason", list(Reason))

Outcome = Callable[[datetime], TokenSyncError | None]
"""What becomes of an attempt at a moment: None if it works."""


def always(reason: Reason, retry_after: timedelta | None = None) -> Outcome:
    """Nothing works, for one reason."""
    return lambda _: ProviderError(reason, "no", retry_after=retry_after)


def with_budget(margins: Margins, lifetime: timedelta, share: float | None) -> Margins:
    """These margins with a retry budget of that share of the lifetime."""
    return replace(margins, retry_budget=None if share is None else share * lifetime)


@dataclass
class Timeline:
    """One resource whose token was issued at `ISSUED_AT`; every attempt ends as `outcome` says, after `takes`.

    Attributes:
        tried: when each attempt began; a look at a credential that blocks is one.
        tokens: those that the Secret held, one after the other.
    """

    outcome: Outcome
    lifetime: timedelta = HOUR
    margins: Margins = MARGINS
    chance: float = 0.5
    takes: timedelta = timedelta(0)
    credential_error: TokenSyncError | None = None
    renew_request: str | None = None
    now: datetime = ISSUED_AT
    attempts: Attempts = field(default_factory=Attempts)
    handled_request: str | None = None
    tried: list[datetime] = field(default_factory=list)
    tokens: list[StoredToken] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tokens.append(make_stored(expires_at=ISSUED_AT + self.lifetime))
        self._well = make_observation(margins=self.margins, credential_error=self.credential_error)

    @property
    def schedule(self) -> Schedule:
        """The times of the first token."""
        return make_schedule(self.lifetime, margins=self.margins)

    def until(self, end: datetime) -> Iterator[tuple[Observation, Decision]]:
        """Live until a moment, and tell what was seen and decided at each step."""
        while self.now < end:
            seen = self._look()
            decision = decide(seen)
            yield seen, decision
            if isinstance(decision, Acquire):
                self._try(seen)
                continue
            if isinstance(decision, Blocked):
                self.tried.append(self.now)
            self.now = next_check(seen, decision) or end

    def _look(self) -> Observation:
        return replace(
            self._well,
            now=self.now,
            resource=make_resource(renew_request=self.renew_request),
            stored=self.tokens[-1],
            attempts=self.attempts,
            handled_request=self.handled_request,
        )

    def _try(self, seen: Observation) -> None:
        self.tried.append(self.now)
        issued_at, self.now = self.now, self.now + self.takes
        error = self.outcome(issued_at)
        if seen.open_request:
            self.handled_request, self.attempts = seen.open_request, self.attempts.handled(self.now)
        if error is None:
            self.attempts = self.attempts.succeeded()
            answered = seen.resource.renew_request
            token = replace(self.tokens[-1], issued_at=issued_at, expires_at=issued_at + self.lifetime)
            self.tokens.append(replace(token, renewed_for=answered))
            return
        self.attempts = self.attempts.failed(
            error,
            now=self.now,
            schedule=seen.schedule,
            made_for=seen.inputs,
            token_wanted=True,
            chance=self.chance,
        )


def assert_promise_is_kept(timeline: Timeline) -> None:
    """From the renewal time to the expiry, attempts are at most a sixth of the budget and one request apart."""
    schedule = timeline.schedule
    within = [moment for moment in timeline.tried if schedule.renew_at <= moment < schedule.expires_at]
    assert within[0] - schedule.renew_at <= schedule.budget / 6 + timeline.takes
    for earlier, later in pairwise([*within, schedule.expires_at]):
        assert later - earlier <= schedule.budget / 6 + timeline.takes


@given(st.sampled_from(Reason), LIFETIMES, BUDGETS, CHANCES, st.timedeltas(timedelta(0), REQUEST_TIMEOUT))
def test_due_token_is_tried_for_often_enough_whatever_fails(
    reason: Reason, lifetime: timedelta, share: float | None, chance: float, takes: timedelta
) -> None:
    """However long the reason's own back-off has grown."""
    margins = with_budget(MARGINS, lifetime, share)
    timeline = Timeline(always(reason), lifetime=lifetime, margins=margins, chance=chance, takes=takes)
    list(timeline.until(ISSUED_AT + lifetime))
    assert_promise_is_kept(timeline)


@given(st.sampled_from(Reason), LIFETIMES, CHANCES)
def test_due_token_is_tried_for_often_enough_after_a_request_that_fails_since_long(
    reason: Reason, lifetime: timedelta, chance: float
) -> None:
    """The back-off of attempts before the renewal time does not reach far into it."""
    timeline = Timeline(always(reason), lifetime=lifetime, chance=chance, renew_request="now")
    list(timeline.until(ISSUED_AT + lifetime))
    assert timeline.tried[0] == ISSUED_AT
    assert_promise_is_kept(timeline)


@given(st.sampled_from(Reason), LIFETIMES)
def test_due_token_is_tried_for_often_enough_while_the_credential_is_broken(
    reason: Reason, lifetime: timedelta
) -> None:
    """A credential that was mended is found in time, even if no event tells of it."""
    broken = CredentialError(reason, "no")
    timeline = Timeline(always(reason), lifetime=lifetime, credential_error=broken)
    list(timeline.until(ISSUED_AT + lifetime))
    assert_promise_is_kept(timeline)


@given(LIFETIMES, BUDGETS, CHANCES, st.floats(0, 5 / 6), st.sampled_from(Reason))
def test_outage_within_the_budget_leaves_no_gap(
    lifetime: timedelta, budget: float | None, chance: float, share: float, reason: Reason
) -> None:
    """A provider that is back before the last sixth of the budget: the new token is in every pod before it is missed."""
    margins = with_budget(SMALL_MARGINS, lifetime, budget)
    schedule = make_schedule(lifetime, margins=margins)
    back = schedule.renew_at + share * schedule.budget

    def outcome(moment: datetime) -> TokenSyncError | None:
        return ProviderError(reason, "no") if moment < back else None

    timeline = Timeline(outcome, lifetime=lifetime, margins=margins, chance=chance)
    list(timeline.until(ISSUED_AT + lifetime))
    if schedule.gap_free:
        assert timeline.tokens[1].issued_at <= schedule.missed_at


def test_day_of_hourly_tokens_at_default_settings() -> None:
    """Each token is renewed at 35 min 54.668 s, by the sum and this uid's jitter, with one attempt."""
    timeline = Timeline(lambda _: None)
    list(timeline.until(ISSUED_AT + 24 * HOUR))
    lives = [later.issued_at - earlier.issued_at for earlier, later in pairwise(timeline.tokens)]
    assert lives == [timedelta(minutes=35, seconds=54, milliseconds=668)] * 40
    assert len(timeline.tried) == 40


@given(LIFETIMES, st.floats(0, 1))
def test_idle_resource_is_looked_at_only_when_something_is_to_be_said(lifetime: timedelta, at: float) -> None:
    """Nobody looks before the renewal time: an idle operator does nothing."""
    timeline = Timeline(lambda _: None, lifetime=lifetime, now=ISSUED_AT + at * lifetime / 3.1)
    steps = list(timeline.until(timeline.schedule.renew_at))
    assert len(steps) == 1


@given(CHANCES)
def test_retry_after_goes_before_the_sixth_of_the_budget(chance: float) -> None:
    """The provider asked for half an hour: nobody asks it sooner, though the token expires meanwhile."""
    asked = 30 * MINUTE
    timeline = Timeline(always(Reason.PROVIDER_THROTTLED, asked), chance=chance)
    list(timeline.until(ISSUED_AT + 3 * HOUR))
    assert len(timeline.tried) > 3
    assert all(later - earlier >= asked for earlier, later in pairwise(timeline.tried))


@REASONS
def test_nothing_is_given_up(reason: Reason) -> None:
    """Hours after the expiry it is still tried, at most a quarter of an hour apart."""
    end = ISSUED_AT + 4 * HOUR
    timeline = Timeline(always(reason), chance=0.9)
    list(timeline.until(end))
    assert all(later - earlier <= 15 * MINUTE for earlier, later in pairwise([*timeline.tried, end]))


@REASONS
def test_ready_stays_true_while_renewals_fail_and_the_token_lives(reason: Reason) -> None:
    """It turns False at the very moment of the expiry."""
    timeline = Timeline(always(reason), chance=0.9)
    ready = dict[datetime, str]()
    for seen, decision in timeline.until(ISSUED_AT + 2 * HOUR):
        told = {condition.type: condition.status for condition in conditions(seen, decision)}
        ready[seen.now] = told[ConditionType.READY]
    assert ready[ISSUED_AT + HOUR] == "False"
    assert {status for moment, status in ready.items() if moment < ISSUED_AT + HOUR} == {"True"}
    assert {status for moment, status in ready.items() if moment >= ISSUED_AT + HOUR} == {"False"}


def test_requests_in_quick_succession_leave_no_gap() -> None:
    """Somebody asks for a renewal every second: tokens of ten seconds are renewed in time all the same."""
    timeline = Timeline(lambda _: None, lifetime=10 * SECOND, margins=SMALL_MARGINS)
    for second in range(120):
        timeline.renew_request = f"at second {second}"
        list(timeline.until(ISSUED_AT + second * SECOND))
    assert len(timeline.tokens) > 12
    for earlier, later in pairwise(timeline.tokens):
        assert later.issued_at < earlier.expires_at


@pytest.mark.parametrize("seconds", [1, 2, 4])
def test_tokens_that_live_for_less_than_five_seconds_make_no_loop(seconds: int) -> None:
    """One request in five seconds is made, whatever comes back."""
    timeline = Timeline(lambda _: None, lifetime=seconds * SECOND)
    list(timeline.until(ISSUED_AT + MINUTE))
    assert {later - earlier for earlier, later in pairwise(timeline.tried)} == {5 * SECOND}
