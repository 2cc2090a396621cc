"""The demo's drawings."""

import pytest

from demo import chart
from demo.sightings import Sample


def test_a_column_has_the_worst_of_its_time() -> None:
    """A hole is 0, and a time without a read is nothing at all."""
    samples = [
        Sample(10.0, 20),
        Sample(10.9, 19),
        Sample(11.0, 18),
        Sample(11.5, None),
        Sample(14.0, 5),
        Sample(9.9, 1),
    ]

    assert chart.columns(samples, begin=10, span=1, count=4) == [19, 0, None, None]


def test_an_expired_token_is_a_hole() -> None:
    """For who reads it there is no difference."""
    assert chart.columns([Sample(0, -3)], begin=0, span=1, count=1) == [0]


def test_the_sawtooth_is_as_high_as_the_lifetime() -> None:
    """Whole rows below, an eighth of a row as the finest step, and a cross where there was no token."""
    values = [20, 10, 5, 0.01, 0, None, 30]

    assert chart.sawtooth(values, top=20, rows=2) == ["█     █", "██▄▁x █"]


def test_the_axis_says_what_the_top_is() -> None:
    """In front of the first row, as wide as it says."""
    lines = chart.with_axis(["██", "██"], top=20)

    assert lines == [" 20 s │██", "      │██"]
    assert all(line.index("█") == chart.AXIS for line in lines)


@pytest.mark.parametrize(
    ("places", "line"),
    [
        ([], ""),
        ([(0, "1"), (5, "2")], "1    2"),
        ([(3, "1"), (3, "2"), (4, "3"), (9, "4")], "   1 2 3 4"),
    ],
)
def test_no_mark_gets_lost(places: list[tuple[int, str]], line: str) -> None:
    """Acts that begin in the same column stand side by side."""
    assert chart.marks(places) == line


@pytest.mark.parametrize(
    ("left", "due", "drawn"),
    [
        (20, None, "━━━━━━━━━━━"),
        (10, 10, "━━━━━━┃────"),
        (0, 10, "──────┃────"),
        (-5, 20, "──────────┃"),
        (30, 0, "┃━━━━━━━━━━"),
    ],
)
def test_the_bar_shrinks_towards_its_mark(left: float, due: float | None, drawn: str) -> None:
    """It never leaves its width, whatever it is told."""
    assert chart.bar(left=left, lifetime=20, left_when_due=due, width=11) == drawn
