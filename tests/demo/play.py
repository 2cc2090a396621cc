"""Plays acts one after the other, and ends with the first that fails."""

import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from demo.checks import FAILURES, CheckFailedError
from demo.timeline import Timeline

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done and verified.

    Attributes:
        title: what it is about.
        about: more of that.
        play: does it, and returns what came of it in a few words. Raises one of `FAILURES` where that is wrong.
    """

    title: str
    about: str
    play: Callable[[], str]

    @classmethod
    def of(cls, function: Callable[[S], str], stage: S) -> Self:
        """An act of a function and its docstring."""
        title, _, about = (inspect.getdoc(function) or "").partition("\n\n")
        return cls(title.removesuffix("."), about, lambda: function(stage))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an act.

    Attributes:
        number: 1 for the first.
        title: of the act.
        outcome: in a few words; empty if it failed.
        began: when, by the monotonic clock.
        failure: what was wrong, if anything.
    """

    number: int
    title: str
    outcome: str
    began: float
    failure: CheckFailedError | None = None


def play(acts: Sequence[Act], timeline: Timeline, verify_unharmed: Callable[[], None], *, pause: float) -> list[Result]:
    """Play acts up to the first that fails.

    Args:
        acts: what is played.
        timeline: is told of it.
        verify_unharmed: looks after each act whether anything else was harmed, and raises one of `FAILURES` then.
        pause: seconds between two acts, for those who watch.

    Returns:
        A result for each act that was played.
    """
    results: list[Result] = []
    for number, act in enumerate(acts, start=1):
        time.sleep(pause if results else 0)
        timeline.heading(f"{number}  {act.title}", act.about)
        results.append(_play(number, act, verify_unharmed))
        failure = results[-1].failure
        if failure:
            timeline.failed(f"expected {failure.expected}, seen {failure.seen}")
            break
    return results


def _play(number: int, act: Act, verify_unharmed: Callable[[], None]) -> Result:
    began = time.monotonic()
    try:
        outcome = act.play()
        verify_unharmed()
    except FAILURES as error:
        failure = CheckFailedError.of(error)
        failure.where = f"act {number}, {act.title}"
        return Result(number, act.title, "", began, failure)
    return Result(number, act.title, outcome, began)
