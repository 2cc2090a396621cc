"""What Prometheus would store of the operator: its `/metrics`, again and again."""

import time
from collections.abc import Mapping

import requests
from prometheus_client.parser import text_string_to_metric_families


class Scrapes:
    """Samples at equal distances.

    Attributes:
        start: the time of the first scrape, in whole seconds since the epoch.
        interval: seconds from one to the next.
        series: what was scraped, as `support.promql.evaluate` takes it.
    """

    def __init__(self, interval: int) -> None:
        self.start = int(time.time())
        self.interval = interval
        self.series: dict[str, list[float | None]] = {}
        self._count = 0

    @property
    def duration(self) -> int:
        """Seconds from the first scrape to the last."""
        return (self._count - 1) * self.interval

    def wait(self) -> None:
        """Wait for the time of the next one."""
        time.sleep(max(0.0, self.start + self._count * self.interval - time.time()))

    def take(self, targets: Mapping[str, Mapping[str, str]]) -> None:
        """Scrape all targets once, at the same time as far as the samples tell; one that does not answer gives nothing.

        Args:
            targets: by `host:port`, the labels that Prometheus adds. Those of a metric itself go before (`honorLabels`).
        """
        for address, labels in targets.items():
            for series, value in _scraped(address, labels).items():
                self.series.setdefault(series, [None] * self._count).append(value)
        self._count += 1
        for samples in self.series.values():
            samples.extend([None] * (self._count - len(samples)))


def _scraped(address: str, labels: Mapping[str, str]) -> dict[str, float]:
    try:
        answer = requests.get(f"http://{address}/metrics", timeout=5)
    except requests.ConnectionError:
        return {}
    return {
        _name(sample.name, {**labels, **sample.labels}): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _name(metric: str, labels: Mapping[str, str]) -> str:
    matchers = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{metric}{{{matchers}}}"
