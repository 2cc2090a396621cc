"""The end of the process: asked for by a signal, and told to all who have to end."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any


class Ending:
    """Listens for SIGINT and SIGTERM.

    Attributes:
        asked: whether the process was asked to end.
        flag: ends Kopf when it is set. Kopf sets it too, whatever ends it: a task of its own waits for that.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        """Prepare; `stop` ends everything but Kopf, which would wait for what began after itself."""
        self.asked = False
        self.flag = asyncio.Event()
        self._stop = stop

    def listen(self) -> None:
        """Take the signals."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.ask)

    def ask(self) -> None:
        """Ask the process to end; asking again does not disturb what ends already."""
        if not self.asked:
            self._stop()
        self.asked = True
        self.flag.set()

    async def unless_asked(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for something to be done, but no longer than until the process is asked to end."""
        if not self.asked:
            self.flag.clear()
        tasks = [asyncio.create_task(work), asyncio.create_task(self.flag.wait())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def is_to_end() -> bool:
    """Whether it is this task that was cancelled, and not a request it waits for: Kopf cancels those when it ends."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
