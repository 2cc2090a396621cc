"""What is told and kept of a demo that failed."""

import shutil
import tempfile
from pathlib import Path

from demo.checks import CheckFailedError
from demo.timeline import Timeline

SHOWN_LINES = 10
"""How much of the operator's log is shown."""


def report(timeline: Timeline, failure: CheckFailedError, folder: Path) -> None:
    """Tell what was wrong, and keep the logs of everything that ran in the demo's folder."""
    timeline.heading(f"Failed: {failure.where}")
    timeline.plain(f"expected  {failure.expected}")
    timeline.plain(f"seen      {failure.seen}")
    operator = folder / "operator.log"
    if operator.exists():
        timeline.plain(f"operator  its last lines, of {operator.name}:")
        for line in operator.read_text(errors="replace").splitlines()[-SHOWN_LINES:]:
            timeline.plain(f"          {line}")
    timeline.plain(f"logs      {_keep_logs(folder)}")


def _keep_logs(folder: Path) -> Path:
    """Keys and kubeconfigs stay in the folder, and go with it."""
    kept = Path(tempfile.mkdtemp(prefix="tokensync-demo-logs-"))
    for log in sorted(folder.rglob("*.log")):
        shutil.copy(log, kept)
    return kept
