"""Durations as people write them in resources and settings: `90s`, `15m`, `1h30m`."""

import re
from datetime import timedelta

_PARTS = re.compile(r"([0-9]{1,9})([hms])")
_SECONDS = {"h": 3600, "m": 60, "s": 1}
LONGEST = timedelta(hours=720)


def parse_duration(text: str) -> timedelta:
    """Read one or more of `<number>h`, `<number>m`, `<number>s`, added up.

    Raises:
        ValueError: if the text has another form, or is more than 720 hours.
    """
    parts = _PARTS.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration: write it as 90s, 15m or 1h30m")
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"{text[:32]!r} is longer than 720h")
    return timedelta(seconds=seconds)


def show_duration(duration: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, in its two largest units: `1h30m`, `20m`, `95s` as `1m35s`."""
    seconds = round(duration.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    hours, minutes, seconds = seconds // 3600, seconds % 3600 // 60, seconds % 60
    parts = [f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if number]
    return sign + ("".join(parts[:2]) or "0s")
