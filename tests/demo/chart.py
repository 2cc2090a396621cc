"""The remaining lifetime over time, drawn with block characters."""

import math
from collections.abc import Iterable, Sequence

from demo.sightings import Sample

BLOCKS = " ▁▂▃▄▅▆▇█"
HOLE = "x"
AXIS = 7
"""Columns that `with_axis` puts in front."""
FULL, EMPTY, DUE = "━", "─", "┃"

Column = float | None
"""The worst that was seen in a span of time: seconds left, 0 for no token at all; None if nothing was read."""


def columns(samples: Iterable[Sample], *, begin: float, span: float, count: int) -> list[Column]:
    """Sum samples up.

    Args:
        samples: in any order.
        begin: of the first column, by the monotonic clock.
        span: of each column, in seconds.
        count: of columns.
    """
    result: list[Column] = [None] * count
    for sample in samples:
        index = math.floor((sample.at - begin) / span)
        if 0 <= index < count:
            left, worst = max(sample.left or 0.0, 0.0), result[index]
            result[index] = left if worst is None else min(worst, left)
    return result


def sawtooth(values: Sequence[Column], *, top: float, rows: int) -> list[str]:
    """Draw columns; the upper end of the first row is `top` seconds. A hole is a cross on the ground."""
    heights = [0 if value is None else math.ceil(min(value / top, 1) * rows * 8) for value in values]
    drawn = []
    for row in reversed(range(rows)):
        line = [BLOCKS[max(0, min(8, height - row * 8))] for height in heights]
        if row == 0:
            line = [HOLE if value == 0 else block for value, block in zip(values, line, strict=True)]
        drawn.append("".join(line))
    return drawn


def with_axis(drawn: Sequence[str], *, top: float) -> list[str]:
    """Put the seconds in front of what `sawtooth` drew."""
    return [f"{f'{top:.0f} s' if row == 0 else '':>5} │{line}" for row, line in enumerate(drawn)]


def marks(places: Iterable[tuple[int, str]]) -> str:
    """A line with each text at its place, or one column after the text before it where that is in the way."""
    line = ""
    for place, text in sorted(places):
        line = f"{line} " if line and len(line) >= place else line.ljust(place)
        line += text
    return line


def bar(*, left: float, lifetime: float, left_when_due: float | None, width: int) -> str:
    """A bar that gets shorter as a token gets older, with a mark where it is due to be renewed."""

    def place(seconds: float) -> int:
        return round(max(0.0, min(seconds / lifetime, 1.0)) * width)

    cells = list(FULL * place(left) + EMPTY * (width - place(left)))
    if left_when_due is not None:
        cells[min(place(left_when_due), width - 1)] = DUE
    return "".join(cells)
