"""What the documents refer to exists: files, headings, places in the code."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGE = ROOT / "operator" / "tokensync"
LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#]*)(?:#(?P<heading>[^)]+))?\)")


def headings(document: Path) -> set[str]:
    """The anchors of a document's headings."""
    found = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    """To a file of this repository, and to a heading in it where one is named."""
    for link in LINK.finditer(document.read_text()):
        target = (document.parent / link["path"]) if link["path"] else document
        assert target.exists(), link[0]
        assert link["heading"] is None or link["heading"] in headings(target), link[0]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_module_that_is_named_exists(document: Path) -> None:
    """Documents name modules by their path in the package."""
    named = set(re.findall(r"`((?:controller/)?[a-z_]+/[a-z_]+\.py|[a-z_]+\.py)`", document.read_text()))
    assert not [path for path in named if not (PACKAGE / path).exists() and path != "__init__.py"]


def test_the_index_of_decisions_is_complete() -> None:
    """Each record with its number, its title and its status, in their order."""
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    rows = re.findall(r"^\| \[(\d+)\]\((\S+)\) \| (.+?) \| (.+?) \|$", index, re.MULTILINE)
    heads = [(path.name, *path.read_text().split("\n", 3)[:3:2]) for path in records]
    assert [(name, f"# {number}. {title}", f"Status: {status}") for number, name, title, status in rows] == heads


def test_the_page_on_architecture_answers_with_modules() -> None:
    """Each row of the table of questions names at least one."""
    table = (ROOT / "docs" / "architecture.md").read_text().partition("| question | file |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1:3] for row in table.splitlines()[2:]]
    assert len(rows) > 15
    assert all(question.strip().endswith("?") and ".py`" in files for question, files in rows)
