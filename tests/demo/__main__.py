"""`make demo`. Exit code 0 if every act passed, 1 if anything failed, 128 and its number after a signal."""

import io
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from demo import failure, keep, signals, summary
from demo.acts import ACTS
from demo.checks import FAILURES, CheckFailedError
from demo.play import Act, play
from demo.stage import set_up
from demo.timeline import Timeline

ABOUT = """\
One access token, kept fresh in a Secret on a real Kubernetes API server while
things go wrong around it. A consumer reads the Secret ten times a second.
Takes about a minute. Ctrl-C ends it at any time and leaves nothing behind."""

PAUSE = 3
"""Seconds between two acts, so that eyes can follow."""


def main() -> int:
    """Play all acts, and tell how it went."""
    signals.raise_once()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # whoever has no block characters gets the rest
    console = Console(highlight=False, markup=False, emoji=False)
    with Timeline(console, live=sys.stdout.isatty() and not console.is_dumb_terminal) as timeline:
        timeline.plain("tokensync demo", "bold")
        timeline.plain(ABOUT)
        try:
            return _perform(timeline)
        except signals.EndedError as ended:
            timeline.end_footer()
            timeline.plain("\nEnded before its time. Nothing is left behind.")
            return 128 + ended.number


def _perform(timeline: Timeline) -> int:
    with tempfile.TemporaryDirectory(prefix="tokensync-demo-") as name:
        folder = Path(name)
        try:
            checks = _play(folder, timeline)
        except FAILURES as error:
            timeline.end_footer()
            failure.report(timeline, CheckFailedError.of(error), folder)
            return 1
    timeline.plain(
        f"\nPassed: {len(ACTS)} acts, {checks} checks, {time.monotonic() - timeline.started:.0f} s.", "bold green"
    )
    return 0


def _play(folder: Path, timeline: Timeline) -> int:
    """Play all acts on a stage of their own.

    Returns:
        How many things were verified.

    Raises:
        CheckFailedError, and what else `FAILURES` lists: if anything is not as it should be. All is taken down then.
    """
    with set_up(folder, timeline) as stage:
        results = play([Act.of(act, stage) for act in ACTS], timeline, stage.verify_unharmed, pause=PAUSE)
        if not keep.wanted():
            timeline.end_footer()
        summary.show(stage, results)
        if keep.wanted():
            keep.stay(stage)
        for result in results:
            if result.failure:
                raise result.failure
    return stage.checks


if __name__ == "__main__":
    sys.exit(main())
