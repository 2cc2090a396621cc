"""The programs of the tests: from `KUBEBUILDER_ASSETS`, else from a cache, else built from the Go module proxy.

`python -m support.binaries [program …]`, in `tests/`, gets them ready and prints where they are.
"""

import os
import shutil
import sys
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path

from support import cache
from support.go_module import GoError, GoModule
from support.programs import CONTROL_PLANE, MONITORING, Source, UnknownProgramError, by_source


class BinariesError(RuntimeError):
    """A program is nowhere and cannot be built. The message ends with what to do."""


def provide(*names: str) -> dict[str, Path]:
    """Find programs, and build those that are nowhere; says on stderr how far that is.

    Args:
        names: the programs; those of the control plane if none is named.

    Returns:
        The file of each program.

    Raises:
        BinariesError: if one is missing and Go is missing, too old, or fails.
    """
    wanted = names or CONTROL_PLANE
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    found = _in_folder(Path(assets), wanted) if assets else {}
    missing = [name for name in wanted if name not in found]
    try:
        for source, programs in by_source(missing):
            found |= _built(source, programs)
    except GoError as error:
        raise BinariesError(f"{error}. Or set KUBEBUILDER_ASSETS to a folder with {', '.join(missing)}") from error
    except UnknownProgramError as error:
        raise BinariesError(str(error)) from error
    return found


def monitoring_crds() -> Path:
    """Get a folder with the Prometheus operator's CustomResourceDefinitions, a YAML file for each.

    Raises:
        BinariesError: if it is not there and Go is missing, too old, or fails.
    """
    try:
        return GoModule(MONITORING).download() / "example" / "prometheus-operator-crd"
    except GoError as error:
        raise BinariesError(str(error)) from error


def _in_folder(folder: Path, names: Collection[str]) -> dict[str, Path]:
    files = {name: folder.absolute() / name for name in names}
    return {name: file for name, file in files.items() if os.access(file, os.X_OK)}


def _built(source: Source, names: list[str]) -> dict[str, Path]:
    go = GoModule(source)
    folder = cache.folder() / source.folder / go.stamp
    if not _in_folder(folder, names).keys() >= set(names):
        folder.mkdir(parents=True, exist_ok=True)
        with cache.locked(folder / "lock", _say):
            there = _in_folder(folder, names)
            _build(source, go, [name for name in names if name not in there], folder)
    return _in_folder(folder, names)


def _build(source: Source, go: GoModule, names: list[str], folder: Path) -> None:
    """Build programs one by one. Each appears in the folder as a whole, or not at all."""
    if not names:
        return
    _say(f"building {', '.join(names)}: {source.build_time}")
    began = time.monotonic()
    scratch = folder / "unfinished"
    shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
    scratch.mkdir()
    for number, name in enumerate(names, start=1):
        go.build(name, scratch / name, partial(_say_progress, began, f"{name}, {number} of {len(names)}"))
        (scratch / name).rename(folder / name)
    shutil.rmtree(scratch)
    _say(f"built in {time.monotonic() - began:.0f} s, kept in {folder}")


def _say_progress(began: float, place: str) -> None:
    _say(f"{time.monotonic() - began:.0f} s, at {place}")


def _say(line: str) -> None:
    print(f"programs of the tests: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        for program, path in provide(*sys.argv[1:]).items():
            print(f"{program}\t{path}")
    except BinariesError as error:
        sys.exit(f"error: {error}")
