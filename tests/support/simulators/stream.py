"""A watch: what happened to the objects of one kind, in its order, after a delay."""

import asyncio
import copy
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Literal

Json = dict[str, Any]
EventType = Literal["ADDED", "MODIFIED", "DELETED"]
Listener = Callable[[EventType, Json], None]


class Stream:
    """The events of one kind of object. Two streams know nothing of each other's order.

    Attributes:
        delay: seconds from the moment that something happens to the moment that the listener sees it.
    """

    def __init__(self) -> None:
        self.delay = 0.0
        self._listener: Listener | None = None
        self._events = deque[tuple[float, EventType, Json]]()
        self._scheduled = False
        self._broken = False

    def listen(self, listener: Listener, listed: Iterable[Json]) -> None:
        """Start watching: first what there is, then what happens."""
        self._listener = listener
        self._events.clear()
        self.repair(listed)

    def leave(self) -> None:
        """Nobody watches any more."""
        self._listener = None
        self._events.clear()

    def break_off(self) -> None:
        """Lose everything that happens from now on, as a watch does that was cut off for too long (410 Gone)."""
        self._broken = True

    def repair(self, listed: Iterable[Json]) -> None:
        """Go on with a new list: of what was deleted meanwhile nobody hears."""
        self._broken = False
        for body in listed:
            self.emit("ADDED", body)

    def emit(self, event: EventType, body: Json) -> None:
        """Something happened."""
        if self._listener is None or self._broken:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + self.delay
        self._events.append((max(due, self._events[-1][0] if self._events else due), event, copy.deepcopy(body)))
        self._schedule()

    def _schedule(self) -> None:
        if self._events and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_at(self._events[0][0], self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        now = asyncio.get_running_loop().time()
        while self._listener and self._events and self._events[0][0] <= now:
            _, event, body = self._events.popleft()
            self._listener(event, body)
        self._schedule()
