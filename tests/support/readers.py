"""The programs that read the files of `target.format`, and a server that notes who they say that they are."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class MissingReaderError(RuntimeError):
    """A program is not here. The message ends with what to do."""


@dataclass(frozen=True)
class Listener:
    """A server on this machine.

    Attributes:
        port: where it listens.
        authorizations: the header `Authorization` of each request; None where there was none.
    """

    port: int
    authorizations: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where a client finds it."""
        return f"http://localhost:{self.port}/"


@contextmanager
def listener() -> Iterator[Listener]:
    """Serve until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.authorizations.append(self.headers["Authorization"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("localhost", 0), Handler) as server:
        heard = Listener(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()


def run(program: str, *args: str | Path, stdin: str = "", home: Path) -> str:
    """Run a program that knows nothing of this machine's user, and return what it prints."""
    path = shutil.which(program)
    if path is None:
        raise MissingReaderError(f"{program} is not here: install it, as CONTRIBUTING.md says")
    environment = {"HOME": str(home), "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "NO_PROXY": "*"}
    done = subprocess.run(  # noqa: S603  what is run is named by the tests
        [path, *map(str, args)], input=stdin, capture_output=True, text=True, env=environment, timeout=30, check=False
    )
    assert done.returncode == 0, f"{program} ended with {done.returncode}: {done.stderr}"
    return done.stdout
