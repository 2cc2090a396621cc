"""What is due next: one heap of times, one of deadlines.

A key waits in the first heap until it is due, then in the second until a worker is free. There the one whose deadline is
nearest goes first, so that a burst of new resources never delays a renewal that is about to be late. One token endpoint
gets at most half of the workers: one that hangs stops nobody else.
"""

import asyncio
import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import NamedTuple

from tokensync.clock import Clock
from tokensync.resource.spec import Key

_FEW = 64


class Urgency(NamedTuple):
    """Where a key stands among those that are due.

    Attributes:
        retry: it failed before and has slack: it goes after everything that did not.
        deadline: when somebody would miss a valid token, in seconds since the epoch.
        endpoint: the token endpoint that it will probably ask.
    """

    retry: bool
    deadline: float
    endpoint: str


class _Ready(NamedTuple):
    """A key that is due; no two have the same order, so that they are compared no further.

    Attributes:
        since: when a worker could first have had it, on the monotonic clock.
    """

    urgency: Urgency
    order: int
    key: Key
    since: float


class DueQueue:
    """Keys, each with one due time; a key that is being worked on is handed out again only when that is done."""

    def __init__(self, clock: Clock, *, workers: int, urgency: Callable[[Key], Urgency]) -> None:
        self._clock = clock
        self._share = max(1, workers // 2)
        self._urgency = urgency
        self._order = itertools.count()
        self._due: dict[Key, float] = {}
        self._waiting: list[tuple[float, int, Key]] = []
        self._ready: list[_Ready] = []
        self._is_ready: set[Key] = set()
        self._parked: defaultdict[str, list[_Ready]] = defaultdict(list)
        self._busy: dict[Key, str] = {}
        self._again: set[Key] = set()
        self._endpoints: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def depth(self) -> int:
        """How many keys are due and not yet worked on. Safe in any thread."""
        now = self._clock.monotonic()
        return len(self._is_ready) + sum(due <= now for due in tuple(self._due.values()))

    def busy(self) -> int:
        """How many keys are worked on. Safe in any thread."""
        return len(self._busy)

    def lag(self) -> float:
        """Seconds for which a key that is due has waited for a worker; where its endpoint has its share, it waits for that."""
        now = self._clock.monotonic()
        since = min((*self._due.values(), *(entry.since for entry in self._ready)), default=now)
        return max(0.0, now - since)

    def wake(self, key: Key) -> None:
        """Make a key due now; one that is being worked on will be looked at once more."""
        if key in self._busy:
            self._again.add(key)
        elif key not in self._is_ready:
            self._due.pop(key, None)
            self._make_ready(key)

    def schedule(self, key: Key, seconds: float) -> None:
        """Make a key due in so many seconds, instead of whenever it was due before."""
        if key in self._is_ready or key in self._again:
            return
        due = self._clock.monotonic() + seconds
        self._due[key] = due
        heapq.heappush(self._waiting, (due, next(self._order), key))
        self._drop_stale()
        self._changed.set()

    def forget(self, key: Key) -> None:
        """Drop a key that has nothing left to do."""
        self._due.pop(key, None)

    async def next(self) -> Key:
        """Wait for the most urgent key that is due; `done` must follow."""
        while True:
            self._promote()
            key = self._pop()
            if key:
                return key
            self._changed.clear()
            timeout = self._waiting[0][0] - self._clock.monotonic() if self._waiting else None
            try:
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def done(self, key: Key) -> None:
        """The work on a key has ended."""
        endpoint = self._busy.pop(key)
        self._endpoints[endpoint] -= 1
        if not self._endpoints[endpoint]:
            del self._endpoints[endpoint]
        parked = self._parked.get(endpoint)
        if parked:
            heapq.heappush(self._ready, heapq.heappop(parked)._replace(since=self._clock.monotonic()))
        else:
            self._parked.pop(endpoint, None)
        if key in self._again:
            self._again.discard(key)
            self._make_ready(key)
        self._changed.set()

    def _drop_stale(self) -> None:
        """Forget entries of keys that were scheduled anew, once they are the most."""
        if len(self._waiting) > 2 * len(self._due) + _FEW:
            self._waiting = [entry for entry in self._waiting if self._due.get(entry[2]) == entry[0]]
            heapq.heapify(self._waiting)

    def _make_ready(self, key: Key) -> None:
        entry = _Ready(self._urgency(key), next(self._order), key, self._clock.monotonic())
        heapq.heappush(self._ready, entry)
        self._is_ready.add(key)
        self._changed.set()

    def _promote(self) -> None:
        now = self._clock.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            due, _, key = heapq.heappop(self._waiting)
            if self._due.get(key) == due:  # not scheduled anew since
                del self._due[key]
                self.wake(key)

    def _pop(self) -> Key | None:
        while self._ready:
            entry = heapq.heappop(self._ready)
            endpoint = entry.urgency.endpoint
            if self._endpoints[endpoint] >= self._share:
                heapq.heappush(self._parked[endpoint], entry)
                continue
            self._is_ready.discard(entry.key)
            self._busy[entry.key] = endpoint
            self._endpoints[endpoint] += 1
            return entry.key
        return None
