"""The control plane's programs: from `KUBEBUILDER_ASSETS`, else from a cache, else built from the Go module proxy.

`python -m support.binaries`, in `tests/`, gets them ready and prints where they are.
"""

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from support.go_module import GoError, GoModule

PACKAGES = {
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "etcd": "go.etcd.io/etcd/server/v3",
}
"""The programs, and the packages that they are built from."""

BUILD_TIME = "up to 8 minutes on 2 cores, once"


class BinariesError(RuntimeError):
    """A program is nowhere and cannot be built. The message ends with what to do."""


def provide() -> dict[str, Path]:
    """Find the programs, and build those that are nowhere; says on stderr how far that is.

    Returns:
        The file of each program, by the names of `PACKAGES`.

    Raises:
        BinariesError: if one is missing and Go is missing, too old, or fails.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    found = _in_folder(Path(assets)) if assets else {}
    if len(found) == len(PACKAGES):
        return found
    try:
        return _built(missing=PACKAGES.keys() - found.keys()) | found
    except GoError as error:
        raise BinariesError(f"{error}. Or set KUBEBUILDER_ASSETS to a folder with {', '.join(PACKAGES)}") from error


def _in_folder(folder: Path) -> dict[str, Path]:
    files = {name: folder.absolute() / name for name in PACKAGES}
    return {name: file for name, file in files.items() if os.access(file, os.X_OK)}


def _built(missing: set[str]) -> dict[str, Path]:
    go = GoModule(Path(__file__).parent / "controlplane")
    folder = _cache() / go.stamp
    if missing - _in_folder(folder).keys():
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            _build(go, [name for name in PACKAGES if name in missing - _in_folder(folder).keys()], folder)
    return _in_folder(folder)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tokensync" / "controlplane"


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold a lock that the system takes back when its holder ends, however it ends."""
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"waiting for another build in {file.parent}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(go: GoModule, names: list[str], folder: Path) -> None:
    """Build programs one by one. Each appears in the folder as a whole, or not at all."""
    if not names:
        return
    _say(f"building {', '.join(names)}: {BUILD_TIME}")
    began = time.monotonic()
    scratch = folder / "unfinished"
    shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
    scratch.mkdir()
    for number, name in enumerate(names, start=1):
        say_progress = partial(_say_progress, began, f"{name}, {number} of {len(names)}")
        go.build(PACKAGES[name], scratch / name, say_progress)
        (scratch / name).rename(folder / name)
    shutil.rmtree(scratch)
    _say(f"built in {time.monotonic() - began:.0f} s, kept in {folder}")


def _say_progress(began: float, place: str) -> None:
    _say(f"{time.monotonic() - began:.0f} s, at {place}")


def _say(line: str) -> None:
    print(f"control plane: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        for program, path in provide().items():
            print(f"{program}\t{path}")
    except BinariesError as error:
        sys.exit(f"error: {error}")
