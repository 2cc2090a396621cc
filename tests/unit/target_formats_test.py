"""The files of `target.format`, byte by byte. That their readers take them so is shown in tests/adapters."""

import base64
import json
import netrc
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokensync.errors import Reason
from tokensync.resource.target import Format
from tokensync.target.formats import keys, refusal, write

SPECIAL = r""":\"#,'%@/?&"""
"""Everything that means something to one of the readers."""
VISIBLE = st.text([chr(code) for code in range(0x21, 0x7F)], min_size=1)
"""What a token may be."""

FORMATS: dict[str, dict[str, Any]] = {
    "basicAuth": {"username": "ada"},
    "dockerConfigJson": {"registry": "registry.example.com:5000", "username": "ada"},
    "netrc": {"machine": "api.example.com", "login": "ada"},
    "pgpass": {"host": "db.example.com", "port": 6432, "database": "reports", "user": "ada"},
    "gitCredentials": {"url": "https://git.example.com/team/reports.git", "username": "ada"},
    "curlConfig": {},
}


def made(name: str, **changes: Any) -> Format:
    """A format, as the schema lets it through."""
    return Format.model_validate({name: {**FORMATS[name], **changes}})


@pytest.mark.parametrize(
    ("name", "key", "text"),
    [
        ("basicAuth", "password", "abc.def"),
        ("netrc", ".netrc", "machine api.example.com\nlogin ada\npassword abc.def\n"),
        ("pgpass", ".pgpass", "db.example.com:6432:reports:ada:abc.def\n"),
        ("gitCredentials", ".git-credentials", "https://ada:abc.def@git.example.com/team/reports.git\n"),
        ("curlConfig", "curlrc", 'header = "Authorization: Bearer abc.def"\n'),
    ],
)
def test_file(name: str, key: str, text: str) -> None:
    """An ordinary token and ordinary names stand there as they are."""
    assert write(made(name), "abc.def")[key] == text


def test_docker_config_says_who_in_both_ways() -> None:
    """Some clients read `auth` alone, others prefer the two names."""
    login = {"username": "ada", "password": "abc.def", "auth": base64.b64encode(b"ada:abc.def").decode()}
    config = json.loads(write(made("dockerConfigJson"), "abc.def")[".dockerconfigjson"])
    assert config == {"auths": {"registry.example.com:5000": login}}


@pytest.mark.parametrize(
    ("name", "key", "text"),
    [
        ("netrc", ".netrc", 'password ":\\\\\\"#,\'%@/?&"\n'),
        ("pgpass", ".pgpass", r"""reports:ada:\:\\"#,'%@/?&""" + "\n"),
        ("gitCredentials", ".git-credentials", "ada:%3A%5C%22%23%2C%27%25%40%2F%3F%26@git."),
        ("curlConfig", "curlrc", 'Bearer :\\\\\\"#,\'%@/?&"\n'),
    ],
)
def test_what_means_something_to_the_reader_is_escaped(name: str, key: str, text: str) -> None:
    """A token may hold any visible character."""
    assert text in write(made(name), SPECIAL)[key]


def test_pgpass_without_a_port_is_for_all() -> None:
    """As PostgreSQL's page says, with an asterisk."""
    assert write(made("pgpass", port=None), "abc") == {".pgpass": "db.example.com:*:reports:ada:abc\n"}


def test_pgpass_takes_an_address_with_colons() -> None:
    """An IPv6 address is one field, and a first `#` no comment."""
    assert write(made("pgpass", host="::1", user="#ada"), "abc") == {".pgpass": "\\:\\:1:6432:reports:\\#ada:abc\n"}


@given(VISIBLE, VISIBLE)
def test_netrc_is_read_back_by_python(login: str, token: str) -> None:
    """A reader that undoes a backslash outside of quotes too."""
    with NamedTemporaryFile("w+") as file:
        file.write(write(made("netrc", login=login), token)[".netrc"])
        file.flush()
        assert netrc.netrc(file.name).authenticators("api.example.com") == (login, "", token)


