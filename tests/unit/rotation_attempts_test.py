"""When a failed attempt is tried again, and what is remembered of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.builders import HOUR, ISSUED_AT, make_schedule
from tokensync.errors import PASSES_BY_ITSELF, ProviderError, Reason
from tokensync.resource.status import Attempt, Condition, ConditionType, Status
from tokensync.rotation.attempts import (
    FIRST_RECHECK,
    FIRST_RETRY,
    LONGEST_RECHECK,
    LONGEST_RETRY,
    PEACE,
    SHORTEST_WAIT,
    Attempts,
    Failure,
    within_budget,
)
from tokensync.rotation.schedule import Schedule

NOW = ISSUED_AT
SECOND = timedelta(seconds=1)
CHANCES = st.floats(0, 1, exclude_max=True)
PASSING = st.sampled_from(sorted(PASSES_BY_ITSELF))
LASTING = st.sampled_from(sorted(set(Reason) - PASSES_BY_ITSELF))
ALMOST_ONE = 1 - 2**-30


def fail(
    attempts: Attempts,
    reason: Reason = Reason.PROVIDER_UNAVAILABLE,
    *,
    now: datetime = NOW,
    retry_after: timedelta | None = None,
    schedule: Schedule | None = None,
    made_for: str = "1:AA",
    chance: float = ALMOST_ONE,
) -> Attempts:
    """After one more failure."""
    error = ProviderError(reason, "no", remedy="mend it", retry_after=retry_after)
    return attempts.failed(error, now=now, schedule=schedule, made_for=made_for, token_wanted=True, chance=chance)


def waits(reason: Reason, chance: float, failures: int) -> list[timedelta]:
    """How long each of so many failures in a row makes us wait."""
    attempts, found = Attempts(), list[timedelta]()
    for _ in range(failures):
        attempts = fail(attempts, reason, chance=chance)
        assert attempts.not_before is not None
        found.append(attempts.not_before - NOW)
    return found


@given(PASSING)
def test_what_passes_by_itself_is_tried_after_seconds_doubling_to_five_minutes(reason: Reason) -> None:
    """The span of the jitter is 2 s, 4 s, 8 s and so on."""
    spans = [min(FIRST_RETRY * 2**doubling, LONGEST_RETRY) for doubling in range(40)]
    for wait, span in zip(waits(reason, ALMOST_ONE, 40), spans, strict=True):
        assert span - SECOND < wait <= span
    assert spans[-1] == timedelta(minutes=5)


@given(LASTING)
def test_what_needs_a_person_is_tried_after_minutes_up_to_a_quarter_of_an_hour(reason: Reason) -> None:
    """It is tried for ever: what is mended outside the cluster is found."""
    spans = [min(FIRST_RECHECK * 2**doubling, LONGEST_RECHECK) for doubling in range(40)]
    for wait, span in zip(waits(reason, ALMOST_ONE, 40), spans, strict=True):
        assert span - SECOND < wait <= span
    assert spans[-1] == timedelta(minutes=15)


@given(PASSING, CHANCES, st.integers(1, 30))
def test_jitter_is_full(reason: Reason, chance: float, failures: int) -> None:
    """The wait is that share of the span, so that many who failed together do not come back together."""
    span = min(FIRST_RETRY * 2 ** (failures - 1), LONGEST_RETRY)
    wait = waits(reason, chance, failures)[-1]
    assert abs(wait - max(chance * span, SHORTEST_WAIT)) < timedelta(milliseconds=1)


@given(LASTING, CHANCES, st.integers(1, 30))
def test_lasting_failure_is_never_tried_again_within_half_of_its_span(
    reason: Reason, chance: float, failures: int
) -> None:
    """Nobody can have mended it yet."""
    span = min(FIRST_RECHECK * 2 ** (failures - 1), LONGEST_RECHECK)
    assert span / 2 <= waits(reason, chance, failures)[-1] <= span


@given(st.sampled_from(Reason), CHANCES, st.integers(1, 30))
def test_next_attempt_is_never_at_once(reason: Reason, chance: float, failures: int) -> None:
    """No draw of the jitter makes a loop."""
    assert min(waits(reason, chance, failures)) >= SHORTEST_WAIT


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        pytest.param(timedelta(seconds=1), FIRST_RETRY, id="a short one: ours is longer"),
        pytest.param(timedelta(minutes=7), timedelta(minutes=7), id="a long one goes before ours"),
        pytest.param(timedelta(hours=1), timedelta(hours=1), id="an hour is honoured"),
        pytest.param(timedelta(hours=5), timedelta(hours=1), id="more than an hour is not"),
        pytest.param(timedelta(0), FIRST_RETRY, id="none at all"),
        pytest.param(timedelta(seconds=-9), FIRST_RETRY, id="one in the past"),
    ],
)
def test_retry_after_is_the_floor(retry_after: timedelta, wait: timedelta) -> None:
    """The provider's wish goes before our back-off, up to an hour."""
    attempts = fail(Attempts(), Reason.PROVIDER_THROTTLED, retry_after=retry_after)
    assert attempts.not_before is not None
    assert abs(attempts.not_before - NOW - wait) < timedelta(milliseconds=1)


