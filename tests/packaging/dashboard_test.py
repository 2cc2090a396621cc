"""The dashboard: what Grafana needs of it, and how the chart brings it there. What it asks for is tested on a cluster."""

import json
from itertools import combinations
from typing import Any

import pytest

from support import dashboard
from support.chart import rendered

PANELS: list[dict[str, Any]] = dashboard.load()["panels"]
SHOWING = [panel for panel in PANELS if panel["type"] != "row"]


def test_a_sidecar_finds_it() -> None:
    """By the label that Grafana's chart looks for, unless told; the file is what lies in the repository."""
    config = rendered("ConfigMap", {"grafanaDashboard": {"enabled": True, "annotations": {"grafana_folder": "Tokens"}}})

    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert config["metadata"]["annotations"] == {"grafana_folder": "Tokens"}
    assert json.loads(config["data"]["tokensync.json"]) == dashboard.load()


def test_it_keeps_its_address() -> None:
    """Links to it survive an upgrade, and no data source is built in."""
    loaded = dashboard.load()

    assert loaded["uid"] == "tokensync"
    assert "id" not in loaded
    assert [variable["name"] for variable in loaded["templating"]["list"]] == ["datasource", "job", "namespace"]


@pytest.mark.parametrize("panel", SHOWING, ids=lambda panel: panel["title"])
def test_a_panel_asks_the_chosen_data_source(panel: dict[str, Any]) -> None:
    """And only about the chosen installation."""
    for part in (panel, *panel["targets"]):
        assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in panel["targets"]:
        assert 'job=~"$job"' in target["expr"]


def test_every_panel_has_a_number_and_a_title_of_its_own() -> None:
    """The picture and the documents name panels by their titles."""
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


def test_no_panel_lies_on_another() -> None:
    """And none reaches over the edge."""
    boxes = [panel["gridPos"] for panel in PANELS]

    assert all(box["x"] + box["w"] <= 24 for box in boxes)
    for one, other in combinations(boxes, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
