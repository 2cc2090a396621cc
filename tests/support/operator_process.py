"""The operator as a process of its own, as a user runs it."""

import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from support.processes import Program
from support.scrape import Answer, Metrics, get, scrape

_METRICS_ADDRESS = re.compile(r'\bmetrics"?[=:] ?"?([\d.]+:\d+)')
COMMAND = (sys.executable, "-m", "tokensync", "run")

Settings = Mapping[str, str | int | Sequence[str]]
"""Names of flags, without dashes in front, and their values."""


class OperatorProcess(Program):
    """`tokensync run` with an identity and settings; it can be started again after its end."""

    def __init__(
        self,
        kubeconfig: Path,
        settings: Settings,
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Prepare, without starting.

        Args:
            kubeconfig: who it is.
            settings: become flags. Unless they say where, it serves its metrics where there is room.
            log: the file for its output. It runs in that file's folder.
            environment: beside what every program needs. Nothing else of ours is handed on.
            command: what to run, before the flags.
        """
        super().__init__(
            "operator",
            [*command, *_flags({"metrics-address": "127.0.0.1:0", **settings})],
            log=log,
            environment={
                "PATH": os.environ["PATH"],
                "HOME": str(log.parent),
                "KUBECONFIG": str(kubeconfig),
                **(environment or {}),
            },
            folder=log.parent,
        )
        self._log_began = 0

    def start(self) -> None:
        """Start it. It must not be running."""
        self._log_began = len(self.log_text)
        super().start()

    @property
    def metrics_address(self) -> str:
        """Where it serves metrics and health, as it says when it has started."""
        said: list[str] = []

        def says() -> bool:
            said.extend(_METRICS_ADDRESS.findall(self.log_text[self._log_began :]))
            return bool(said)

        self.wait_until(says, 20, "it says where its metrics are")
        return said[-1]

    def metrics(self) -> Metrics:
        """Its metrics, now."""
        return scrape(self.metrics_address)

    def readiness(self) -> Answer:
        """What it says to somebody who wants to know if it is ready."""
        return get(self.metrics_address, "/readyz")

    def wait_for_log(self, text: str, timeout: float = 10) -> None:
        """Wait until it has logged something.

        Raises:
            ProgramEndedError: if it ends before.
            AssertionError: if it does not in time.
        """
        self.wait_until(lambda: text in self.log_text, timeout, f"it logs {text!r}")

    def pause(self) -> None:
        """Freeze it, wherever it is in its work."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.send(signal.SIGCONT)

    def stop(self, patience: float = 10) -> int | None:
        """Let it end as a pod does, with SIGTERM; it is resumed first if it was paused."""
        if self.running:
            self.resume()
        return super().stop(patience)


class StartOperator(Protocol):
    """Starts an operator."""

    def __call__(
        self,
        settings: Settings | None = None,
        *,
        kubeconfig: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> OperatorProcess:
        """Start it with these settings; as itself, unless another kubeconfig is given."""
        ...


def _flags(settings: Settings) -> list[str]:
    return [
        f"--{name}={value if isinstance(value, str | int) else ','.join(value)}" for name, value in settings.items()
    ]
