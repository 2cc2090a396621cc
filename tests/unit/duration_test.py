"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tokensync.duration import LONGEST, parse_duration, show_duration

DURATIONS = st.integers(0, int(LONGEST.total_seconds())).map(lambda seconds: timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5400),
        ("1h1m1s", 3661),
        ("30m1h", 5400),
        ("1m1m", 120),
        ("007m", 420),
        ("720h", 2_592_000),
        ("2592000s", 2_592_000),
    ],
)
def test_parts_are_added_up(text: str, seconds: int) -> None:
    """Hours, minutes and seconds count together, in any order."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "m", "-5m", "5 m", "1.5h", "5M", "5d", "5ms", "1h,5m", "5m\n", "\u0665m", "PT5M", "1e3s"]
)
def test_other_forms_are_refused_with_an_example(text: str) -> None:
    """What is no duration is answered with how one is written."""
    with pytest.raises(ValueError, match="is not a duration: write it as 90s, 15m or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["2592001s", "721h", "720h1s", "999999999h"])
def test_longer_than_a_month_is_refused(text: str) -> None:
    """No duration is longer than 720 hours, however it is written."""
    with pytest.raises(ValueError, match="is longer than 720h"):
        parse_duration(text)


@given(st.text() | st.from_regex("([0-9]+[hms])*", fullmatch=True))
@example("999999999h" * 100)
def test_nothing_but_the_promised_error_is_raised(text: str) -> None:
    """Any text is a duration within the limit, or refused by a `ValueError`."""
    try:
        assert timedelta(0) <= parse_duration(text) <= LONGEST
    except ValueError:
        return


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (45, "45s"),
        (95, "1m35s"),
        (59.6, "1m"),
        (1200, "20m"),
        (5400, "1h30m"),
        (3605, "1h5s"),
        (3661, "1h1m"),
        (-1200, "-20m"),
        (-0.4, "0s"),
    ],
)
def test_duration_is_shown_in_its_two_largest_units(seconds: float, text: str) -> None:
    """A reader sees two numbers at most, and a sign in front of the whole."""
    assert show_duration(timedelta(seconds=seconds)) == text


@given(DURATIONS)
def test_shown_duration_can_be_read_again(duration: timedelta) -> None:
    """What is shown has the form that is read, and is less than a minute short."""
    assert timedelta(0) <= duration - parse_duration(show_duration(duration)) < timedelta(minutes=1)


@given(DURATIONS.filter(lambda duration: duration < timedelta(hours=1)))
def test_shown_duration_under_an_hour_is_exact(duration: timedelta) -> None:
    """Nothing is left out where two units are enough."""
    assert parse_duration(show_duration(duration)) == duration
