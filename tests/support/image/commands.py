"""The programs that build images, and what they need."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from support.processes import SHOWN_LINES

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

PACKAGES = {"buildah": "buildah", "debootstrap": "debootstrap", "unshare": "util-linux"}
"""Programs, and the Debian packages that have them."""

_ISOLATED = ("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")


class ImageError(RuntimeError):
    """An image cannot be built. The message ends with what to do, or with what the failed program said."""


def require() -> None:
    """See whether this machine can build images.

    Raises:
        ImageError: if it cannot.
    """
    if os.geteuid():
        raise ImageError("building an image needs root: run this as root")
    if missing := {package for program, package in PACKAGES.items() if not shutil.which(program, path=PATH)}:
        raise ImageError(
            f"building an image needs programs that are not here: apt-get install {' '.join(sorted(missing))}"
        )


def run(*command: str | Path, scratch: Path) -> str:
    """Run a command and return what it printed, among mounts and processes of its own: whatever happens, none is left.

    Args:
        command: the program and its arguments.
        scratch: the folder for its temporary files.

    Raises:
        ImageError: if it fails.
    """
    done = subprocess.run(  # noqa: S603 - the tests' own commands
        [*_ISOLATED, *command],
        env=_environment(scratch),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        umask=0o022,  # a tighter one of ours would make images that only root can use
        check=False,
    )
    if done.returncode:
        raise ImageError(f"{' '.join(map(str, command))} failed.\n{_end_of(done.stdout + done.stderr)}")
    return done.stdout


def _environment(scratch: Path) -> dict[str, str]:
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return proxies | {"PATH": PATH, "HOME": str(scratch), "TMPDIR": str(scratch)}


def _end_of(output: str) -> str:
    lines: Sequence[str] = output.splitlines()
    return "\n".join(lines[-SHOWN_LINES:])
