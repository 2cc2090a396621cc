"""Waiting for a condition with a deadline: no test sleeps for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.05
"""Seconds between two looks."""


def eventually(
    probe: Callable[[], T | None], timeout: float, what: str, *, explain: Callable[[], object] | None = None
) -> T:
    """Look again and again until there is something to see, and return it.

    Args:
        probe: looks once; anything falsy means "not yet". What it raises ends the waiting: a broken probe is no delay.
        timeout: seconds. The last look comes no earlier than this.
        what: what is waited for, as a statement, for the message.
        explain: says what the state is instead, for the message. Must give nothing secret: it is printed.

    Raises:
        AssertionError: if it was not seen in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        last_look = time.monotonic() >= deadline
        if value := probe():
            return value
        if last_look:
            break
        time.sleep(INTERVAL)
    seen = explain() if explain else f"last seen: {value!r}"  # something falsy: it can hold no secret
    raise AssertionError(f"not within {timeout:g} s: {what}\n{seen}")
