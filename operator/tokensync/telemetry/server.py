"""`/metrics`, `/healthz` and `/readyz`, over plain HTTP."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

_OPENMETRICS = "application/openmetrics-text"
_END_WITHIN = 1.0
"""Seconds for an answer that is on its way when the server stops."""


@contextlib.asynccontextmanager
async def serve(address: str, registry: CollectorRegistry, problems: Callable[[], list[str]]) -> AsyncIterator[str]:
    """Answer within the block; it gets the address, with the port that was found for port 0.

    Args:
        address: `IP:port`; without an IP, all there are.
        registry: what `/metrics` shows.
        problems: what `/readyz` says; empty where all is well.

    Raises:
        OSError: if nobody can listen there.
    """
    with _listen(address) as listener:
        application = _Endpoints(registry, problems).application()
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_END_WITHIN)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            host, port = listener.getsockname()[:2]
            yield f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        finally:
            await runner.cleanup()


class _Endpoints:
    def __init__(self, registry: CollectorRegistry, problems: Callable[[], list[str]]) -> None:
        self._registry = registry
        self._problems = problems
        self._one_at_a_time = asyncio.Lock()

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/healthz", self._alive)
        application.router.add_get("/readyz", self._ready)
        application.router.add_get("/metrics", self._metrics)
        application.on_response_prepare.append(_end_connection)
        return application

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _ready(self, _: web.Request) -> web.Response:
        problems = self._problems()
        if problems:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="".join(f"{each}\n" for each in problems))
        return web.Response(text="ok\n")

    async def _metrics(self, request: web.Request) -> web.Response:
        """In a thread: of thousands of tokens it takes longer than renewals should wait."""
        asked = _OPENMETRICS if _OPENMETRICS in request.headers.get("Accept", "") else ""
        encode, content_type = choose_encoder(asked)  # the header itself may hold versions that it fails over
        async with self._one_at_a_time:
            body = await asyncio.to_thread(encode, self._registry)
        response = web.Response(body=body, headers={"Content-Type": content_type})
        response.enable_compression()
        return response


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


async def _end_connection(_: web.Request, response: web.StreamResponse) -> None:
    """Keep none open: a connection is a task, and Kopf waits five seconds for tasks that do not end when it does."""
    response.force_close()
