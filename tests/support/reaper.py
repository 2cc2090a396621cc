"""Kills process groups once whoever started them is gone, whichever way it went. A program, run by `processes`.

It reads lines `+PGID` and `-PGID`. The end of its input means that the writer has ended: the kernel closes a pipe even
for a process that was killed. What was added and not taken away is killed then. (The parent-death signal of Linux
would not do: it comes when the *thread* that started a program ends, and a test may start one in a short-lived thread.)
"""

import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    """Read until the writer ends, then kill."""
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
