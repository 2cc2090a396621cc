"""What the Makefile's targets run."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PYTEST: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]


def commands(target: str) -> str:
    """What a target would do."""
    command = ["make", "--dry-run", "--always-make", target]
    return subprocess.check_output(command, cwd=ROOT, text=True)  # noqa: S603 - our own Makefile


def test_only_the_tests_with_packages_of_a_distribution_are_left_out() -> None:
    """Whoever adds a folder of tests has it run: those too that have a target of their own."""
    folders = {str(file.parent.relative_to(ROOT)) for file in (ROOT / "tests").glob("*/*_test.py")}

    assert folders - set(PYTEST["testpaths"]) == {"tests/node", "tests/servers"}
    assert "pytest tests/node -m node" in commands("test-node")
    assert "pytest tests/servers" in commands("test-servers")


def test_the_oldest_kubernetes_is_tested_in_files_that_there_are() -> None:
    """A file that gets another name is not lost."""
    named = re.findall(r"tests/cluster/\w+\.py", commands("test-oldest"))

    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []
