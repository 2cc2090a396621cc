"""The threat model names tests that there are, and has one for each thing that it says is stopped."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
SECTIONS = {
    title: text
    for title, _, text in (section.partition("\n") for section in PAGE.split("\n## ")[1:])
    if title != "What is to be protected"
}


def functions(file: str) -> set[str]:
    return {
        node.name
        for node in ast.parse((ROOT / file).read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda part: part)
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    """Whoever renames one renames it here."""
    assert name in functions(file)


@pytest.mark.parametrize("title", SECTIONS)
def test_every_section_says_what_is_left(title: str) -> None:
    """There is always something, and a reader who does not find it has been told too little."""
    assert len(re.findall(r"^\*\*What is left\.\*\* \S", SECTIONS[title], re.MULTILINE)) == 1


@pytest.mark.parametrize("title", SECTIONS)
def test_what_is_stopped_is_shown(title: str) -> None:
    """By a test below each item, but for what Kubernetes itself does, which is said."""
    for item in re.split(r"^- ", SECTIONS[title], flags=re.MULTILINE)[1:]:
        assert "\n  - `tests/" in item or "Kubernetes' doing" in item, item


def test_nothing_is_named_that_is_no_test() -> None:
    """A path in another form would not be looked for."""
    assert len(NAMED) == PAGE.count("tests/")
    assert len(SECTIONS) >= 8
