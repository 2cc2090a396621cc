"""`make bench`, with few resources: it runs, and what it counts is what was promised."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("control_plane")  # so that the programs are there: the benchmark starts its own
def test_benchmark_counts_one_token_and_two_writes_for_each() -> None:
    """A burst and a renewal cost one token request and two writes each, a restart nothing."""
    finished = subprocess.run(  # noqa: S603 - our own benchmark, in our own interpreter
        [sys.executable, ROOT / "benchmarks", "5"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert _row(finished.stdout, "token requests") == ["5", "5", "0"]
    assert _row(finished.stdout, "API writes for each") == ["2.00", "2.00", "0.00"]


def _row(table: str, title: str) -> list[str]:
    line = next(line for line in table.splitlines() if title in line)
    return [cell.strip() for cell in line.split("│")[2:-1]]
