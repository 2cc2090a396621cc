"""Until when tokens can still be had with a credential that has an end, and when that is told anew."""

from datetime import datetime, timedelta

STAGES = (timedelta(days=30), timedelta(days=14), timedelta(days=7), timedelta(days=1))
"""Within these times of its end a credential is reported, in other words in each. The alerts have the same."""

_MOMENT = timedelta(milliseconds=1)


def stage(not_after: datetime, now: datetime) -> timedelta | None:
    """Within which of the stages the credential expires; None if in none of them yet."""
    return min((within for within in STAGES if not_after - within <= now), default=None)


def turns(not_after: datetime) -> list[datetime]:
    """The moments at which something else is to be said: each stage begins, and the end has passed."""
    return [*(not_after - within for within in STAGES), not_after + _MOMENT]


def in_words(within: timedelta) -> str:
    """A stage as people say it."""
    return "a day" if within.days == 1 else f"{within.days} days"
