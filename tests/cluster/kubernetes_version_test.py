"""The Kubernetes that these tests run on."""

import os
import re
from pathlib import Path

import yaml

from support.control_plane import ControlPlane
from support.programs import KUBERNETES

CHART = Path(__file__).parents[2] / "charts" / "tokensync" / "Chart.yaml"


def minor(version: str) -> tuple[int, int]:
    found = re.search(r"(\d+)\.(\d+)", version)
    assert found, version
    return int(found[1]), int(found[2])


def test_it_is_one_that_the_chart_installs_on(control_plane: ControlPlane) -> None:
    """Where the oldest is asked for, it is the one that the chart's range begins with, and nothing newer."""
    running = minor(control_plane.admin.request("GET", "/version")["gitVersion"])
    oldest = minor(yaml.safe_load(CHART.read_text())["kubeVersion"])

    assert running == oldest if os.environ.get(KUBERNETES) == "oldest" else running >= oldest
