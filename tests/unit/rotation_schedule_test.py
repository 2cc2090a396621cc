"""When a token is renewed, and whether its lifetime leaves room for that."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.builders import HOUR, ISSUED_AT, MARGINS, UID, make_schedule
from tokensync.duration import LONGEST, parse_duration
from tokensync.rotation.schedule import LONGEST_JITTER, SHORTEST_LIFETIME, Margins, Schedule

MILLISECOND = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
NO_MARGINS = Margins(propagation=timedelta(0), clock_skew=timedelta(0), retry_budget=timedelta(0))

LIFETIMES = st.timedeltas(SECOND, timedelta(days=3650)) | st.timedeltas(SECOND, 2 * HOUR)
UIDS = st.uuids().map(str)
SETTINGS = st.builds(
    Margins,
    propagation=st.timedeltas(timedelta(0), HOUR),
    clock_skew=st.timedeltas(timedelta(0), HOUR),
    retry_budget=st.none() | st.timedeltas(SECOND, 2 * HOUR),
)
DURATIONS = st.integers(0, int(LONGEST.total_seconds())).map(lambda seconds: f"{seconds}s")
RENEWALS = st.fixed_dictionaries(
    {}, optional={"before": DURATIONS, "lifetimePercentage": st.integers(34, 90), "consumerHold": DURATIONS}
)


def jitter(uid: str, lifetime: timedelta) -> timedelta:
    """The jitter as the contract words it: SHA-256 of the uid, as a fraction of 10 % of the lifetime or of 5 minutes."""
    fraction = int(hashlib.sha256(uid.encode()).hexdigest(), 16) / 2**256
    return fraction * min(lifetime / 10, timedelta(minutes=5))


def near(one: timedelta, other: timedelta) -> bool:
    """Equal but for the cut to milliseconds and what floating point adds to it."""
    return abs(one - other) <= 2 * MILLISECOND


@given(LIFETIMES, RENEWALS, SETTINGS, UIDS)
@example(SECOND, {}, NO_MARGINS, UID)
@example(SECOND, {"lifetimePercentage": 90}, NO_MARGINS, UID)
def test_renewal_comes_before_the_expiry_and_after_a_third_of_the_life(
    lifetime: timedelta, renewal: dict[str, Any], margins: Margins, uid: str
) -> None:
    """Whatever is asked for: strictly before the expiry, and never before a third of the lifetime has passed."""
    schedule = make_schedule(lifetime, margins=margins, uid=uid, **renewal)
    assert schedule.renew_at < schedule.expires_at
    assert schedule.renew_at > ISSUED_AT + lifetime / 3 - MILLISECOND


@given(LIFETIMES, RENEWALS, SETTINGS, UIDS)
def test_renewal_comes_no_later_than_any_of_the_three_wishes(
    lifetime: timedelta, renewal: dict[str, Any], margins: Margins, uid: str
) -> None:
    """The percentage, `renewal.before` and the sum each hold, unless a third of the lifetime is later."""
    schedule = make_schedule(lifetime, margins=margins, uid=uid, **renewal)
    percentage = renewal.get("lifetimePercentage", 67)
    wishes = (ISSUED_AT + lifetime * percentage / 100, schedule.expires_at - _needed(lifetime, renewal, margins))
    assert schedule.renew_at <= max(min(wishes), ISSUED_AT + lifetime / 3)


@given(LIFETIMES, UIDS)
def test_jitter_is_what_the_uid_decides_within_its_bounds(lifetime: timedelta, uid: str) -> None:
    """Renewal is earlier than the percentage by the uid's fraction of a tenth of the lifetime, at most five minutes."""
    schedule = make_schedule(lifetime, margins=NO_MARGINS, uid=uid, lifetimePercentage=50)
    earlier = lifetime / 2 - (schedule.renew_at - ISSUED_AT)
    assert -MILLISECOND <= earlier <= min(lifetime / 10, LONGEST_JITTER) + MILLISECOND
    assert near(earlier, jitter(uid, lifetime))


