"""PromQL by Prometheus's own tool: what a query is about, and what it gives."""

import json
import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from support.binaries import provide

Series = Mapping[str, Sequence[float | None]]
"""Samples at equal distances, by `metric{label="value",…}`; None where a scrape did not bring it."""

_MARK = "selected"
_SELECTOR = re.compile(rf'(?P<metric>[a-zA-Z_:][\w:]*)\{{(?P<matchers>[^}}]*{_MARK}="x"[^}}]*)\}}')
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
_GROUPING = re.compile(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\((?P<labels>[^)]*)\)")
_ANSWER = re.compile(r'expr: (?P<query>".*"), time: (?P<time>\w+),\n +exp: .*\n +got: (?P<got>.*)')
_SAMPLE = re.compile(r"(?P<labels>\{.*?\}) (?P<value>[-+\w.]+)(?:, |$)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_TIME = re.compile(r"(\d+)(h|m|s)")
_SECONDS = {"h": 3600, "m": 60, "s": 1}


class About(NamedTuple):
    """What a query names.

    Attributes:
        metrics: with the labels that each is selected by.
        labels: that results are grouped or matched by.
    """

    metrics: Mapping[str, Collection[str]]
    labels: frozenset[str]


class Sample(NamedTuple):
    """One element of an instant vector."""

    labels: Mapping[str, str]
    value: float


def about(query: str) -> About:
    """What a query names. Prometheus's own parser finds the selectors: it puts a matcher of ours into each.

    Raises:
        ValueError: if Prometheus does not take the query.
    """
    marked = _promtool("--experimental", "promql", "label-matchers", "set", query, _MARK, "x")
    if marked.returncode:
        raise ValueError(f"{query}: {marked.stderr.strip()}")
    metrics: dict[str, set[str]] = {}
    for found in _SELECTOR.finditer(marked.stdout):
        metrics.setdefault(found["metric"], set()).update(set(_MATCHER.findall(found["matchers"])) - {_MARK})
    groups = ",".join(found["labels"] for found in _GROUPING.finditer(marked.stdout))
    return About(metrics, frozenset(re.findall(r"\w+", groups)))


def evaluate(
    queries: Collection[str], series: Series, *, start: int, interval: int, times: Collection[int]
) -> dict[str, dict[int, list[Sample]]]:
    """Ask queries of recorded samples.

    `promtool test rules` is told that no query gives anything, and so prints what each gives.

    Args:
        queries: PromQL.
        series: what was scraped.
        start: the time of the first sample, in seconds since the epoch.
        interval: seconds from one sample to the next.
        times: when the queries are asked, in seconds since `start`.

    Returns:
        By query and time, the vector.

    Raises:
        ValueError: if Prometheus does not take one of the queries.
    """
    cases = [{"expr": query, "eval_time": f"{at}s", "exp_samples": []} for query in set(queries) for at in times]
    values = [{"series": name, "values": " ".join(map(_written, samples))} for name, samples in series.items()]
    group = {"interval": f"{interval}s", "start_timestamp": start, "input_series": values, "promql_expr_test": cases}
    told = _told({"evaluation_interval": f"{interval}s", "tests": [group]})
    result: dict[str, dict[int, list[Sample]]] = {query: {at: [] for at in times} for query in queries}
    for answer in _ANSWER.finditer(told):
        result[json.loads(answer["query"])][_seconds(answer["time"])] = _samples(answer["got"])
    return result


def _told(test: Mapping[str, Any]) -> str:
    with TemporaryDirectory(prefix="tokensync-promql-") as folder:
        file = Path(folder) / "test.yaml"
        file.write_text(json.dumps(test))  # which is YAML too
        run = _promtool("test", "rules", file)
    if "err: " in run.stderr or (run.returncode and "got: " not in run.stderr):
        raise ValueError(run.stdout + run.stderr)
    return run.stderr


def _promtool(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([provide("promtool")["promtool"], *args], capture_output=True, text=True, check=False)  # noqa: S603 - the tests' own commands


def _written(value: float | None) -> str:
    return "stale" if value is None else repr(value)  # as Prometheus marks what a scrape does not bring any more


def _samples(text: str) -> list[Sample]:
    return [Sample(dict(_LABEL.findall(found["labels"])), float(found["value"])) for found in _SAMPLE.finditer(text)]


def _seconds(duration: str) -> int:
    return sum(int(number) * _SECONDS[unit] for number, unit in _TIME.findall(duration))
