"""The ready-made shapes of `target.format`: files that programs read by themselves, each with the token in its place.

What stands in a file is escaped as the file's reader undoes it. A reader that is widely used in older versions is not
asked for more than those understand: a text is quoted only where it has to be.
"""

import base64
import json
import re
from typing import assert_never
from urllib.parse import quote, unquote, urlsplit

from pydantic.alias_generators import to_camel

from tokensync.errors import Reason, SpecError
from tokensync.resource.model import member
from tokensync.resource.target import (
    BasicAuth,
    CurlConfig,
    DockerConfigJson,
    Format,
    GitCredentials,
    Netrc,
    Pgpass,
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BARE_NETRC_WORD = re.compile(r'[^\s",\\#][^\s",\\]*')
_SPECIAL_IN_PGPASS = re.compile(r"^#|[:\\]")
_SPECIAL_IN_QUOTES = re.compile(r'["\\]')


def write(wanted: Format, token: str) -> dict[str, str]:
    """The Secret's keys of this format, and their values."""
    match wanted.shape:
        case BasicAuth(username=username):
            return {"username": username, "password": token}
        case DockerConfigJson(registry=registry, username=username):
            return {".dockerconfigjson": _docker_config(registry, username, token)}
        case Netrc(machine=machine, login=login):
            return {".netrc": _netrc(machine, login, token)}
        case Pgpass(host=host, port=port, database=database, user=user):
            return {".pgpass": _pgpass(host, str(port or "*"), database, user, token)}
        case GitCredentials(url=url, username=username):
            return {".git-credentials": _git_credentials(url, username, token)}
        case CurlConfig():
            return {"curlrc": f"header = {_quoted(f'Authorization: Bearer {token}')}\n"}
        case shape:
            assert_never(shape)


def keys(wanted: Format) -> tuple[str, ...]:
    """The Secret's keys of this format."""
    return tuple(write(wanted, ""))


def refusal(wanted: Format) -> SpecError | None:
    """Why the file cannot say what the spec wants; None if it can."""
    name = to_camel(member(wanted))
    for field, value in wanted.shape:
        if isinstance(value, str) and _CONTROL.search(value):
            return _inexpressible(f"{name}.{field}", "holds a control character", "remove line breaks and the like")
    match wanted.shape:
        case BasicAuth(username=username) | DockerConfigJson(username=username) if ":" in username:
            return _inexpressible(f"{name}.username", "holds a colon, which ends a user's name (RFC 7617)", "remove it")
        case GitCredentials(url=url) if not _is_plain(url):
            return _inexpressible(
                f"{name}.url",
                "is not an https URL without user, query and fragment",
                "write it as https://git.example.com/path",
            )
    return None


def _inexpressible(field: str, what: str, remedy: str) -> SpecError:
    return SpecError(Reason.INVALID_SPEC, f"target.format.{field} {what}", remedy=remedy)


def _docker_config(registry: str, username: str, token: str) -> str:
    """What `docker login` leaves in config.json (docker-login reference); `auth` alone is read by some clients."""
    auth = base64.b64encode(f"{username}:{token}".encode()).decode("ascii")
    return json.dumps({"auths": {registry: {"username": username, "password": token, "auth": auth}}})


def _netrc(machine: str, login: str, token: str) -> str:
    """One entry of `.netrc` (curl: ".netrc file format"). On lines of their own: curl passes over one that is too long.

    curl before 7.84 knows no quotes, and Python undoes a backslash without them.
    """
    words = (("machine", machine), ("login", login), ("password", token))
    return "".join(f"{word} {text if _BARE_NETRC_WORD.fullmatch(text) else _quoted(text)}\n" for word, text in words)


def _pgpass(*fields: str) -> str:
    """One line of `.pgpass` (PostgreSQL: "The Password File"). A field that is `*` matches everything."""
    return ":".join(_SPECIAL_IN_PGPASS.sub(_escaped, field) for field in fields) + "\n"


def _git_credentials(url: str, username: str, token: str) -> str:
    """One line of git's store (git-credential-store: "STORAGE FORMAT")."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(username, safe='')}:{quote(token, safe='')}@{rest}\n"


def _is_plain(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises where it is no number
    except ValueError:
        return False
    return bool(
        parts.scheme == "https"
        and parts.hostname
        and "@" not in parts.netloc
        and not {"?", "#", " ", "\\"} & set(url)
        and not _CONTROL.search(unquote(url))
    )


def _quoted(text: str) -> str:
    """In double quotes, as curl reads it in both of its files (curl: "--config", ".netrc file format")."""
    return f'"{_SPECIAL_IN_QUOTES.sub(_escaped, text)}"'


def _escaped(special: re.Match[str]) -> str:
    return f"\\{special[0]}"
