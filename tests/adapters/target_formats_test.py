"""The files of `target.format`, read by the programs that they are for: curl and git."""

import base64
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.builders import make_token
from support.readers import Listener, MissingReaderError, listener, run
from tokensync.resource.target import Target
from tokensync.target.content import render

PAGE = Path(__file__).parents[2] / "docs" / "secret-shapes.md"
EVERYTHING = "".join(chr(code) for code in range(0x21, 0x7F))
"""All that a token may hold."""
TOKENS = {
    "a JWT": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl-_",
    "every character": EVERYTHING,
    "quotation mark first": '"abc"',
    "hash first": "#abc",
    "hash inside": "abc#def",
    "backslash last": "abc\\",
    "long": "a" * 4085,
}
"""Tokens, and what is special about them. No longer one can be in a `.netrc` that curl 7.88 reads."""
LONGEST = "a" * 60_000
"""About what is accepted from a provider at most."""
TOKEN = pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)


@pytest.fixture(name="server")
def _server() -> Iterator[Listener]:
    """Somebody who hears what is sent."""
    with listener() as heard:
        yield heard


def mounted(folder: Path, shape: dict[str, Any], token: str) -> Path:
    """The folder of a pod in which the Secret is mounted, read-only."""
    target = Target.model_validate({"name": "graph-token", "format": shape})
    for key, text in render(target, make_token(token)).items():
        (folder / key).write_text(text)
        (folder / key).chmod(0o400)
    return folder


def basic(username: str, password: str) -> str:
    """What an HTTP client sends for them (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@TOKEN
def test_curl_sends_the_token_of_its_configuration(server: Listener, tmp_path: Path, token: str) -> None:
    """As a bearer token, whatever it is made of."""
    folder = mounted(tmp_path, {"curlConfig": {}}, token)
    run("curl", "--silent", "--config", folder / "curlrc", server.url, home=tmp_path)
    assert server.authorizations == [f"Bearer {token}"]


def test_curl_takes_any_length_from_its_configuration(server: Listener, tmp_path: Path) -> None:
    """Which is the way for a token that is too long for a `.netrc`."""
    folder = mounted(tmp_path, {"curlConfig": {}}, LONGEST)
    run("curl", "--silent", "--config", folder / "curlrc", server.url, home=tmp_path)
    assert server.authorizations == [f"Bearer {LONGEST}"]


@TOKEN
def test_curl_sends_the_token_of_a_netrc(server: Listener, tmp_path: Path, token: str) -> None:
    """As the password of the machine's login."""
    folder = mounted(tmp_path, {"netrc": {"machine": "localhost", "login": "x-access-token"}}, token)
    run("curl", "--silent", "--netrc-file", folder / ".netrc", server.url, home=tmp_path)
    assert server.authorizations == [basic("x-access-token", token)]


def test_curl_sends_it_to_no_other_machine(server: Listener, tmp_path: Path) -> None:
    """The entry is for the machine of the spec alone."""
    folder = mounted(tmp_path, {"netrc": {"machine": "api.example.com", "login": "ada"}}, "abc")
    run("curl", "--silent", "--netrc-file", folder / ".netrc", server.url, home=tmp_path)
    assert server.authorizations == [None]


def fill(folder: Path, *options: str, path: str = "team/reports.git", host: str = "git.example.com") -> dict[str, str]:
    """What git finds for a repository."""
    store = f"credential.helper=store --file={folder / '.git-credentials'}"
    wanted = f"protocol=https\nhost={host}\npath={path}\n\n"
    answer = run("git", "-c", store, *options, "credential", "fill", stdin=wanted, home=folder)
    return dict(line.split("=", 1) for line in answer.splitlines())


@TOKEN
@pytest.mark.parametrize("username", ["oauth2", "a/b:c@d%e?f#g"])
def test_git_takes_the_token_from_its_store(tmp_path: Path, username: str, token: str) -> None:
    """With the user that goes with it, for all repositories of the host."""
    url = "https://git.example.com:8443/team/reports.git"
    folder = mounted(tmp_path, {"gitCredentials": {"url": url, "username": username}}, token)
    found = fill(folder, host="git.example.com:8443", path="team/other.git")
    assert (found["username"], found["password"]) == (username, token)


def test_git_is_kept_from_writing_by_the_helper_of_the_page(tmp_path: Path) -> None:
    """It reads the token, and leaves it alone when git has used it, or was refused with it."""
    shape = {"gitCredentials": {"url": "https://git.example.com", "username": "oauth2"}}
    file = mounted(tmp_path, shape, "abc") / ".git-credentials"
    (helper,) = re.findall(r'credential\.helper = "(!.*)"', PAGE.read_text())
    git = partial(run, "git", "-c", f"credential.helper={helper.replace('…', str(file))}", "credential", home=tmp_path)
    before, login = file.read_text(), "protocol=https\nhost=git.example.com\nusername=oauth2\n"

    assert "password=abc\n" in git("fill", stdin=f"{login}\n")
    git("approve", stdin=f"{login}password=other\n\n")
    git("reject", stdin=f"{login}password=abc\n\n")

    assert file.read_text() == before


def test_git_takes_any_length_from_its_store(tmp_path: Path) -> None:
    """It is not git that limits a token."""
    folder = mounted(tmp_path, {"gitCredentials": {"url": "https://git.example.com", "username": "oauth2"}}, LONGEST)
    assert fill(folder)["password"] == LONGEST


def test_git_can_tell_repositories_apart(tmp_path: Path) -> None:
    """With useHttpPath the path of the spec counts."""
    url = "https://git.example.com/team/reports.git"
    folder = mounted(tmp_path, {"gitCredentials": {"url": url, "username": "oauth2"}}, "abc")
    by_path = ("-c", "credential.useHttpPath=true")
    assert fill(folder, *by_path)["password"] == "abc"
    with pytest.raises(AssertionError, match="git ended with 128"):
        fill(folder, *by_path, path="team/other.git")


def test_missing_reader_is_told_of(tmp_path: Path) -> None:
    """A test that cannot be made fails, and says what to install."""
    with pytest.raises(MissingReaderError, match="no-such-reader is not here: install it"):
        run("no-such-reader", home=tmp_path)
