"""The rows of packages are held by import-linter: these tests see that it really refuses what it is there for."""

import shutil
import subprocess
from pathlib import Path
from sysconfig import get_path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = Path(get_path("scripts")) / "lint-imports"


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path) -> Path:
    """A copy of the code and of the rules, to break."""
    shutil.copytree(ROOT / "operator", tmp_path / "operator", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the linter, on our own copy
        [LINTER, "--no-cache", "--no-logo"],
        cwd=checkout,
        env={"PYTHONPATH": str(checkout / "operator"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_code_keeps_to_its_rows(checkout: Path) -> None:
    """As it is, nothing is refused."""
    run = lint(checkout)

    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("module", "imports", "refused"),
    [
        ("rotation", "tokensync.cluster", "tokensync.rotation is not allowed to import tokensync.cluster"),
        ("identity", "tokensync.cluster", "tokensync.identity is not allowed to import tokensync.cluster"),
        ("telemetry", "tokensync.settings", "tokensync.telemetry is not allowed to import tokensync.settings"),
        ("controller", "tokensync.identity", "tokensync.controller is not allowed to import tokensync.identity"),
        ("rotation", "asyncio", "tokensync.rotation is not allowed to import asyncio"),
        ("target", "kubernetes", "tokensync.target is not allowed to import kubernetes"),
        ("cluster", "kopf", "tokensync is not allowed to import kopf"),
        ("controller", "kubernetes", "tokensync is not allowed to import kubernetes"),
        ("controller", "msal", "tokensync is not allowed to import msal"),
        ("brandnew", "json", "tokensync.brandnew"),
    ],
)
def test_what_crosses_the_rows_is_refused(checkout: Path, module: str, imports: str, refused: str) -> None:
    """An upward import, a neighbour, an adapter in the controller, a library outside its package, a package with no row."""
    package = checkout / "operator" / "tokensync" / module
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    (package / "added.py").write_text(f"import {imports}\n")

    run = lint(checkout)

    assert run.returncode != 0
    assert refused in run.stdout
