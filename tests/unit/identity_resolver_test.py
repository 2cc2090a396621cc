"""What a name may lead to."""

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tokensync.errors import Reason, SpecError
from tokensync.identity.hosts import AllowList
from tokensync.identity.proxies import Proxies
from tokensync.identity.resolver import GuardedResolver, is_local

PUBLIC = "203.0.113.7"
PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "2001:db8::1",
    "64:ff9b::a00:1",
    PUBLIC,
]
LOCAL = [
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "0.0.0.0",  # noqa: S104  nothing is bound to it
    "224.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::ffff:224.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "100.100.100.200",
    "168.63.129.16",
    "64:ff9b::a83f:8110",
]


class Zone(AbstractResolver):
    """A DNS where every name has the same addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All of them."""
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        """Note it."""
        self.closed = True


async def resolved(zone: Zone, host: str, port: int = 443, *, allowed: str, proxy: str | None = None) -> list[str]:
    """The addresses that may be connected to."""
    resolver = GuardedResolver(zone, AllowList([allowed]), Proxies(proxy))
    return [each["host"] for each in await resolver.resolve(host, port)]


@pytest.mark.parametrize("address", LOCAL)
def test_what_is_local(address: str) -> None:
    """Loopback, link-local, unspecified and multicast addresses, those of clouds' metadata, and all in IPv6's disguise."""
    assert is_local(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_elsewhere(address: str) -> None:
    """Private networks too: that is where many servers live."""
    assert not is_local(address)


@pytest.mark.parametrize("address", LOCAL)
async def test_a_pattern_does_not_lead_here(address: str) -> None:
    """The message names the host, the setting and whose it is."""
    with pytest.raises(SpecError) as caught:
        await resolved(Zone(address), "login.example.com", 8443, allowed="*.example.com:8443")
    assert caught.value.reason is Reason.HOST_NOT_ALLOWED
    assert caught.value.text == (
        "login.example.com:8443 resolves to loopback, link-local, multicast or metadata service addresses, which no pattern "
        "in allowed-hosts allows: correct the DNS of login.example.com:8443, or, if it is meant to be there, ask the "
        "administrator of tokensync to add login.example.com:8443 itself to the setting allowed-hosts"
    )


async def test_of_several_addresses_those_are_left_out() -> None:
    """Whichever comes first."""
    zone = Zone("127.0.0.1", PUBLIC, "::ffff:169.254.169.254", "10.0.0.1", "fe80::1%eth0")
    assert await resolved(zone, "login.example.com", allowed="*.example.com") == [PUBLIC, "10.0.0.1"]


@pytest.mark.parametrize("allowed", ["localhost:8443", "localhost:8443/realms"])
async def test_whom_an_entry_names_may_be_here(allowed: str) -> None:
    """The administrator knows where it is."""
    assert await resolved(Zone("127.0.0.1"), "localhost", 8443, allowed=allowed) == ["127.0.0.1"]


async def test_another_port_is_not_named() -> None:
    """An entry names host and port."""
    with pytest.raises(SpecError):
        await resolved(Zone("127.0.0.1"), "localhost", 443, allowed="localhost:8443")


async def test_the_proxy_may_be_here() -> None:
    """Many run beside the operator; a provider of that name at another port is none."""
    proxy = "http://localhost:3128"
    assert await resolved(Zone("127.0.0.1"), "localhost", 3128, allowed="*.example.com", proxy=proxy) == ["127.0.0.1"]
    with pytest.raises(SpecError):
        await resolved(Zone("127.0.0.1"), "localhost", 443, allowed="*.example.com", proxy=proxy)


async def test_a_name_without_addresses_is_not_refused() -> None:
    """It cannot be reached, which is something else."""
    assert await resolved(Zone(), "login.example.com", allowed="*.example.com") == []


async def test_closing_closes_what_is_underneath() -> None:
    """It belongs to this one."""
    zone = Zone()
    await GuardedResolver(zone, AllowList([]), Proxies(None)).close()
    assert zone.closed
