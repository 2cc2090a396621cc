"""The Grafana dashboard, as far as queries go."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).parents[2] / "charts" / "tokensync" / "dashboards" / "tokensync.json"

_LEGEND_LABEL = re.compile(r"\{\{(\w+)\}\}")


class Query(NamedTuple):
    """One query of a panel.

    Attributes:
        panel: the panel's title.
        expression: PromQL, with Grafana's variables in it.
        legend: what a line is called, with `{{label}}` for labels.
    """

    panel: str
    expression: str
    legend: str

    @property
    def legend_labels(self) -> set[str]:
        """The labels that the legend shows."""
        return set(_LEGEND_LABEL.findall(self.legend))

    def filled(self, **variables: str) -> str:
        """The expression with variables replaced: `rate_interval` stands for `$__rate_interval`."""
        filled = self.expression
        for name, value in variables.items():
            filled = re.sub(rf"\$(__)?{name}\b", value, filled)
        return filled


def load() -> dict[str, Any]:
    """The whole dashboard."""
    dashboard: dict[str, Any] = json.loads(FILE.read_text())
    return dashboard


def queries() -> list[Query]:
    """The queries of all panels, in order."""
    return [
        Query(panel["title"], target["expr"], target["legendFormat"])
        for panel in load()["panels"]
        for target in panel.get("targets", [])
    ]