def test_only_what_has_to_be_is_quoted_in_netrc() -> None:
    """Older readers know no quotes: what they can read without, they get without."""
    bare = "!$%&'()*+-./0:;<=>?@A[]^_`{|}~#"
    assert f"password {bare}\n" in write(made("netrc"), bare)[".netrc"]


@given(VISIBLE, VISIBLE)
def test_git_url_is_read_back(username: str, token: str) -> None:
    """Whatever is in user and token, host and path are those of the spec."""
    line = write(made("gitCredentials", username=username), token)[".git-credentials"]
    url = urlsplit(line.removesuffix("\n"))
    assert (unquote(url.username or ""), unquote(url.password or "")) == (username, token)
    assert (url.hostname, url.path) == ("git.example.com", "/team/reports.git")


@given(VISIBLE)
def test_docker_auth_is_read_back(token: str) -> None:
    """Base64 of user, colon, token (RFC 7617)."""
    config = json.loads(write(made("dockerConfigJson"), token)[".dockerconfigjson"])
    auth = base64.b64decode(config["auths"]["registry.example.com:5000"]["auth"]).decode()
    assert auth == f"ada:{token}"


@pytest.mark.parametrize("name", FORMATS)
def test_keys_are_those_that_are_written(name: str) -> None:
    """Whatever the token is."""
    assert set(keys(made(name))) == set(write(made(name), "abc"))


@pytest.mark.parametrize("name", FORMATS)
def test_what_the_schema_suggests_is_written(name: str) -> None:
    """Nothing is refused that a file can say."""
    assert refusal(made(name)) is None


TEXTS = [(name, field) for name, fields in FORMATS.items() for field, value in fields.items() if value != 6432]


@pytest.mark.parametrize("control", ["\n", "\r", "\0", "\t", "\x85"])
@pytest.mark.parametrize(("name", "field"), TEXTS)
def test_control_character_is_refused(name: str, field: str, control: str) -> None:
    """No field can end a line of the file and begin another entry."""
    error = refusal(made(name, **{field: f"{FORMATS[name][field]}{control}x"}))
    assert error is not None
    assert error.reason is Reason.INVALID_SPEC
    assert error.text == f"target.format.{name}.{field} holds a control character: remove line breaks and the like"


@pytest.mark.parametrize("name", ["basicAuth", "dockerConfigJson"])
def test_colon_in_a_users_name_is_refused(name: str) -> None:
    """It would move a part of the name into the password."""
    error = refusal(made(name, username="ada:x"))
    assert error is not None
    assert error.message.startswith(f"target.format.{name}.username holds a colon")


@pytest.mark.parametrize(
    "url",
    [
        "git.example.com",
        "https://",
        "ssh://git.example.com/a",
        "http://git.example.com/a",
        "https://ada@git.example.com/a",
        "https://git.example.com/a?b",
        "https://git.example.com/a#b",
        "https://git.example.com:port/a",
        "https://git.example.com/a b",
        "https://git.example.com/a%0ab",
        "https://git.example.com\\@evil.example/",
        "https://[::1/a",
    ],
)
def test_url_that_git_reads_otherwise_is_refused(url: str) -> None:
    """The token goes where the spec says, or nowhere."""
    error = refusal(made("gitCredentials", url=url))
    assert error is not None
    assert error.reason is Reason.INVALID_SPEC
    assert error.message.startswith("target.format.gitCredentials.url is not an https URL")


@pytest.mark.parametrize(
    "url", ["https://git.example.com", "https://git.example.com:8443/", "https://[::1]/a%20b", "https://a.example/@b/c"]
)
def test_other_urls_are_written(url: str) -> None:
    """As they are."""
    wanted = made("gitCredentials", url=url)
    assert refusal(wanted) is None
    assert write(wanted, "abc")[".git-credentials"] == url.replace("://", "://ada:abc@", 1) + "\n"
