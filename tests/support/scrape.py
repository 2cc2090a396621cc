"""What an operator serves of itself: its metrics, parsed, and whether it is alive and ready."""

from collections.abc import Mapping
from typing import NamedTuple

import requests
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
TEXT = "text/plain;version=0.0.4"


class Answer(NamedTuple):
    """One answer of HTTP."""

    status: int
    text: str
    headers: Mapping[str, str]


class Metrics:
    """The metrics of one moment.

    Attributes:
        families: by name, as the format has it: without `_total` and `_info` where it takes them for suffixes.
    """

    def __init__(self, text: str, content_type: str) -> None:
        parse = parse_openmetrics if "openmetrics" in content_type else parse_text
        self.families: dict[str, Metric] = {family.name: family for family in parse(text)}

    def series(self, name: str) -> list[dict[str, str]]:
        """The labels of all samples of that name."""
        return [dict(labels) for labels, _ in self._samples(name)]

    def value(self, name: str, /, **labels: str) -> float:
        """The sum of the samples of that name that have these labels; 0 without any."""
        return sum(value for have, value in self._samples(name) if labels.items() <= have.items())

    def _samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        families = self.families.values()
        return [(each.labels, each.value) for family in families for each in family.samples if each.name == name]


def get(address: str, path: str, **headers: str) -> Answer:
    """Ask for something."""
    answer = requests.get(f"http://{address}{path}", headers=headers, timeout=10)
    return Answer(answer.status_code, answer.text, answer.headers)


def scrape(address: str, accept: str = TEXT) -> Metrics:
    """Ask for the metrics, in one of the two formats."""
    answer = get(address, "/metrics", Accept=accept)
    assert answer.status == requests.codes.ok, answer
    return Metrics(answer.text, answer.headers["Content-Type"])