@given(LIFETIMES, RENEWALS, SETTINGS, UIDS)
def test_same_token_of_the_same_resource_is_renewed_at_the_same_time(
    lifetime: timedelta, renewal: dict[str, Any], margins: Margins, uid: str
) -> None:
    """A restart moves nothing: the jitter is not drawn again."""
    again = [make_schedule(lifetime, margins=margins, uid=uid, **renewal) for _ in range(2)]
    assert again[0] == again[1]


def test_resources_are_spread_over_the_jitter() -> None:
    """A hundred resources whose tokens were issued in one moment are not renewed in one."""
    renewals = [make_schedule(uid=str(number)).renew_at for number in range(100)]
    assert len(set(renewals)) == 100
    assert max(renewals) - min(renewals) > LONGEST_JITTER * 0.9


def test_hour_at_default_settings_is_renewed_by_the_sum() -> None:
    """2 min + 1 min + 0 s + 20 min before the hour's end is earlier than 67 %: minute 37, less the jitter."""
    schedule = make_schedule(HOUR)
    without_jitter = timedelta(minutes=60 - 2 - 1 - 0 - 20)
    assert near(schedule.renew_at - ISSUED_AT, without_jitter - jitter(UID, HOUR))
    assert schedule.budget == timedelta(minutes=20)
    assert schedule.missed_at == ISSUED_AT + timedelta(minutes=57)
    assert schedule.gap_free


def test_jitter_of_this_uid_is_the_one_worked_out_by_hand() -> None:
    """Its SHA-256 begins with 37bfc783: 0.2177701 of five minutes are 65.331 s, and 37 min less that is 35 min 54.668 s."""
    assert make_schedule(HOUR).renew_at - ISSUED_AT == timedelta(minutes=35, seconds=54, milliseconds=668)


@pytest.mark.parametrize(
    ("minutes", "settings", "renewal", "renewed_at_minute"),
    [
        pytest.param(24 * 60, {}, {}, 0.67 * 24 * 60, id="of a day, 67 % comes first"),
        pytest.param(24 * 60, {}, {"lifetimePercentage": 50}, 12 * 60, id="of a day, the percentage asked for"),
        pytest.param(60, {}, {"lifetimePercentage": 34}, 20.4, id="34 % comes before the sum"),
        pytest.param(60, {}, {"lifetimePercentage": 90}, 37, id="the sum comes before 90 %"),
        pytest.param(60, {}, {"before": "30m"}, 30, id="before comes before the sum"),
        pytest.param(60, {}, {"before": "10m"}, 37, id="the sum comes before before"),
        pytest.param(60, {}, {"consumerHold": "15m"}, 22, id="a consumer's hold is part of the sum"),
        pytest.param(60, {"retry_budget": timedelta(minutes=30)}, {}, 27, id="the budget that is set"),
        pytest.param(60, {"propagation": timedelta(minutes=10)}, {}, 29, id="the propagation that is set"),
        pytest.param(60, {"clock_skew": timedelta(minutes=9)}, {}, 29, id="the clock skew that is set"),
        pytest.param(30, {}, {}, 17, id="the budget is a third of a short life"),
        pytest.param(90, {}, {}, 60.3, id="the budget is no more than twenty minutes"),
    ],
)
def test_the_earliest_wish_decides(
    minutes: int, settings: dict[str, timedelta], renewal: dict[str, Any], renewed_at_minute: float
) -> None:
    """Renewal time is the earliest of percentage, `before` and sum, less the jitter."""
    lifetime = timedelta(minutes=minutes)
    defaults = {"propagation": MARGINS.propagation, "clock_skew": MARGINS.clock_skew}
    margins = Margins(**{**defaults, **settings})
    schedule = make_schedule(lifetime, margins=margins, **renewal)
    wanted = timedelta(minutes=renewed_at_minute) - jitter(UID, lifetime)
    assert near(schedule.renew_at - ISSUED_AT, max(wanted, lifetime / 3))


