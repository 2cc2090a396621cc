"""Times as they are published, and read back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.moments import MOMENTS
from tokensync.clock import SystemClock, parse_rfc3339, rfc3339, to_milliseconds


def test_time_is_written_in_utc_with_milliseconds() -> None:
    """A time of any zone is written in UTC, and what is finer than a millisecond is cut off."""
    moment = datetime(2026, 11, 23, 14, 45, 0, 250_999, tzinfo=timezone(timedelta(hours=1)))
    assert rfc3339(moment) == "2026-11-23T13:45:00.250Z"


def test_whole_second_keeps_its_milliseconds() -> None:
    """Every time has the same length."""
    assert rfc3339(datetime(2026, 11, 23, 13, 45, tzinfo=UTC)) == "2026-11-23T13:45:00.000Z"


@given(MOMENTS)
def test_time_that_was_written_reads_as_itself_in_milliseconds(moment: datetime) -> None:
    """Nothing but the fraction of a millisecond is lost, and the result is in UTC."""
    read = parse_rfc3339(rfc3339(moment))
    assert read == to_milliseconds(moment)
    assert read.tzinfo == UTC


@given(MOMENTS, MOMENTS)
def test_written_times_sort_as_the_times_do(one: datetime, other: datetime) -> None:
    """Texts can be compared in place of the times."""
    assert (rfc3339(one) < rfc3339(other)) == (to_milliseconds(one) < to_milliseconds(other))


@given(MOMENTS)
def test_milliseconds_are_kept_the_second_time(moment: datetime) -> None:
    """A time that was stored compares equal to the one in memory."""
    cut = to_milliseconds(moment)
    assert to_milliseconds(cut) == cut
    assert timedelta(0) <= moment - cut < timedelta(milliseconds=1)


def test_time_of_another_zone_is_read_into_utc() -> None:
    """An offset is taken into account."""
    assert parse_rfc3339("2026-11-23T14:45:00+01:00") == datetime(2026, 11, 23, 13, 45, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-11-23", "2026-11-23T13:45:00", "2026-13-23T13:45:00Z"])
def test_text_that_is_no_time_with_an_offset_is_refused(text: str) -> None:
    """A time that could mean two moments is as wrong as no time."""
    with pytest.raises(ValueError, match=r"names no offset|Invalid isoformat|must be in"):
        parse_rfc3339(text)


@given(st.text())
@example("0001-01-01T00:00:00+01:00")
@example("9999-12-31T23:59:59-01:00")
def test_nothing_but_the_promised_error_is_raised(text: str) -> None:
    """Whatever somebody wrote into an annotation, the reader has one error to expect."""
    try:
        assert parse_rfc3339(text).tzinfo == UTC
    except ValueError:
        return


def test_system_clock_is_aware_and_runs_forward() -> None:
    """The real clock gives UTC, and its other hand never goes back."""
    clock = SystemClock()
    before = clock.monotonic()
    assert clock.now().tzinfo == UTC
    assert clock.monotonic() >= before
