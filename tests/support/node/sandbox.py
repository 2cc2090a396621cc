"""A network, mounts and process ids of the node's own, linked to this machine by one pair of interfaces."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from support.node import first_process
from support.node.cgroups import ControlGroups
from support.node.plan import Plan
from support.processes import Program

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class SandboxError(RuntimeError):
    """A command failed. The message has what it said."""


class Sandbox:
    """Where a node's programs run. When its first process ends, however it does, all of them end."""

    def __init__(self, plan: Plan, logs: Path) -> None:
        """Prepare, without starting.

        Args:
            plan: names and addresses.
            logs: an existing folder for the logs of its programs.
        """
        self._plan = plan
        self._logs = logs
        self._cgroups = ControlGroups(plan.name)
        self._first = self._first_process()
        self._programs: list[Program] = []

    def start(self) -> None:
        """Start it, after removing what one of this name left that was killed."""
        self._remove()
        self._plan.data.mkdir(mode=0o711)
        self._cgroups.create()
        self._first.start()
        self._first.wait_until(lambda: "ready" in self._first.log_text, 20, "it is ready")
        self._cgroups.add(self._pid)
        self._link()

    def stop(self) -> None:
        """End everything in it, and leave nothing but logs."""
        for program in reversed(self._programs):
            program.kill()
        self._first.kill()
        self._remove()

    def start_program(self, name: str, command: Sequence[str | Path]) -> Program:
        """Start a program in it, which must have been started; it ends with it, if not before."""
        log = self._logs / f"{name}.log"
        program = Program(name, [*self._inside(), *command], log=log, environment={"PATH": PATH})
        self._programs.append(program)
        program.start()
        return program

    def run(self, *command: str | Path) -> str:
        """Run a command in it and return what it printed.

        Raises:
            SandboxError: if it fails.
        """
        return _run(*self._inside(), *command)

    def _first_process(self) -> Program:
        own = ("--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
        command: list[str | Path] = ["unshare", *own, sys.executable, "-I", first_process.__file__, self._plan.data]
        return Program("first-process", command, log=self._logs / "first-process.log", environment={"PATH": PATH})

    @property
    def _pid(self) -> int:
        """The first process, as this machine numbers it."""
        (child,) = psutil.Process(self._first.pid).children()
        return child.pid

    def _inside(self) -> list[str]:
        return ["nsenter", f"--target={self._pid}", "--net", "--mount", "--pid"]

    def _link(self) -> None:
        """Connect both ends. There is no way further: the node and its pods reach this machine and nothing beyond."""
        plan = self._plan
        _ip("link", "add", plan.name, "type", "veth", "peer", "name", "eth0", "netns", str(self._pid))
        _ip("address", "add", f"{plan.host}/{plan.link.prefixlen}", "dev", plan.name)
        _ip("link", "set", plan.name, "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{plan.node}/{plan.link.prefixlen}", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        _ip("route", "add", str(plan.pods), "via", str(plan.node))

    def _remove(self) -> None:
        self._cgroups.remove()
        with suppress(SandboxError):  # it went with the node's network, or is just about to
            _ip("link", "delete", self._plan.name)
        shutil.rmtree(self._plan.data, ignore_errors=True)


def _ip(*args: str) -> None:
    _run("ip", *args)


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, env={"PATH": PATH}, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SandboxError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout
