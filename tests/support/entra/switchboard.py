"""Switches faults on and off while the provider runs."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from threading import Lock

from aiohttp import web

from support.entra.faults import Exchange, Fault, Proceed


class Endpoint(Enum):
    """Where something can go wrong."""

    TOKEN = auto()
    DISCOVERY = auto()


@dataclass(eq=False, slots=True)
class _Active:
    endpoint: Endpoint
    fault: Fault
    times: int | None
    lifted: asyncio.Event = field(default_factory=asyncio.Event)


class Switchboard:
    """Which faults are on. Where several are, the one switched on last sees a request first."""

    def __init__(self, elsewhere: str, call_in_loop: Callable[[Callable[[], object]], object]) -> None:
        self._elsewhere = elsewhere
        self._call_in_loop = call_in_loop
        self._active: list[_Active] = []
        self._lock = Lock()

    @contextmanager
    def failing(self, fault: Fault, endpoint: Endpoint, times: int | None) -> Iterator[None]:
        """Keep a fault on for the length of the block, or for so many requests."""
        active = _Active(endpoint, fault, times)
        with self._lock:
            self._active.append(active)
        try:
            yield
        finally:
            with self._lock:
                self._active.remove(active)
            self._call_in_loop(active.lifted.set)

    async def answer(self, endpoint: Endpoint, request: web.Request, proceed: Proceed) -> web.StreamResponse:
        """Answer a request through all the faults that are on for it."""
        for active in self._taken(endpoint):
            proceed = self._through(active, request, proceed)
        return await proceed()

    def _taken(self, endpoint: Endpoint) -> list[_Active]:
        with self._lock:
            taken = [active for active in self._active if active.endpoint is endpoint and active.times != 0]
            for active in taken:
                if active.times is not None:
                    active.times -= 1
        return taken

    def _through(self, active: _Active, request: web.Request, proceed: Proceed) -> Proceed:
        return lambda: active.fault.answer(Exchange(request, proceed, active.lifted, self._elsewhere))
