"""The end: what was measured, and what went wrong if anything did."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from rich.text import Text

from demo import chart
from demo.checks import FAILURES
from demo.footer import draw
from demo.play import Result
from demo.stage import LIFETIME, TARGET, Stage
from demo.timeline import Timeline

ROWS = 4
SHORTEST_SPAN = 0.5
"""Seconds that a column stands for at least: with fewer it may have no read to show."""

LABEL = 32
"""Columns in front of what was measured."""


def show(stage: Stage, results: Sequence[Result]) -> None:
    """Show what was measured, as far as the acts came."""
    timeline = stage.timeline
    timeline.heading("Summary")
    if stage.sampler.samples:
        _show_chart(timeline, stage, results)
    for result in results:
        outcome = "failed" if result.failure else result.outcome
        timeline.plain(f"{result.number}  {result.title.ljust(LABEL - 3)} {outcome}")
    timeline.blank()
    for name, figure in _figures(stage):
        timeline.plain(f"{name.ljust(LABEL)} {figure}")
    if any(result.failure for result in results):
        _show_conditions(timeline, stage)


def _show_conditions(timeline: Timeline, stage: Stage) -> None:
    timeline.heading("What the resource says")
    with suppress(*FAILURES):  # the API server may be what failed
        for line in stage.conditions():
            timeline.plain(line)


def _show_chart(timeline: Timeline, stage: Stage, results: Sequence[Result]) -> None:
    """The remaining lifetime from the first token to now, with the acts' numbers below."""
    width = min(timeline.width, 100) - chart.AXIS
    begin, end = stage.sampler.samples[0].at, time.monotonic()
    span = max(SHORTEST_SPAN, (end - begin) / width)
    values = chart.columns(stage.sampler.samples, begin=begin, span=span, count=width)
    places = [(max(0, int((result.began - begin) / span)), str(result.number)) for result in results]
    timeline.plain(f"Remaining lifetime in Secret {TARGET}. x: no token. Below: the acts.")
    timeline.blank()
    for line in draw(chart.with_axis(chart.sawtooth(values, top=LIFETIME, rows=ROWS), top=LIFETIME)):
        timeline.draw(line)
    timeline.draw(Text(" " * chart.AXIS + chart.marks(places), "dim"))
    timeline.blank()


def _figures(stage: Stage) -> Iterator[tuple[str, str]]:
    sampler = stage.sampler
    failed = stage.entra.token_requests - len(stage.entra.issued)
    yield "renewals", str(max(0, len(sampler.sightings) - 1))
    if sampler.samples:
        reads = f"{len(sampler.samples)} reads at most {sampler.longest_interval:.1f} s apart"
        yield "worst remaining lifetime", f"{sampler.worst:.1f} s of {LIFETIME}, in {reads}"
    yield from stage.figures.items()
    yield "token requests", f"{stage.entra.token_requests}, of which {failed} failed"
