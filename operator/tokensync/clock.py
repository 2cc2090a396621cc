"""What time it is: everything that depends on time gets a clock handed in."""

import time
from datetime import UTC, datetime
from typing import Protocol

_FIRST_YEAR = 1000
_LAST_YEAR = 9000


class Clock(Protocol):
    """Two readings: the wall clock, which tokens are judged by and which may step, and one that never does."""

    def now(self) -> datetime:
        """The wall clock's time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """The wall clock's time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()


def rfc3339(moment: datetime) -> str:
    """Write a moment as every time we publish: RFC 3339, UTC, milliseconds (`2026-11-23T13:45:00.250Z`)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 time with an offset.

    Raises:
        ValueError: if the text is something else, or names no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no offset from UTC")
    return in_utc(moment)


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC.

    Raises:
        ValueError: if it lies outside the years 1000 to 9000: nothing here is that old or lasts that long, and times
            near the ends of the calendar cannot be calculated with.
    """
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"{moment.isoformat()} is out of the range of times")
    return moment.astimezone(UTC)


def to_milliseconds(moment: datetime) -> datetime:
    """Drop what `rfc3339` would not write, so that a time compares equal after it was stored."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
