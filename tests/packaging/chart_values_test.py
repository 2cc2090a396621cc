"""No value of the chart is dead: the value sets in its folder `ci/` set each one, and each makes a difference."""

from copy import deepcopy
from typing import Any

import pytest
import yaml

from support.chart import ChartError, render
from support.chart_readme import sections
from support.chart_snapshots import names, values_of

SETS: dict[str, dict[str, Any]] = {name: yaml.safe_load(values_of(name).read_text()) for name in names()}
PATHS = [value.path for values in sections().values() for value in values]


def without(values: dict[str, Any], path: str) -> dict[str, Any] | None:
    """Values in which one is back at its default; None if it is not set in them."""
    remaining = deepcopy(values)
    *groups, last = path.split(".")
    group = remaining
    for name in groups:
        group = group.get(name, {})
    return remaining if group.pop(last, None) is not None else None


def outcome(values: dict[str, Any]) -> str:
    """What is rendered, or why nothing is."""
    try:
        return render(values)
    except ChartError as error:
        return str(error)


@pytest.fixture(name="outcomes", scope="module")
def _outcomes() -> dict[str, str]:
    """What each value set renders."""
    return {name: render(values) for name, values in SETS.items()}


@pytest.mark.parametrize("path", PATHS)
def test_a_value_makes_a_difference(path: str, outcomes: dict[str, str]) -> None:
    """In every value set that sets it, and one does."""
    without_it = {name: remaining for name, values in SETS.items() if (remaining := without(values, path)) is not None}

    assert without_it, f"no set in charts/tokensync/ci sets {path}"
    assert [name for name, remaining in without_it.items() if outcome(remaining) == outcomes[name]] == []
