"""A clock on the event loop's time, which a test lets pass as fast as it likes."""

import asyncio
import math
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""The wall clock's time at the loop's time zero."""


class LoopClock:
    """The operator's clocks.

    Attributes:
        step: by how much the wall clock was set forward (or back, if negative) since the start.
    """

    def __init__(self) -> None:
        self.step = timedelta(0)
        self._reading = 0.0

    def now(self) -> datetime:
        """The wall clock's time."""
        return START + timedelta(seconds=asyncio.get_running_loop().time()) + self.step

    def monotonic(self) -> float:
        """The loop's time; as on a real machine two readings are never equal, so that who waits for one gets past it."""
        self._reading = max(asyncio.get_running_loop().time(), math.nextafter(self._reading, math.inf))
        return self._reading


def true_time() -> datetime:
    """What time it really is, wherever the operator's clock stands."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())
