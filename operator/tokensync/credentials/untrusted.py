"""Handing bytes that anybody may have written to a library that may refuse them."""

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def result_or_none(parse: Callable[[], Result]) -> Result | None:
    """Call `parse`; None stands for any refusal.

    The exception goes no further: its text can quote a line of the key, and an error of our own that is raised
    inside the `except` would carry it as `__context__`.
    """
    try:
        return parse()
    except Exception:  # noqa: BLE001 - cryptography has no closed list of what damaged input makes it raise
        return None
