"""What outlives a test run, because making it takes minutes."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def folder() -> Path:
    """The folder for it, which need not be there yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tokensync"


@contextmanager
def locked(file: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock that the system takes back when its holder ends, however it ends.

    Args:
        file: the lock, in an existing folder.
        say: is told if somebody else holds it.
    """
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another build in {file.parent}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