def test_retry_after_goes_before_the_retry_budget() -> None:
    """Where a token is due, our own wait is shortened, the provider's is not."""
    schedule = make_schedule(HOUR)
    attempts = fail(
        Attempts(), Reason.PROVIDER_THROTTLED, now=schedule.renew_at, retry_after=20 * HOUR / 60, schedule=schedule
    )
    assert attempts.not_before == schedule.renew_at + timedelta(minutes=20)


def test_only_the_share_that_the_provider_asked_for_binds_a_renew_request() -> None:
    """Our own, longer wait is remembered beside it."""
    attempts = fail(Attempts(), Reason.CLIENT_UNKNOWN, retry_after=3 * SECOND)
    assert attempts.asked_until == NOW + 3 * SECOND
    assert attempts.not_before is not None
    assert attempts.not_before > NOW + 50 * SECOND
    assert fail(attempts, Reason.CLIENT_UNKNOWN).asked_until is None


@pytest.mark.parametrize(
    ("failed_at", "wait", "shortened"),
    [
        pytest.param(-30, 15, 15, id="long before the renewal time: as it is"),
        pytest.param(-10, 15, 10, id="across the renewal time: until then"),
        pytest.param(-1, 15, 200 / 60, id="just before it: a sixth of the budget"),
        pytest.param(0, 15, 200 / 60, id="at it: a sixth of the budget"),
        pytest.param(10, 15, 200 / 60, id="after it: a sixth of the budget"),
        pytest.param(10, 2, 2, id="after it, and short already: as it is"),
    ],
)
def test_wait_is_shortened_where_a_token_is_due(failed_at: float, wait: float, shortened: float) -> None:
    """From the renewal time to the expiry attempts are a sixth of the budget apart; the times here are minutes of both."""
    schedule = make_schedule(HOUR)
    now = schedule.renew_at + timedelta(minutes=failed_at)
    assert within_budget(timedelta(minutes=wait), now, schedule) == timedelta(minutes=shortened)


@pytest.mark.parametrize(
    ("expired_for", "wait", "shortened"),
    [
        pytest.param(0, 15, 200 / 60, id="at the expiry: a sixth of the budget"),
        pytest.param(2, 15, 200 / 60, id="soon after it: a sixth of the budget"),
        pytest.param(10, 15, 10, id="later: as long as it was expired"),
        pytest.param(20, 15, 15, id="long after it: as it is"),
    ],
)
def test_a_gap_is_not_doubled_by_waiting(expired_for: float, wait: float, shortened: float) -> None:
    """When the provider comes back, whoever has no token waits no longer than he has been without; in minutes."""
    schedule = make_schedule(HOUR)
    now = schedule.expires_at + timedelta(minutes=expired_for)
    assert within_budget(timedelta(minutes=wait), now, schedule) == timedelta(minutes=shortened)


def test_other_inputs_start_anew() -> None:
    """A changed spec or certificate is not made to wait for what failed with another."""
    attempts = Attempts()
    for _ in range(5):
        attempts = fail(attempts, now=NOW)
    fresh = fail(attempts, now=NOW + HOUR, made_for="2:AA")
    assert (fresh.failures, fresh.failing_since) == (1, NOW + HOUR)
    assert fresh.not_before is not None
    assert fresh.not_before <= NOW + HOUR + FIRST_RETRY


def test_same_reason_is_counted_from_its_first_time() -> None:
    """Another reason, or the same one after a success, is counted from now."""
    first = fail(Attempts(), Reason.CLIENT_UNKNOWN)
    again = fail(first, Reason.CLIENT_UNKNOWN, now=NOW + HOUR)
    assert again.failing_since == NOW
    assert fail(again, Reason.TENANT_UNKNOWN, now=NOW + 2 * HOUR).failing_since == NOW + 2 * HOUR
    assert fail(again.succeeded(), Reason.CLIENT_UNKNOWN, now=NOW + 3 * HOUR).failing_since == NOW + 3 * HOUR


def test_success_forgets_failures_and_nothing_else() -> None:
    """The war over a target and the last renew request outlive it."""
    attempts = fail(Attempts().repaired(NOW).handled(NOW))
    assert attempts.succeeded() == Attempts(handled_at=NOW, repairs=1, repaired_at=NOW)


def test_failure_is_told_with_its_remedy() -> None:
    """What is remembered is what a condition shows."""
    assert fail(Attempts(), Reason.CLIENT_UNKNOWN).last == Failure(Reason.CLIENT_UNKNOWN, "no: mend it")


def repair_times(attempts: Attempts, count: int, *, schedule: Schedule | None = None) -> list[datetime]:
    """When a target is repaired that somebody edits again as soon as it was."""
    now, times = NOW, list[datetime]()
    for _ in range(count):
        now = max(now, attempts.repair_not_before(now, schedule) or now)
        times.append(now)
        attempts = attempts.repaired(now)
        now += timedelta(milliseconds=100)
    return times


