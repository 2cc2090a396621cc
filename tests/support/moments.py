"""Moments for property tests."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.builds(
    lambda since_1970, zone: (datetime(1970, 1, 1, tzinfo=UTC) + since_1970).astimezone(zone),
    st.timedeltas(timedelta(days=1), timedelta(days=365 * 7000)),
    ZONES,
)
"""Aware moments of any zone, to the microsecond, of the next few thousand years."""
