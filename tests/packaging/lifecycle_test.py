"""docs/lifecycle.md has every reason, and says of each whether it stalls, as the code does."""

import re
from pathlib import Path

from tokensync.errors import NEEDS_A_PERSON_AT_ONCE, NEEDS_A_PERSON_IF_IT_LASTS, Reason

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"
ROW = re.compile(r"^\| `(?P<reason>[A-Z][A-Za-z]+)` \|(?P<cells>.*)\|$", re.MULTILINE)


def rows() -> dict[str, list[str]]:
    page = PAGE.read_text().partition("## Every reason")[2]
    return {row["reason"]: [cell.strip() for cell in row["cells"].split("|")] for row in ROW.finditer(page)}


def test_every_reason_has_a_row_and_every_row_is_a_reason() -> None:
    """Nobody finds a reason in a status that the page does not explain."""
    assert set(rows()) == {reason.value for reason in Reason}


def test_the_page_says_which_reasons_stall() -> None:
    """The last column is what the code does."""
    said = {reason: cells[-1] for reason, cells in rows().items()}
    does = {reason.value: "" for reason in Reason}
    does |= {reason.value: "at once" for reason in NEEDS_A_PERSON_AT_ONCE}
    does |= {reason.value: "after 5 min" for reason in NEEDS_A_PERSON_IF_IT_LASTS}
    assert said == does


def test_every_row_says_what_to_do() -> None:
    """No cell but the last is empty."""
    assert all(all(cells[:-1]) for cells in rows().values())
