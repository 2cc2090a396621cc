"""Programs that run beside the tests, each with a log file, and that end with them."""

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from support import reaper
from support.waiting import eventually

SHOWN_LINES = 25
"""How much of a log stands in a message."""


class ProgramEndedError(RuntimeError):
    """A program ended while it was needed."""


class _Reaper:
    """Our end of the process that kills what outlives us."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own file, run by our own interpreter
            [sys.executable, "-I", reaper.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            start_new_session=True,  # neither Ctrl-C nor a closed terminal may end it first
        )
        atexit.register(self._close)

    def watch(self, group: int) -> None:
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        self._tell(f"-{group}")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")

    def _close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@cache
def _reaper() -> _Reaper:
    return _Reaper()


class Program:
    """A program in a process group of its own, with its output in a file; it can be started again after its end.

    Attributes:
        name: what messages call it.
        log: where its output goes. Another start appends.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Prepare, without starting.

        Args:
            name: what messages call it.
            command: the program and its arguments.
            log: the file for its output.
            environment: instead of our own.
            folder: where it runs, instead of where we do.
        """
        self.name = name
        self.log = log
        self._command = command
        self._environment = environment
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._told_to_end = False

    def start(self) -> None:
        """Start it. It must not be running."""
        assert not self.running, f"{self.name} runs already"
        self._told_to_end = False
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the tests' own commands
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._folder,
                process_group=0,
                umask=0o022,  # images are unpacked by it: with a stricter one only root could enter their folders
            )
        _reaper().watch(self._process.pid)

    @property
    def pid(self) -> int:
        """Its process id, which is its process group's too."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative for a signal's number; None while it runs, and before the first start."""
        return self.wait(0) if self._process else None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self.exit_code is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and to everything that it started."""
        os.killpg(self.pid, number)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end and return its exit code; None if it still runs after that many seconds."""
        assert self._process is not None, f"{self.name} was never started"
        if self._process.returncode is not None:
            return self._process.returncode
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        _reaper().forget(self.pid)  # from here on the number may be somebody else's
        return code

    def kill(self) -> None:
        """End it with SIGKILL, wherever it is in its work. Nothing happens if it does not run."""
        if self.running:
            self._told_to_end = True
            self.send(signal.SIGKILL)
            self.wait()

    def stop(self, patience: float = 10) -> int | None:
        """Ask it to end with SIGTERM, and kill it after so many seconds. Nothing happens if it does not run.

        Returns:
            Its exit code.
        """
        if self.running:
            self._told_to_end = True
            os.kill(self.pid, signal.SIGTERM)
            if self.wait(patience) is None:
                self.kill()
        return self.exit_code

    @property
    def crashed(self) -> bool:
        """Whether it ended by itself, neither stopped nor killed by us."""
        return self.exit_code is not None and not self._told_to_end

    def wait_until(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait until something is true of it.

        Raises:
            ProgramEndedError: if it ends before. The message has the end of its log.
            AssertionError: if it is not true in time. So has this one.
        """

        def reached() -> bool:
            if condition():
                return True
            if not self.running:
                raise ProgramEndedError(f"{self.name} ended with {self.exit_code} before this: {what}\n{self.tail()}")
            return False

        eventually(reached, timeout, f"{self.name}: {what}", explain=self.tail)

    @property
    def log_text(self) -> str:
        """Everything it has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self) -> str:
        """The end of its log, for messages."""
        lines = self.log_text.splitlines()[-SHOWN_LINES:]
        return "\n".join([f"last lines of {self.log}:", *lines])
