"""Builds programs out of a Go module that pins them."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from support.processes import Program
from support.programs import Source

FOLDERS = Path(__file__).parent / "gomodules"

REPORT_INTERVAL = 15
"""Seconds between two reports of progress."""

RUN_AGAIN = "See that the Go module proxy can be reached (`go env GOPROXY`) and run this again"


class GoError(RuntimeError):
    """Go is missing, too old, or failed. The message ends with what to do, without a final full stop."""


class GoModule:
    """A folder with `go.mod` and `go.sum`, in which programs are pinned.

    Attributes:
        stamp: names everything that the built programs depend on.
    """

    def __init__(self, source: Source) -> None:
        """Find Go.

        Raises:
            GoError: if there is none, or one that is too old for the module.
        """
        self._folder = FOLDERS / source.folder
        self._source = source
        self._go = shutil.which("go")
        pins = (self._folder / "go.mod").read_text()
        wanted = _first(r"^go (\d+\.\d+)", pins)
        install = f"Install Go {wanted} or newer (https://go.dev/dl/)"
        if not self._go:
            raise GoError(f"Go is missing. {install}")
        version, complaint = self._version()
        if _numbers(version) < _numbers(wanted):
            raise GoError(f"Go is too old: {complaint or version}. {install}")
        self._flags = _flags(source, _first(rf"{re.escape(source.pinned)} (v\S+)", pins))
        depends_on = [*self._texts(), version, *self._flags]
        self.stamp = hashlib.sha256("\0".join(depends_on).encode()).hexdigest()[:16]

    def _texts(self) -> list[str]:
        files = [self._folder / "go.mod", self._folder / "go.sum", *sorted(self._folder.rglob("*.go"))]
        return [file.read_text() for file in files]

    def _version(self) -> tuple[str, str]:
        """Go's version, after it fetched the one that the module wants if it may; what it complained about."""
        asked = self._ask("env", "GOVERSION")
        return asked.stdout.strip(), asked.stderr.strip()

    def _ask(self, *args: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - the Go command
            [self._go or "", *args], cwd=self._folder, capture_output=True, text=True, check=False
        )

    def build(self, name: str, output: Path, progress: Callable[[], None]) -> None:
        """Build a program.

        Args:
            name: one of the source's.
            output: the file to write. Go's own output goes to one beside it.
            progress: called every `REPORT_INTERVAL` seconds.

        Raises:
            GoError: if Go fails.
        """
        package = self._source.packages[name]
        build = Program(
            f"go build {package}",
            [self._go or "", "build", *self._flags, "-o", output, package],
            log=output.with_suffix(".log"),
            environment=os.environ | {"CGO_ENABLED": "0"},
            folder=self._folder,
        )
        build.start()
        try:
            while build.wait(REPORT_INTERVAL) is None:
                progress()
        finally:
            build.kill()
        if build.exit_code:
            raise GoError(f"{build.name} failed.\n{build.tail()}\n{RUN_AGAIN}: what was compiled is not compiled twice")

    def download(self) -> Path:
        """Get the files of the pinned module itself, to be read only.

        Raises:
            GoError: if Go fails.
        """
        asked = self._ask("mod", "download", "-json", self._source.pinned)
        if asked.returncode:
            raise GoError(f"go mod download {self._source.pinned} failed.\n{asked.stdout}{asked.stderr}\n{RUN_AGAIN}")
        return Path(json.loads(asked.stdout)["Dir"])


def _flags(source: Source, version: str) -> list[str]:
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {name: value.format(version=version, major=major, minor=minor) for name, value in source.variables.items()}
    return ["-trimpath", "-ldflags", " ".join(["-s -w", *(f"-X {name}={value}" for name, value in values.items())])]


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    assert match, f"go.mod has nothing like {pattern}"
    return match[1]


def _numbers(version: str) -> tuple[int, ...]:
    """Major and minor of `go1.26.8` or `1.26`; of what is no version, something lower than all."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
