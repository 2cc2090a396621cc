"""The request budget: how often one client asks one host."""

import math
from dataclasses import dataclass
from datetime import timedelta

from tokensync.clock import Clock

_FIRST_TIDYING = 1024
_ROUNDING = 1e-6  # seconds: sums of fractions are never exact


@dataclass(slots=True)
class _Line:
    """One client's line: from when on the next slot counts, and when the last of those who wait was told to come."""

    slot: float = 0.0
    end: float = 0.0


class RequestBudget:
    """At most so many requests per second for each (host, client); a second's worth of them may come at once.

    Whoever has to wait is told a moment of his own, so that a crowd does not come back all at the same time and find
    one slot. The moments are no reservations: a slot goes to whoever asks when it is free.

    Args:
        per_second: requests; None for no limit.
        clock: its monotonic reading counts.
    """

    def __init__(self, per_second: float | None, clock: Clock) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._burst = max(1 - self._interval, 0)
        self._clock = clock
        self._lines: dict[tuple[str, str], _Line] = {}
        self._tidy_above = _FIRST_TIDYING

    def delay(self, host: str, client_id: str) -> timedelta:
        """Zero takes a slot: the request is to follow at once. Otherwise how long to wait before asking again."""
        if not self._interval:
            return timedelta(0)
        now = self._clock.monotonic()
        line = self._line(host, client_id, now)
        free_at = max(line.slot, now) - self._burst
        if free_at <= now + _ROUNDING:
            line.slot = max(line.slot, now) + self._interval
            return timedelta(0)
        line.end = max(line.end + self._interval, free_at)
        return timedelta(milliseconds=math.ceil((line.end - now) * 1000))  # never a moment too early

    def _line(self, host: str, client_id: str, now: float) -> _Line:
        if len(self._lines) > self._tidy_above:
            self._lines = {client: line for client, line in self._lines.items() if max(line.slot, line.end) > now}
            self._tidy_above = max(_FIRST_TIDYING, 2 * len(self._lines))
        return self._lines.setdefault((host, client_id), _Line())
