"""`format.dockerConfigJson`: what container clients read, against a registry that checks the password."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.servers.registry import LONGEST_PASSWORD, Registry, registry, write_image
from support.servers.requirements import find
from tokensync.resource.target import Format
from tokensync.target.formats import write

USER = "00000000-0000-0000-0000-000000000000"
"""What Azure Container Registry wants beside a token."""
TOKEN = "eyJ0eXAiOiJKV1QifQ." + "a:b\\c'd\"e#f%g@h" * 3


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    assert len(TOKEN) <= LONGEST_PASSWORD
    with registry(tmp_path_factory.mktemp("registry"), {USER: TOKEN}) as running:
        yield running


def push(server: Registry, folder: Path, token: str) -> subprocess.CompletedProcess[str]:
    """Push an image with the file that a Secret with this token holds."""
    wanted = Format.model_validate({"dockerConfigJson": {"registry": server.host, "username": USER}})
    file = folder / "auth.json"
    file.write_text(write(wanted, token)[".dockerconfigjson"])
    write_image(folder / "image")
    options = [f"--dest-authfile={file}", f"--dest-cert-dir={server.authorities}"]
    return subprocess.run(  # noqa: S603  a program of the system, found by its full path
        [find("skopeo"), "copy", "--quiet", *options, f"oci:{folder / 'image'}", f"docker://{server.host}/reports:1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_skopeo_signs_in_with_the_token(server: Registry, tmp_path: Path) -> None:
    """The image is there afterwards."""
    done = push(server, tmp_path, TOKEN)

    assert done.returncode == 0, done.stderr


def test_skopeo_is_refused_with_another_token(server: Registry, tmp_path: Path) -> None:
    """The registry does look at it."""
    done = push(server, tmp_path, TOKEN[:-1])

    assert done.returncode != 0
    assert "authentication required" in done.stderr or "unauthorized" in done.stderr
