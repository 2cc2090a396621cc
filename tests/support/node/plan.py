"""The names and addresses of one node, all derived from one number: nodes stand side by side."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

MOST = 64
"""Nodes at once: as many as the addresses are enough for."""

_BENCHMARKS = IPv4Network("198.18.0.0/16")
"""Set aside for tests of networks (RFC 2544): no private network that this machine may be in has these addresses."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a node is called and where it is found."""

    number: int

    @property
    def name(self) -> str:
        """The node's, its control groups', and that of this machine's end of the link to it."""
        return f"tokensync-{self.number}"

    @property
    def link(self) -> IPv4Network:
        """The network between this machine and the node."""
        return self._network(0, prefix=30)

    @property
    def host(self) -> IPv4Address:
        """This machine, as the node and its pods reach it."""
        return self.link[1]

    @property
    def node(self) -> IPv4Address:
        """The node."""
        return self.link[2]

    @property
    def pods(self) -> IPv4Network:
        """Addresses for pods."""
        return self._network(1)

    @property
    def services(self) -> IPv4Network:
        """Addresses for Services."""
        return self._network(2)

    @property
    def data(self) -> Path:
        """The folder for images, containers and volumes."""
        return Path("/var/tmp") / self.name  # noqa: S108 - large, ours alone by its name, and made by root

    def _network(self, place: int, prefix: int = 24) -> IPv4Network:
        first = int(_BENCHMARKS.network_address) + (self.number * 4 + place) * 256
        return IPv4Network((first, prefix))


@contextmanager
def claim() -> Iterator[Plan]:
    """Have a plan that nobody else on this machine has meanwhile.

    A number is taken by a socket without a file: the kernel gives it back, however its holder ends. It is the lowest
    that is free, so the next node gets, and tidies up, what one that was killed has left.
    """
    with closing(socket.socket(socket.AF_UNIX)) as lock:
        yield next(plan for plan in map(Plan, range(MOST)) if _take(lock, f"\0{plan.name}"))


def _take(lock: socket.socket, name: str) -> bool:
    with suppress(OSError):
        lock.bind(name)
        return True
    return False
