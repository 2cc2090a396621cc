"""An event loop in a thread of its own, so that whoever is synchronous, or has another loop, can use what runs in it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds that anything asked of the loop may take."""


_LAST_ROUNDS = 10
"""Rounds of the loop in which what was cancelled or cut ends: sockets are closed in the round after they are cut."""


class LoopThread:
    """Starts at once; ends with `stop`."""

    def __init__(self, name: str) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._until_stopped()), name=name, daemon=True)
        self._thread.start()
        self._ready.wait(PATIENCE)

    async def _until_stopped(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._ready.set()
        await self._stopped.wait()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for _ in range(_LAST_ROUNDS):
            await asyncio.sleep(0)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop and wait for what it returns or raises."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def call(self, callback: Callable[[], object]) -> None:
        """Call a function in the loop, soon. Does nothing once it has stopped."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback)

    def stop(self) -> None:
        """Cancel what still runs and end the thread."""
        self.call(self._stopped.set)
        self._thread.join(PATIENCE)