def test_repairs_come_at_once_then_after_seconds_then_after_minutes() -> None:
    """An opponent who never stops finds a calm operator: five minutes are the longest wait, and it stays so."""
    waited = [later - earlier for earlier, later in pairwise(repair_times(Attempts(), 12))]
    minutes = [timedelta(minutes=number) for number in (1, 2, 4, 5, 5, 5, 5, 5, 5)]
    assert waited == [1 * SECOND, 2 * SECOND, *minutes]


def test_target_is_contested_from_the_third_repair_on_until_it_was_left_alone() -> None:
    """Three repairs in a row are nobody's war; ten minutes without one are peace."""
    attempts = Attempts()
    contested = list[bool]()
    for number in range(4):
        contested.append(attempts.contested(NOW + number * SECOND))
        attempts = attempts.repaired(NOW + number * SECOND)
    assert contested == [False, False, False, True]
    last = NOW + 3 * SECOND
    assert attempts.contested(last + PEACE)
    assert not attempts.contested(last + PEACE + SECOND)
    assert attempts.repaired(last + PEACE + SECOND).repairs == 1


def test_opponent_who_edits_on_does_not_get_rid_of_the_reason_by_our_waiting() -> None:
    """Our own longest wait does not count as having been left alone."""
    attempts = Attempts()
    for number, moment in enumerate(repair_times(attempts, 20)):
        assert attempts.contested(moment) is (number >= 3)
        attempts = attempts.repaired(moment)


@pytest.mark.parametrize("repairs", [1, 2, 3, 9])
def test_clock_that_was_set_back_delays_no_repair(repairs: int) -> None:
    """A repair that lies ahead says nothing of what is going on now."""
    attempts = Attempts(repairs=repairs, repaired_at=NOW + 24 * HOUR)
    assert attempts.repair_not_before(NOW, None) is None
    assert not attempts.contested(NOW)
    assert attempts.repaired(NOW).repairs == 1


def test_war_over_one_target_is_none_over_another() -> None:
    """Failures and the last renew request are the resource's, whatever it writes."""
    attempts = replace(fail(Attempts()), repairs=5, repaired_at=NOW, handled_at=NOW)
    assert attempts.at_peace() == replace(attempts, repairs=0, repaired_at=None)
    assert attempts.at_peace().repair_not_before(NOW, None) is None


def test_contested_target_is_repaired_when_its_token_is_due() -> None:
    """Neither a war nor our calm keeps a token beyond its renewal time, or attempts further apart than promised."""
    schedule = make_schedule(timedelta(minutes=10))
    before = Attempts(repairs=9, repaired_at=schedule.renew_at - timedelta(minutes=2))
    assert before.repair_not_before(schedule.renew_at, schedule) == schedule.renew_at
    after = Attempts(repairs=9, repaired_at=schedule.renew_at)
    assert after.repair_not_before(schedule.renew_at, schedule) == schedule.renew_at + schedule.budget / 6


FAILING_STATUS = Status(
    consecutive_failures=4,
    last_attempt=Attempt(time=NOW, reason=Reason.CLIENT_UNKNOWN, message="no: mend it"),
    next_attempt_time=NOW + HOUR,
    conditions=(
        Condition(
            type=ConditionType.RENEWAL_SUCCEEDED,
            status="False",
            reason=Reason.CLIENT_UNKNOWN,
            message="no: mend it",
            observed_generation=1,
            last_transition_time=NOW - HOUR,
        ),
    ),
)


def test_restarted_operator_goes_on_where_the_other_stopped() -> None:
    """Failures, reason, since when, and the next attempt come from the status."""
    assert Attempts.remembered(FAILING_STATUS, "1:AA") == Attempts(
        failures=4,
        last=Failure(Reason.CLIENT_UNKNOWN, "no: mend it"),
        failing_since=NOW - HOUR,
        failed_at=NOW,
        not_before=NOW + HOUR,
        token_wanted=True,
        made_for="1:AA",
    )


@pytest.mark.parametrize(
    ("changes", "remembered"),
    [
        pytest.param({"consecutive_failures": 0}, {"failures": 0}, id="nothing failed"),
        pytest.param({"last_attempt": None}, {"failures": 0}, id="no attempt is told"),
        pytest.param({"conditions": ()}, {"failures": 0}, id="a condition is lost"),
        pytest.param(
            {"last_attempt": Attempt(time=NOW, reason=Reason.PROVIDER_THROTTLED)},
            {"asked_until": NOW + HOUR, "failing_since": NOW, "last": Failure(Reason.PROVIDER_THROTTLED, "")},
            id="throttled, and another reason than the condition's",
        ),
    ],
)
def test_status_that_tells_less_is_taken_for_what_it_tells(changes: dict[str, Any], remembered: dict[str, Any]) -> None:
    """A status is written by others, too: what is missing is not made up."""
    attempts = Attempts.remembered(FAILING_STATUS.model_copy(update=changes), "1:AA")
    assert {name: getattr(attempts, name) for name in remembered} == remembered
