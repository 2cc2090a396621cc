"""Images from a cache, else built."""

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tokensync
from support import cache
from support.image import base
from support.image.commands import require
from support.image.store import TIMESTAMP, Store

ROOT = Path(__file__).parents[3]

UNUSED = 24 * 60 * 60
"""Seconds after which an image that nobody asked for goes, when another one is built."""


@dataclass(frozen=True)
class Image:
    """An image in a file.

    Attributes:
        name: with its tag, as a pod names it.
        archive: a file in the form of `docker save`.
    """

    name: str
    archive: Path

    @property
    def size(self) -> int:
        """Of the archive, which is not compressed, in bytes."""
        return self.archive.stat().st_size


def provide() -> Image:
    """Get the operator's image, of the checkout as it is; says on stderr how far that is.

    Raises:
        ImageError: if it has to be built and cannot be.
    """
    below = provide_base()
    stamp = _stamp(*_context(), below.archive.parent.name.encode())
    return _provided("tokensync", stamp, lambda store: build(store, below, _name("tokensync", stamp), stamp))


def provide_base() -> Image:
    """Get the image that it is built upon: Debian with Python, pip included.

    Raises:
        ImageError: if it has to be built and cannot be.
    """
    stamp = _stamp(Path(base.__file__).read_bytes())
    return _provided("base", stamp, lambda store: _build_base(store, _name("base", stamp)))


def build(store: Store, below: Image, name: str, revision: str) -> None:
    """Build the operator's image.

    Args:
        store: where it is built.
        below: the base.
        name: of the image.
        revision: names the state of the checkout, for a label.
    """
    store.load(below.archive)
    arguments = {"BASE": below.name, "CREATED": TIMESTAMP, "REVISION": revision, "VERSION": tokensync.__version__}
    store.build(ROOT, name, arguments)


@contextmanager
def temporary_store() -> Iterator[Store]:
    """A store that is gone afterwards, with all that is in it."""
    with tempfile.TemporaryDirectory(prefix="tokensync-image-", dir="/var/tmp") as folder:
        yield Store(Path(folder))


def _build_base(store: Store, name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="tokensync-image-", dir="/var/tmp") as folder:
        store.pack(base.make(Path(folder)), name, base.SETTINGS)


def _provided(what: str, stamp: str, build_in: Callable[[Store], None]) -> Image:
    kept = cache.folder() / "images" / what
    image = Image(_name(what, stamp), kept / stamp / "image.tar")
    kept.mkdir(parents=True, exist_ok=True)
    with cache.locked(kept / "lock", _say):
        if not image.archive.exists():
            require()
            began = time.monotonic()
            _say(f"building {image.name}: up to two minutes")
            _forget_unused(kept)
            image.archive.parent.mkdir(exist_ok=True)
            with temporary_store() as store:
                build_in(store)
                store.save(image.name, image.archive)
            _say(f"built in {time.monotonic() - began:.0f} s, {image.size / 1e6:.0f} MB")
        os.utime(image.archive.parent)
    return image


def _forget_unused(kept: Path) -> None:
    for image in kept.glob("*/"):
        if time.time() - image.stat().st_mtime > UNUSED:
            shutil.rmtree(image)


def _context() -> Iterator[bytes]:
    """Everything that the build may look at, with its names."""
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for path in (ROOT / name for name in ("Dockerfile", ".dockerignore", *allowed)):
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield str(file.relative_to(ROOT)).encode()
            yield file.read_bytes()


def _stamp(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _name(what: str, stamp: str) -> str:
    return f"localhost/{what}:{stamp}"


def _say(line: str) -> None:
    print(f"images: {line}", file=sys.stderr, flush=True)
