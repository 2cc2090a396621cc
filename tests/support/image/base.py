"""A stand-in for the official Python image, out of Debian packages: Python is where it is there, and as bare."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from support.image.commands import ImageError, run
from support.image.pip_settings import CONFIGURATION

SUITES = ("trixie", "bookworm")
"""Releases of Debian, best first: Python 3.13, 3.11."""

SETTINGS = {
    "env": "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "cmd": "python3",
}

_SCRIPTS = Path("/usr/share/debootstrap/scripts")
_PACKAGES = ("ca-certificates", "python3", "python3-venv")
_NEEDLESS = (
    "etc/hostname",
    "etc/resolv.conf",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/python-wheels",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
)


def make(scratch: Path) -> Path:
    """Make the image's root in an existing folder and return where it is.

    Raises:
        ImageError: if the packages cannot be had.
    """
    root = scratch / "root"
    include = f"--include={','.join(_PACKAGES)}"
    run("debootstrap", "--variant=minbase", include, _suite(), root, _mirror(), scratch=scratch)
    run("chroot", root, "python3", "-m", "venv", "/usr/local", scratch=scratch)
    for path in (*(root / name for name in _NEEDLESS), *_compiled(root)):
        _remove(path)
    (root / CONFIGURATION.lstrip("/")).touch()
    return root


def _suite() -> str:
    known = [suite for suite in SUITES if (_SCRIPTS / suite).exists()]
    if not known:
        raise ImageError(f"debootstrap knows neither of {', '.join(SUITES)}: install a newer one")
    return known[0]


def _mirror() -> str:
    """The server that this machine gets Debian's packages from."""
    ask = [
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Origin: Debian",
        "Label: Debian",
        "Created-By: Packages",
    ]
    mirrors = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split()  # noqa: S603 - ours
    if not mirrors:
        raise ImageError("apt has no source of Debian packages here: build on Debian, after apt-get update")
    return mirrors[0]


def _compiled(root: Path) -> Iterator[Path]:
    """The official image has none of these either."""
    return root.rglob("__pycache__")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
