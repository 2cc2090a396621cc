"""The sockets under the connections, so that closing them all can be waited for."""

import asyncio
import socket
from contextlib import suppress
from weakref import WeakSet

import aiohttp

_INTERVAL = 0.005
_LOOKS = 200


class Sockets:
    """Makes sockets for an HTTP client, and sees to it that they are gone in the end.

    The client itself closes a connection that was broken off as TLS wants it: it waits, unseen, for the other end's
    farewell, for half a minute if need be. Whoever ends the event loop meanwhile leaves an open socket.
    """

    def __init__(self) -> None:
        self._made: WeakSet[socket.socket] = WeakSet()

    def make(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """Make a socket for an address, as the HTTP client asks for it."""
        made = socket.socket(*address[:3])
        self._made.add(made)
        return made

    async def close(self) -> None:
        """End what is still open without waiting for farewells. Gives up after a second."""
        for each in self._open():
            with suppress(OSError):  # gone already, or never connected
                each.shutdown(socket.SHUT_RDWR)
        for _ in range(_LOOKS):
            if not self._open():
                break
            await asyncio.sleep(_INTERVAL)  # the event loop closes them in its next rounds

    def _open(self) -> list[socket.socket]:
        return [each for each in self._made if each.fileno() >= 0]
