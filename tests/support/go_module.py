"""Builds programs out of a Go module that pins them."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from support.processes import Program

REPORT_INTERVAL = 15
"""Seconds between two reports of progress."""


class GoError(RuntimeError):
    """Go is missing, too old, or failed. The message ends with what to do, without a final full stop."""


class GoModule:
    """A folder with `go.mod` and `go.sum`, in which Kubernetes is pinned.

    Attributes:
        stamp: names everything that the built programs depend on.
    """

    def __init__(self, folder: Path) -> None:
        """Find Go.

        Raises:
            GoError: if there is none, or one that is too old for the module.
        """
        pins = (folder / "go.mod").read_text()
        wanted = _first(r"^go (\d+\.\d+)", pins)
        self._folder = folder
        self._go = shutil.which("go")
        install = f"Install Go {wanted} or newer (https://go.dev/dl/)"
        if not self._go:
            raise GoError(f"Go is missing. {install}")
        version, complaint = self._version()
        if _numbers(version) < _numbers(wanted):
            raise GoError(f"Go is too old: {complaint or version}. {install}")
        self._flags = _flags(_first(r"k8s\.io/kubernetes (v\S+)", pins))
        depends_on = [pins, (folder / "go.sum").read_text(), version, *self._flags]
        self.stamp = hashlib.sha256("\0".join(depends_on).encode()).hexdigest()[:16]

    def _version(self) -> tuple[str, str]:
        """Go's version, after it fetched the one that the module wants if it may; what it complained about."""
        asked = subprocess.run(  # noqa: S603 - the Go command
            [self._go or "", "env", "GOVERSION"], cwd=self._folder, capture_output=True, text=True, check=False
        )
        return asked.stdout.strip(), asked.stderr.strip()

    def build(self, package: str, output: Path, progress: Callable[[], None]) -> None:
        """Build a program.

        Args:
            package: a main package that the module requires.
            output: the file to write. Go's own output goes to one beside it.
            progress: called every `REPORT_INTERVAL` seconds.

        Raises:
            GoError: if Go fails.
        """
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
            raise GoError(
                f"{build.name} failed.\n{build.tail()}\n"
                "See that the Go module proxy can be reached (`go env GOPROXY`) and run this again: "
                "what was compiled is not compiled twice"
            )


def _flags(version: str) -> list[str]:
    """The flags for Kubernetes of this version. Without it every component calls itself v0.0.0-master."""
    major, minor, _ = version.removeprefix("v").split(".", 2)
    facts = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    variables = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in facts.items())
    return ["-trimpath", "-ldflags", f"-s -w {variables}"]


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    assert match, f"go.mod has nothing like {pattern}"
    return match[1]


def _numbers(version: str) -> tuple[int, ...]:
    """Major and minor of `go1.26.8` or `1.26`; of what is no version, something lower than all."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
