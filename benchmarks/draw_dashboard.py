"""Draws docs/dashboard.svg: queries of the Grafana dashboard, answered from the samples of a real run.

`PYTHONPATH=tests .venv/bin/python benchmarks/draw_dashboard.py` takes nine minutes, and writes the file anew.
"""

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import outages
from plot import Chart, Line, Sheet
from support.dashboard import Query, queries
from support.promql import Sample, evaluate
from support.scrapes import Scrapes

PICTURE = Path(__file__).parents[1] / "docs" / "dashboard.svg"
CAPTION = (
    "The dashboard's queries, asked by Prometheus's engine of a real run's samples; no screenshot of Grafana. "
    "Shaded: the leader is killed; outages of 25 s and of 80 s."
)
NOTES = [
    (outages.KILL, outages.KILL, "the leader is killed"),
    (*outages.SHORT, "the provider cannot be reached"),
    (*outages.LONG, "the provider cannot be reached"),
]


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if abs(value) >= 10 or value == 0 else f"{value:.2g} s"


def _number(value: float) -> str:
    return f"{value:.3g}"


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _mebibytes(value: float) -> str:
    return f"{value / 2**20:.0f} MiB"


PANELS: dict[str, Callable[[float], str]] = {
    "Time to expiry, the ten shortest": _seconds,
    "Time used up between renewal and expiry, the ten highest": _percent,
    "Tokens by readiness": _number,
    "Token requests by result": _number,
    "Gap": _seconds,
    "Duration of token requests": _seconds,
    "Leader": _number,
    "Memory": _mebibytes,
}
"""The panels that are drawn, each with how its values are written."""


def main() -> None:
    """Record a run and draw it."""
    with tempfile.TemporaryDirectory(prefix="tokensync-dashboard-") as folder, outages.prepared(Path(folder)) as run:
        scrapes = run.record()
    PICTURE.write_text(draw(scrapes))


def draw(scrapes: Scrapes) -> str:
    """The picture of a run."""
    wanted = [query for query in queries() if query.panel in PANELS]
    times = range(0, scrapes.duration + 1, scrapes.interval)
    filled = {query: query.filled(job=".*", namespace=".*", rate_interval="20s", range="1h") for query in wanted}
    answers = evaluate(filled.values(), scrapes.series, start=scrapes.start, interval=scrapes.interval, times=times)
    charts = [
        Chart(
            title,
            show,
            [line for query in wanted if query.panel == title for line in _lines(query, answers[filled[query]])],
            bands=title == "Leader",
        )
        for title, show in PANELS.items()
    ]
    return Sheet(charts, scrapes.duration, NOTES, CAPTION).svg()


def _lines(query: Query, answers: dict[int, list[Sample]]) -> list[Line]:
    """One line for each set of labels that the query ever gave."""
    values: dict[str, dict[int, float]] = {}
    for at, samples in answers.items():
        for sample in samples:
            if math.isfinite(sample.value):
                values.setdefault(_name(query, sample), {})[at] = sample.value
    return [Line(name, [(at, seen.get(at)) for at in sorted(answers)]) for name, seen in sorted(values.items())]


def _name(query: Query, sample: Sample) -> str:
    name = query.legend
    for label, value in sample.labels.items():
        name = name.replace(f"{{{{{label}}}}}", value)
    return name


if __name__ == "__main__":
    main()
