"""Where a credential may be sent. Addresses are read so strictly that nobody reads the same text as another host."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tokensync.errors import Reason, SpecError

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[1-9][0-9]{{0,4}}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?"
)
_AUTHORITY = re.compile(r"[A-Za-z0-9.:-]*")  # no user information, no escapes, no Unicode that lower-cases to ASCII
_NUMBER = re.compile(
    r"[0-9]+|0x[0-9a-f]*"
)  # what ends a host that is taken for an IPv4 address: URL Standard, section 3.5
_SCHEME = "https://"
_DEFAULT_PORT = 443
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """An https address without user, query and fragment: `host` in lower case, `path` empty or from its first slash."""

    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """The host, and the port where it is not 443: how messages and settings name it."""
        return self.host if self.port == _DEFAULT_PORT else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """In the one form that is ever sent to."""
        return f"{_SCHEME}{self.origin}{self.path}"


def parse_url(url: str) -> Address:
    """Read an https URL.

    Raises:
        ValueError: if it is anything but `https://host[:port][/path]` with unescaped segments. The message has no URL
            in it: whoever asks knows where it came from.
    """
    if url[: len(_SCHEME)].lower() != _SCHEME:
        raise ValueError("it does not start with https://")
    return _parse(url[len(_SCHEME) :])


def _parse(text: str) -> Address:
    authority = _AUTHORITY.match(text).group()  # type: ignore[union-attr]  # matches the empty string at least
    match = _ADDRESS.fullmatch(authority.lower() + text[len(authority) :])
    if match is None:
        raise ValueError("it is not host[:port][/path]: no user, query, fragment, escapes or final dot")
    port = int(match["port"] or _DEFAULT_PORT)
    if port > _LAST_PORT:
        raise ValueError(f"port {port} does not exist")
    if {".", ".."} & set(match["path"].split("/")):
        raise ValueError("its path has dot segments")
    if _is_number(match["host"]) and not _is_ipv4(match["host"]):
        raise ValueError("it ends in a number, and is no IPv4 address in the form 192.0.2.1")
    return Address(match["host"], port, match["path"])


def _is_number(host: str) -> bool:
    """Whether resolvers read the host as a number: `127.1` and `0x7f000001` are `127.0.0.1` to them."""
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Entry:
    address: Address
    subdomains: bool

    def covers(self, address: Address) -> bool:
        return (
            self._covers_host(address.host)
            and address.port == self.address.port
            and f"{address.path}/".startswith(f"{self.address.path}/")
        )

    def names(self, host: str, port: int) -> bool:
        return not self.subdomains and (host, port) == (self.address.host, self.address.port)

    def _covers_host(self, host: str) -> bool:
        return host.endswith(f".{self.address.host}") if self.subdomains else host == self.address.host


class AllowList:
    """The hosts that the administrator lets credentials be sent to.

    Args:
        entries: `host[:port][/path prefix]`. Host and port are exact, without a port it is 443; `*.` before the host
            stands for all of its subdomains, at any depth, but not for itself. A prefix ends at a segment.

    Raises:
        ValueError: if an entry has another form; the message names it.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._entries = tuple(_parse_entry(entry) for entry in entries)

    def names(self, host: str, port: int) -> bool:
        """Whether an entry names this very host and port: one with `*.` does not."""
        return any(entry.names(host, port) for entry in self._entries)

    def require(self, address: Address, field: str = "spec.provider") -> None:
        """Refuse an address that no entry covers.

        Args:
            address: where something is to be sent.
            field: where the spec says so.

        Raises:
            SpecError: `HostNotAllowed`.
        """
        if not any(entry.covers(address) for entry in self._entries):
            raise SpecError(
                Reason.HOST_NOT_ALLOWED,
                f"this installation does not allow tokens to be requested from {address.origin}{address.path}",
                remedy=f"ask the administrator of tokensync to add {address.origin} to its setting allowed-hosts, "
                f"or correct {field}",
            )


def _parse_entry(text: str) -> _Entry:
    subdomains = text.startswith("*.")
    try:
        address = _parse(text.removeprefix("*."))
    except ValueError as error:
        raise ValueError(f"{text!r} is not host[:port][/path prefix]: {error}") from None
    if subdomains and _is_number(address.host):
        raise ValueError(f"{text!r}: an IP address has no subdomains")
    return _Entry(address, subdomains)
