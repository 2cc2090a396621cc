"""A gate before the API server: it holds chosen calls back, so that a moment in the operator's work lasts."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
import trustme
import yaml
from aiohttp import web

from support.control_plane import ControlPlane
from support.entra.listener import ADDRESS, Listener
from support.entra.loop_thread import LoopThread
from support.pki import write_kubeconfig
from support.waiting import eventually
from tokensync.identity.sockets import Sockets

_OF_ONE_HOP = {"Connection", "Content-Length", "Host", "Transfer-Encoding"}


@dataclass(eq=False)
class Held:
    """Calls that are held back: the API server never hears of them.

    Attributes:
        method: of HTTP.
        path: a pattern for all of it.
        count: how many came so far.
    """

    method: str
    path: re.Pattern[str]
    count: int = 0

    def takes(self, request: web.Request) -> bool:
        """Whether a call is one of them."""
        return request.method == self.method and self.path.fullmatch(request.path) is not None

    def wait(self, timeout: float = 10) -> None:
        """Wait until one has come."""
        eventually(lambda: self.count > 0, timeout, f"somebody calls {self.method} {self.path.pattern}")


class Gate:
    """A reverse proxy before an API server; a context manager.

    Attributes:
        kubeconfig: the way through it, for the user of another kubeconfig.
    """

    def __init__(self, control_plane: ControlPlane, kubeconfig: Path, folder: Path) -> None:
        """Prepare it.

        Args:
            control_plane: whose API server is behind it.
            kubeconfig: of a user with a bearer token.
            folder: for the gate's own certificate authority and kubeconfig.
        """
        self._server = control_plane.url
        self._ca = control_plane.ca
        self._held: list[Held] = []
        ca = trustme.CA()
        ca_file = folder / "gate-ca.pem"
        ca.cert_pem.write_to_path(ca_file)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(ADDRESS).configure_cert(tls)
        self._listener = Listener(self._application, tls)
        token = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"]
        url = f"https://{ADDRESS}:{self._listener.port}"
        self.kubeconfig = write_kubeconfig(folder / "gate.kubeconfig", url, ca_file, token)

    def __enter__(self) -> Self:
        self._thread = LoopThread("gate")
        self._thread.run(self._listener.open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.run(self._listener.close())
        self._thread.stop()

    @contextmanager
    def holding(self, method: str, path: str) -> Iterator[Held]:
        """Hold back, within the block, calls with this method whose path matches the pattern; they end with their caller."""
        held = Held(method, re.compile(path))
        self._held.append(held)
        try:
            yield held
        finally:
            self._held.remove(held)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=1 << 24)
        application.cleanup_ctx.append(self._open_session)
        application.router.add_route("*", "/{path:.*}", self._pass)
        return application

    async def _open_session(self, _: web.Application) -> AsyncIterator[None]:
        tls = ssl.create_default_context(cafile=self._ca)
        sockets = Sockets()
        connector = aiohttp.TCPConnector(limit=0, ssl=tls, socket_factory=sockets.make)
        timeout = aiohttp.ClientTimeout(total=None)  # watches last
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as self._session:
            yield
        await sockets.close()  # a farewell, of watches that were broken off too, would take longer than the loop lives

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        for held in self._held:
            if held.takes(request):
                held.count += 1
                await asyncio.Event().wait()
        headers = {name: value for name, value in request.headers.items() if name not in _OF_ONE_HOP}
        url = f"{self._server}{request.raw_path}"
        async with self._session.request(
            request.method, url, headers=headers, data=await request.read() or None
        ) as answer:
            return await _copy(answer, request)


async def _copy(answer: aiohttp.ClientResponse, request: web.Request) -> web.StreamResponse:
    """Hand an answer on as it comes: a watch's never ends."""
    headers = {name: value for name, value in answer.headers.items() if name not in _OF_ONE_HOP}
    copy = web.StreamResponse(status=answer.status, headers=headers)
    await copy.prepare(request)
    async for chunk in answer.content.iter_any():
        await copy.write(chunk)
    await copy.write_eof()
    return copy
