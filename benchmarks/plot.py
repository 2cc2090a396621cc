"""Small charts in SVG: lines over time, and bands of what was on."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby, pairwise
from operator import itemgetter
from typing import NamedTuple

WIDTH, HEIGHT = 480, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 26, 40
_COLOURS = ("#1f77b4", "#d95f02", "#2a9d5c", "#c2185b", "#7b61b8", "#8c6d31", "#17879c", "#666666")
_STYLE = (
    "text{font:11px sans-serif;fill:#333}.title{font-weight:bold;font-size:12px}.grid{stroke:#ddd}"
    ".note{fill:#f3d9a4;opacity:.55}.line{fill:none;stroke-width:1.3}"
)

Point = tuple[float, float | None]
"""Seconds since the beginning, and a value; None where there is none."""


class Line(NamedTuple):
    """One line, with what it is called."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart.

    Attributes:
        title: what it shows.
        show: writes a value with its unit.
        lines: in the order of the legend.
        bands: each line is a row, filled where its value is not zero.
    """

    title: str
    show: Callable[[float], str]
    lines: Sequence[Line]
    bands: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """Charts in two columns, over the same time.

    Attributes:
        charts: by rows.
        duration: of all, in seconds.
        notes: spans of time, each with what happened in it.
        caption: the line below.
    """

    charts: Sequence[Chart]
    duration: float
    notes: Sequence[tuple[float, float, str]]
    caption: str

    def svg(self) -> str:
        """The whole picture."""
        rows = (len(self.charts) + 1) // 2
        width, height = 2 * WIDTH, rows * HEIGHT + 22
        drawn = [
            f'<g transform="translate({index % 2 * WIDTH} {index // 2 * HEIGHT})">{self._chart(chart)}</g>'
            for index, chart in enumerate(self.charts)
        ]
        caption = f'<text x="{_LEFT}" y="{height - 6}">{escape(self.caption)}</text>'
        opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        frame = f'<style>{_STYLE}</style><rect width="{width}" height="{height}" fill="#fff"/>'
        return "\n".join([opening + frame, *drawn, caption, "</svg>", ""])

    def _chart(self, chart: Chart) -> str:
        title = f'<text class="title" x="{_LEFT}" y="16">{escape(chart.title)}</text>'
        drawn = self._bands(chart) if chart.bands else self._lines(chart)
        return "\n".join([title, *map(self._note, self.notes), *self._time_axis(), *drawn])

    def _x(self, seconds: float) -> float:
        return round(_LEFT + seconds / self.duration * (WIDTH - _LEFT - _RIGHT), 1)

    def _note(self, note: tuple[float, float, str]) -> str:
        begin, end, text = note
        box = f'x="{self._x(begin)}" y="{_TOP}" width="{max(2, self._x(end) - self._x(begin)):.1f}"'
        return f'<rect class="note" {box} height="{HEIGHT - _TOP - _BOTTOM}"><title>{escape(text)}</title></rect>'

    def _time_axis(self) -> list[str]:
        ground = HEIGHT - _BOTTOM
        minutes = range(math.ceil(self.duration / 60))
        return [f'<text x="{self._x(60 * each)}" y="{ground + 13}">{each} min</text>' for each in minutes]

    def _lines(self, chart: Chart) -> list[str]:
        values = [value for line in chart.lines for _, value in line.points if value is not None]
        low, high = min([0.0, *values]), max([0.0, *values]) or 1.0
        scale = (HEIGHT - _TOP - _BOTTOM) / (high - low)
        drawn = [
            f'<path class="grid" d="M{_LEFT} {_y(value, low, scale)}H{WIDTH - _RIGHT}"/>'
            f'<text x="{_LEFT - 5}" y="{_y(value, low, scale) + 4}" text-anchor="end">{escape(chart.show(value))}</text>'
            for value in sorted({low, 0.0, high / 2, high})
        ]
        for line, colour in zip(chart.lines, _COLOURS, strict=False):
            path = "".join(self._steps(line.points, low, scale))
            drawn.append(f'<path class="line" stroke="{colour}" d="{path}"/>')
        return [*drawn, _legend(chart.lines)]

    def _steps(self, points: Sequence[Point], low: float, scale: float) -> list[str]:
        """The commands of a path, with a hole where there is no value."""
        pen, commands = "M", []
        for seconds, value in points:
            if value is not None:
                commands.append(f"{pen}{self._x(seconds)} {_y(value, low, scale)}")
            pen = "M" if value is None else "L"
        return commands

    def _bands(self, chart: Chart) -> list[str]:
        row = (HEIGHT - _TOP - _BOTTOM) / max(1, len(chart.lines))
        drawn = []
        for index, (line, colour) in enumerate(zip(chart.lines, _COLOURS, strict=False)):
            top = _TOP + index * row
            for begin, end, value in _spans(line.points):
                box = f'x="{self._x(begin)}" y="{top + 3:.1f}" width="{self._x(end) - self._x(begin):.1f}"'
                shade = "1" if value else ".15"
                drawn.append(f'<rect {box} height="{row - 6:.1f}" fill="{colour}" opacity="{shade}"/>')
        return [*drawn, _legend(chart.lines)]


def _spans(points: Sequence[Point]) -> Iterator[tuple[float, float, float]]:
    """Begin, end and value of each time in which the value stays the same; a point stands for the time up to the next."""
    steps = ((begin, end, value) for (begin, value), (end, _) in pairwise(points) if value is not None)
    for value, alike in groupby(steps, key=itemgetter(2)):
        held = list(alike)
        yield held[0][0], held[-1][1], value


def _y(value: float, low: float, scale: float) -> float:
    return round(HEIGHT - _BOTTOM - (value - low) * scale, 1)


def _legend(lines: Sequence[Line]) -> str:
    spans = [
        f'<tspan fill="{colour}" dx="{8 if index else 0}">{escape(line.name)}</tspan>'
        for index, (line, colour) in enumerate(zip(lines, _COLOURS, strict=False))
    ]
    return f'<text x="{_LEFT}" y="{HEIGHT - 10}">{"".join(spans)}</text>'
