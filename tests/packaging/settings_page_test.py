"""docs/settings.md tells of every setting what `tokensync run --help` tells."""

import re
from pathlib import Path

import pytest

from tokensync.cli import main
from tokensync.settings import Settings, flag

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
ROW = re.compile(r"^\| `(?P<setting>[a-z-]+)` \| (?P<default>.+?) \| (?P<meaning>.+?) \|$", re.MULTILINE)


def rows() -> list[re.Match[str]]:
    return list(ROW.finditer(PAGE.read_text().replace("`, `", ", ")))


@pytest.fixture(name="described")
def _described(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The help's text on each flag, in one line."""
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    text = " ".join(capsys.readouterr().out.partition("\n\nEach setting")[0].split())
    return dict(re.findall(r"(--[a-z-]+) [A-Z]+ (.+?)(?= --[a-z]|$)", text))


def test_the_page_has_every_setting_and_no_other() -> None:
    """In the order of the help."""
    assert [f"--{row['setting']}" for row in rows()] == [flag(field) for field in Settings.model_fields]


def test_the_page_says_what_the_help_says(described: dict[str, str]) -> None:
    """Default and meaning are those of the code."""
    for row in rows():
        default = "" if row["default"] == "none" else f" Default: {row['default'].replace('`', '')}."
        assert described[f"--{row['setting']}"] == row["meaning"] + default
