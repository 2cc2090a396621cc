"""A TLS port that can be closed and opened again."""

import asyncio
import ssl
from collections.abc import Callable

from aiohttp import web

from support.ports import free_port

ADDRESS = "127.0.0.1"
GRACE = 0.1
"""Seconds that a request under way gets when the port closes."""


class Listener:
    """Serves an application on one port for all its life."""

    def __init__(self, make_app: Callable[[], web.Application], tls: ssl.SSLContext, address: str = ADDRESS) -> None:
        self.port = free_port(address)
        self._address = address
        self._make_app = make_app
        self._tls = tls

    async def open(self) -> None:
        """Listen."""
        self._runner = web.AppRunner(
            self._make_app(), access_log=None, handler_cancellation=True, shutdown_timeout=GRACE
        )
        await self._runner.setup()
        if self._runner.server is None:
            raise RuntimeError("a runner that is set up has a server")
        self._protocols = self._runner.server
        self._server = await asyncio.get_running_loop().create_server(
            self._protocols, self._address, self.port, ssl=self._tls, backlog=1024
        )

    async def close(self) -> None:
        """Refuse connections from now on, and cut those that there are."""
        self._server.close()
        for connection in self._protocols.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await self._runner.cleanup()
        await self._server.wait_closed()
