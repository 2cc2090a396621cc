"""What the chart renders from the value sets in its folder `ci/`, kept as files: a change of them is seen in review.

`python -m support.chart_snapshots`, in `tests/`, writes them anew.
"""

import re
from pathlib import Path

from support.chart import VALUE_SETS, render

SNAPSHOTS = Path(__file__).parents[1] / "packaging" / "snapshots"

_COPIES = re.compile(
    r"^---\n# Source: tokensync/templates/(?:crds|grafana-dashboard)\.yaml\n(?:(?!---\n).*\n)*", re.MULTILINE
)
"""Manifests that hold a file of the repository whole, which tests compare with that file."""


def names() -> list[str]:
    """The value sets."""
    return sorted(file.name.removesuffix("-values.yaml") for file in VALUE_SETS.glob("*-values.yaml"))


def values_of(name: str) -> Path:
    """The file of a value set."""
    return VALUE_SETS / f"{name}-values.yaml"


def snapshot_of(name: str) -> Path:
    """The file with what was rendered from a value set."""
    return SNAPSHOTS / f"{name}.yaml"


def current(name: str) -> str:
    """What the chart renders now from a value set."""
    return _COPIES.sub("", render(None, f"--values={values_of(name)}"))


if __name__ == "__main__":
    SNAPSHOTS.mkdir(exist_ok=True)
    for old in SNAPSHOTS.glob("*.yaml"):
        old.unlink()
    for each in names():
        snapshot_of(each).write_text(current(each))