@pytest.mark.parametrize(
    ("seconds", "renewal", "gap_free"),
    [
        pytest.param(3600, {}, True, id="an hour at the defaults"),
        pytest.param(540, {}, True, id="exactly as long as the sum and a third"),
        pytest.param(539, {}, False, id="a second less"),
        pytest.param(3600, {"consumerHold": "17m"}, True, id="the hold just fits"),
        pytest.param(3600, {"consumerHold": "17m1s"}, False, id="the hold is a second too long"),
        pytest.param(3600, {"before": "40m"}, True, id="before asks for all but the third"),
        pytest.param(3600, {"before": "40m1s"}, False, id="before asks for a second of the third"),
        pytest.param(3600, {"lifetimePercentage": 34}, True, id="the jitter alone reaches into the third"),
        pytest.param(3600, {"lifetimePercentage": 90}, True, id="a late percentage takes nothing from the sum"),
    ],
)
def test_gap_free_says_whether_the_third_leaves_room(seconds: int, renewal: dict[str, Any], gap_free: bool) -> None:
    """It is False exactly where a third of the lifetime is later than the sum or `renewal.before` allows."""
    assert make_schedule(timedelta(seconds=seconds), **renewal).gap_free is gap_free


@given(LIFETIMES, RENEWALS, SETTINGS, UIDS)
def test_gap_free_is_false_exactly_when_the_contract_says_so(
    lifetime: timedelta, renewal: dict[str, Any], margins: Margins, uid: str
) -> None:
    """Neither the jitter nor the percentage plays a part; less than five seconds are too short for anything."""
    room = lifetime - lifetime / 3
    fits = _needed(lifetime, renewal, margins) <= room and lifetime >= SHORTEST_LIFETIME
    assert make_schedule(lifetime, margins=margins, uid=uid, **renewal).gap_free is fits


@given(LIFETIMES, RENEWALS, SETTINGS, UIDS)
def test_gap_free_token_is_renewed_as_early_as_the_sum_asks(
    lifetime: timedelta, renewal: dict[str, Any], margins: Margins, uid: str
) -> None:
    """True is a promise: all of the sum lies between the renewal and the expiry."""
    schedule = make_schedule(lifetime, margins=margins, uid=uid, **renewal)
    if schedule.gap_free:
        assert schedule.expires_at - schedule.renew_at >= _needed(lifetime, renewal, margins)


@pytest.mark.parametrize(
    ("schedule", "arithmetic"),
    [
        pytest.param(
            make_schedule(timedelta(minutes=6)),
            "propagation 2m + clock skew 1m + consumer hold 0s + retry budget 2m = 5m; "
            "a token of 6m leaves 4m after a third of its life",
            id="the sum is too long",
        ),
        pytest.param(
            make_schedule(HOUR, before="50m", consumerHold="90s"),
            "propagation 2m + clock skew 1m + consumer hold 1m30s + retry budget 20m = 24m30s, "
            "renewal.before asks for 50m; a token of 1h leaves 40m after a third of its life",
            id="before asks for too much",
        ),
        pytest.param(
            make_schedule(timedelta(seconds=4), margins=Margins(timedelta(0), timedelta(0))),
            "propagation 0s + clock skew 0s + consumer hold 0s + retry budget 1.3s = 1.3s; "
            "a token of 4s leaves 2.7s after a third of its life, and less than 5s is too short for any sum",
            id="the token is too short whatever the sum",
        ),
    ],
)
def test_arithmetic_is_shown_with_all_its_terms(schedule: Schedule, arithmetic: str) -> None:
    """Whoever reads it can check it, and sees which term to change."""
    assert not schedule.gap_free
    assert schedule.arithmetic == arithmetic


@pytest.mark.parametrize("lifetime", [timedelta(0), -HOUR])
def test_token_without_a_lifetime_is_due_at_once(lifetime: timedelta) -> None:
    """Times that make no sense, as somebody may write them, are no reason to wait."""
    assert make_schedule(lifetime).renew_at <= ISSUED_AT
    assert not make_schedule(lifetime).gap_free


@given(LIFETIMES)
def test_times_survive_the_status(lifetime: timedelta) -> None:
    """The renewal time is in whole milliseconds, so that it compares equal after it was stored."""
    assert make_schedule(lifetime).renew_at.microsecond % 1000 == 0


def _needed(lifetime: timedelta, renewal: dict[str, Any], margins: Margins) -> timedelta:
    hold, before = (parse_duration(renewal.get(name, "0s")) for name in ("consumerHold", "before"))
    budget = min(lifetime / 3, timedelta(minutes=20)) if margins.retry_budget is None else margins.retry_budget
    return max(margins.propagation + margins.clock_skew + hold + budget, before)
