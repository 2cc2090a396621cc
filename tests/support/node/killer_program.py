"""Kills the operator's process in a pod, from outside of the pod's namespaces. A program that runs in a pod.

It shares the process ids of its node, and is told the victim's uid, which is in the names of its control groups. (No
process 1 of a container can be killed from within it.)
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    """Kill, and print how many it were."""
    uid = sys.argv[1]
    victims = [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _is_operator(folder, uid)]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    print(len(victims))


def _is_operator(process: Path, uid: str) -> bool:
    with suppress(OSError):  # it has ended meanwhile
        groups = (process / "cgroup").read_text().replace("_", "-")  # systemd writes them so
        return uid in groups and b"tokensync\0run\0" in (process / "cmdline").read_bytes()
    return False


if __name__ == "__main__":
    main()
