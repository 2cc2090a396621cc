"""Which addresses a name may lead to. Names are the provider's, or whoever's who runs its DNS: what they stand for is not.

A name that the administrator allows by a pattern alone must not turn out to be this pod, the node it runs on, or the
node's metadata service ("DNS rebinding"). What is looked at is the very address that is connected to: there is no other
lookup behind it. Private networks are left alone, because that is where many servers live.
"""

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from tokensync.errors import Reason, SpecError
from tokensync.identity.hosts import Address, AllowList
from tokensync.identity.proxies import Proxies

_METADATA_SERVICES = frozenset(
    ipaddress.ip_address(address)
    for address in ("fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "100.100.100.200", "168.63.129.16")
)
"""Those of AWS, Google Cloud, Oracle Cloud, Alibaba Cloud and Azure that are not link-local, as 169.254.169.254 is."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052, section 2.1


class GuardedResolver(AbstractResolver):
    """Leaves out what a name must not lead to, unless the administrator named host and port, as provider or as proxy.

    Args:
        resolver: does the work.
        allowed: who is named.
        proxies: which proxy is used.
    """

    def __init__(self, resolver: AbstractResolver, allowed: AllowList, proxies: Proxies) -> None:
        self._resolver = resolver
        self._allowed = allowed
        self._proxies = proxies

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Find the addresses that may be connected to.

        Raises:
            OSError: if there are none.
            SpecError: `HostNotAllowed`, if there are only others.
        """
        found = await self._resolver.resolve(host, port, family)
        if self._allowed.names(host, port) or self._proxies.is_proxy(host, port):
            return found
        usable = [each for each in found if not is_local(each["host"])]
        if found and not usable:
            raise _refusal(Address(host, port, "").origin)
        return usable

    async def close(self) -> None:
        """Close the one that does the work."""
        await self._resolver.close()


def is_local(address: str) -> bool:
    """Whether an IP address means this machine, its own link or its metadata service, or more than one machine."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        ip = _embedded(ip) or ip
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast or ip in _METADATA_SERVICES


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that is reached by this one: mapped, by 6to4, or by NAT64."""
    by_nat64 = ipaddress.IPv4Address(ip.packed[-4:]) if ip in _NAT64 else None
    return ip.ipv4_mapped or ip.sixtofour or by_nat64


def _refusal(origin: str) -> SpecError:
    return SpecError(
        Reason.HOST_NOT_ALLOWED,
        f"{origin} resolves to loopback, link-local, multicast or metadata service addresses, which no pattern in "
        "allowed-hosts allows",
        remedy=f"correct the DNS of {origin}, or, if it is meant to be there, ask the administrator of tokensync to add "
        f"{origin} itself to the setting allowed-hosts",
    )
