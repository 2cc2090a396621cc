"""A node's control groups, in every hierarchy of this machine: one with version 2, one for each controller before."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from support.waiting import eventually

MOUNTS = Path("/proc/self/mounts")


class ControlGroups:
    """The groups of one name at the top of each hierarchy."""

    def __init__(self, name: str) -> None:
        self._tops = [mount / name for mount in _hierarchies()]

    def create(self) -> None:
        """Create them."""
        for top in self._tops:
            top.mkdir()
            if top.parent.name == "cpuset":
                _take_over_processors(top)

    def add(self, pid: int) -> None:
        """Note a process as one that has to end before they are removed.

        It goes to a group beside those of the pods: with version 2 a group has processes or children, not both.
        """
        group = next(top for top in self._tops if top.parent.name != "cpuset") / "held"
        group.mkdir()
        (group / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        """Remove them, after killing whatever is in them. Nothing happens if there are none."""
        eventually(self._are_gone, 20, "the node's control groups are empty and removed", explain=self._left)

    @property
    def exist(self) -> bool:
        """Whether there is any."""
        return any(top.exists() for top in self._tops)

    def _are_gone(self) -> bool:
        for top in self._tops:
            for group, _, _ in os.walk(top, topdown=False):
                _kill_all(Path(group))
                with suppress(OSError):  # busy until the last process in it is gone
                    Path(group).rmdir()
        return not self.exist

    def _left(self) -> list[Path]:
        return [top for top in self._tops if top.exists()]


def _hierarchies() -> list[Path]:
    mounts = (line.split() for line in MOUNTS.read_text().splitlines())
    return [Path(target) for _, target, kind, *_ in mounts if kind in ("cgroup", "cgroup2")]


def _take_over_processors(group: Path) -> None:
    """Without them no process may enter a group of `cpuset`."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        (group / name).write_text((group.parent / name).read_text())


def _kill_all(group: Path) -> None:
    with suppress(FileNotFoundError):
        for pid in (group / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
