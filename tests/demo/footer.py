"""The live footer: the token of this moment, and the last minute."""

import time

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from demo import chart
from demo.sampler import Sampler
from demo.sightings import Sighting
from support.entra import FakeEntra

ROWS = 3


class LiveFooter:
    """Draws what a sampler sees and what a provider counts."""

    def __init__(self, sampler: Sampler, entra: FakeEntra) -> None:
        self._sampler = sampler
        self._entra = entra

    def __call__(self, width: int) -> RenderableType:
        """Draw for so many columns."""
        current = self._sampler.current
        if current is None:
            return Group(Rule(style="dim"), Text("no token yet", "dim"))
        return Group(
            Rule(style="dim"),
            *self._last_minute(width - chart.AXIS, current),
            Text(""),
            self._token(width, current),
            Text(self._counts(), "dim"),
        )

    def _last_minute(self, width: int, current: Sighting) -> list[Text]:
        """One column for each second, the newest at the right."""
        now, top = time.monotonic(), current.issued.lifetime.total_seconds()
        recent = self._sampler.samples[-width * 12 :]  # ten a second at the most
        values = chart.columns(recent, begin=int(now) + 1 - width, span=1, count=width)
        return draw(chart.with_axis(chart.sawtooth(values, top=top, rows=ROWS), top=top))

    def _token(self, width: int, current: Sighting) -> Text:
        hole = self._sampler.hole
        if hole:
            return Text(hole.value, "bold red")
        left, due = current.left, current.left_when_due
        words = f" {max(left, 0):4.1f} s left, {_until(left, due)}"
        label = f"token {current.number}  "
        length = max(10, width - len(label) - len(words))
        drawn = chart.bar(left=left, lifetime=current.issued.lifetime.total_seconds(), left_when_due=due, width=length)
        style = "green" if due is None or left > due else "yellow"
        return Text.assemble(label, (drawn, style), words)

    def _counts(self) -> str:
        return (
            f"tokens {len(self._sampler.sightings)} · token requests {self._entra.token_requests}"
            f" · worst remaining lifetime {self._sampler.worst:.1f} s"
        )


def draw(lines: list[str]) -> list[Text]:
    """Colour a chart."""
    drawn = [Text(line, "cyan", no_wrap=True, overflow="crop") for line in lines]
    for text in drawn:
        text.highlight_regex(chart.HOLE, "bold red")
        text.highlight_regex("^.*?│", "dim not bold")
    return drawn


def _until(left: float, due: float | None) -> str:
    if due is None:
        return "just written   "
    return f"renewal in {left - due:3.1f} s" if left > due else "renewal is due "
