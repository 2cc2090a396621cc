"""`format.pgpass`: what psql (libpq) reads, against a server that checks the password."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.servers.postgres import Postgres, postgres
from support.servers.requirements import find
from tokensync.resource.target import Format
from tokensync.target.formats import write

TOKEN = "eyJ0eXAiOiJKV1QifQ." + "a:b\\c'd\"e#f%g@h" * 4000
"""About as long as one that is accepted from a provider may be, with everything in it that means something in some file."""


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


def who_am_i(server: Postgres, file: Path, user: str, database: str) -> subprocess.CompletedProcess[str]:
    """Ask the server, with this password file and nothing else."""
    command: list[str | Path] = [
        find("psql"),
        "--no-psqlrc",
        "--no-password",
        "--tuples-only",
        "--no-align",
        "--host=127.0.0.1",
    ]
    environment = {"PATH": os.environ["PATH"], "PGPASSFILE": str(file)}
    return subprocess.run(  # noqa: S603  a program of the system, found by its full path
        [
            *command,
            f"--port={server.port}",
            f"--username={user}",
            f"--dbname={database}",
            "--command=SELECT current_user",
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def password_file(folder: Path, **fields: object) -> Path:
    """The file as a pod has it, once it is mounted with a mode that libpq takes."""
    wanted = Format.model_validate({"pgpass": {"host": "127.0.0.1", **fields}})
    file = folder / "pgpass"
    file.touch(mode=0o600)
    file.write_text(write(wanted, TOKEN)[".pgpass"])
    return file


@pytest.mark.parametrize(
    ("user", "database"),
    [("reports", "reports"), ("a:b\\c", "d:e\\f"), ("#reader", 'quo"te')],
    ids=["plain", "escaped", "odd"],
)
def test_psql_signs_in_with_the_token(server: Postgres, tmp_path: Path, user: str, database: str) -> None:
    """With a port and without one, whatever the names are."""
    server.create(user, TOKEN, database)

    for port in ({"port": server.port}, {}):
        done = who_am_i(server, password_file(tmp_path, user=user, database=database, **port), user, database)
        assert (done.stdout.strip(), done.returncode) == (user, 0)


def test_psql_is_refused_with_another_token(server: Postgres, tmp_path: Path) -> None:
    """The server does look at it."""
    server.create("other", TOKEN[:-1], "other")

    done = who_am_i(server, password_file(tmp_path, user="other", database="other"), "other", "other")

    assert "password authentication failed" in done.stderr
