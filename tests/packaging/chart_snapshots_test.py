"""What the chart renders is what was reviewed."""

import pytest

from support.chart_snapshots import SNAPSHOTS, current, names, snapshot_of


@pytest.mark.parametrize("name", names())
def test_a_value_set_renders_its_snapshot(name: str) -> None:
    """Whoever means the change writes the snapshots anew, and looks at the difference: `make chart`."""
    assert current(name) == snapshot_of(name).read_text()


def test_every_snapshot_has_its_value_set() -> None:
    """None is left of a set that is gone."""
    assert {file.name for file in SNAPSHOTS.iterdir()} == {snapshot_of(name).name for name in names()}
