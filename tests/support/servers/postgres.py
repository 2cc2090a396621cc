"""A PostgreSQL server on a free port that asks for passwords (SCRAM, RFC 7677)."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from support.ports import free_port
from support.processes import Program
from support.servers.requirements import find
from support.waiting import eventually

_ACCESS = """\
local all postgres trust
host all all 127.0.0.1/32 scram-sha-256
"""
_ANYBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
"""PostgreSQL does not run as root."""


class Postgres:
    """A running server.

    Attributes:
        port: where it listens, on 127.0.0.1.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder

    def create(self, user: str, password: str, database: str) -> None:
        """Create a user with a password, and a database of his."""
        self._administer(
            f"CREATE ROLE {_name(user)} LOGIN PASSWORD {_text(password)};\n"
            f"CREATE DATABASE {_name(database)} OWNER {_name(user)};\n"
        )

    def ready(self) -> bool:
        """Whether it answers."""
        return self._psql("SELECT 1").returncode == 0

    def _administer(self, statements: str) -> None:
        done = self._psql(statements)
        assert done.returncode == 0, f"the administrator of PostgreSQL cannot work: exit code {done.returncode}"

    def _psql(self, statements: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [
            find("psql"),
            "--no-psqlrc",
            "--set=ON_ERROR_STOP=1",
            f"--host={self._folder}",
            f"--port={self.port}",
        ]
        return subprocess.run(  # noqa: S603  a program of the system, found by its full path
            [*command, "--username=postgres", "--dbname=postgres"],
            input=statements,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server with an empty folder, and remove both."""
    folder, port = Path(mkdtemp(prefix="postgres-")), free_port()
    anybody = _ANYBODY if os.geteuid() == 0 else ()
    if anybody:
        shutil.chown(folder, "nobody", "nogroup")
    data, log = folder / "data", folder / "log"
    initialise = [*anybody, find("initdb"), "--username=postgres", "--auth=trust", "--no-sync", f"--pgdata={data}"]
    subprocess.run(initialise, check=True, capture_output=True, timeout=120)  # noqa: S603  as above
    (data / "pg_hba.conf").write_text(_ACCESS)
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
    options = [f"--{name}={value}" for name, value in settings.items()]
    program = Program("postgres", [*anybody, find("postgres"), "-D", data, *options], log=log)
    server = Postgres(folder, port)
    try:
        program.start()
        eventually(server.ready, 60, "PostgreSQL answers", explain=lambda: log.read_text()[-2000:])
        yield server
    finally:
        program.stop()
        shutil.rmtree(folder)


def _name(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""'))


def _text(text: str) -> str:
    return "E'{}'".format(text.replace("\\", "\\\\").replace("'", "''"))
