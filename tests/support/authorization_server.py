"""An authorization server that gives a token to whoever asks, and notes how it was asked.

Whether a request is right is for the tests to say: this one shows what was on the wire.
"""

import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import trustme
from aiohttp import web

WELL_KNOWN = "/.well-known/openid-configuration"
TOKEN: Mapping[str, Any] = {"access_token": "an-access-token", "token_type": "bearer", "expires_in": 3599}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived.

    Attributes:
        method: of HTTP.
        path: with every slash of it.
        form: parameters in their order.
        authorization: the header, or empty.
    """

    method: str
    path: str
    form: list[tuple[str, str]] = field(repr=False)
    authorization: str = field(repr=False)

    @property
    def basic(self) -> tuple[str, str]:
        """Client id and secret out of the header, decoded as RFC 6749, section 2.3.1, has it."""
        scheme, _, encoded = self.authorization.partition(" ")
        assert scheme == "Basic"
        client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
        return unquote_plus(client_id), unquote_plus(secret)


class AuthorizationServer:
    """Answers every GET with its metadata and every POST with a token, over TLS of its own authority.

    Attributes:
        requests: by arrival.
        metadata: members of the discovery document, in place of the right ones.
        answer: the document that a token request is answered with.
        status: of that answer.
    """

    def __init__(self, ca: trustme.CA, port: int) -> None:
        self._ca = ca
        self.host = f"localhost:{port}"
        self.requests: list[Request] = []
        self.metadata: dict[str, Any] = {}
        self.answer: Mapping[str, Any] = TOKEN
        self.status = 200

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash."""
        return f"https://{self.host}"

    @property
    def token_requests(self) -> list[Request]:
        """Those that carried a credential, or should have."""
        return [request for request in self.requests if request.method == "POST"]

    def write_ca(self, path: Path) -> Path:
        """Write the authority that it is verified with to a file."""
        self._ca.cert_pem.write_to_path(path)
        return path

    async def handle(self, request: web.Request) -> web.Response:
        """Note a request and answer it."""
        body = (await request.read()).decode()
        noted = Request(
            request.method,
            request.raw_path,
            parse_qsl(body, keep_blank_values=True),
            request.headers.get("Authorization", ""),
        )
        self.requests.append(noted)
        if request.method == "POST":
            return web.json_response(self.answer, status=self.status)
        issuer = self.url + noted.path.removesuffix(WELL_KNOWN)
        return web.json_response({"issuer": issuer, "token_endpoint": f"{self.url}/token", **self.metadata})


@asynccontextmanager
async def authorization_server(
    ca: trustme.CA | None = None, *, name: str = "localhost"
) -> AsyncIterator[AuthorizationServer]:
    """Run one on a free port of the loopback address.

    Args:
        ca: issues its certificate; one of its own unless told.
        name: in the certificate, for those who come here by a proxy.
    """
    ca = ca or trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(tls)
    server: AuthorizationServer

    async def handle(request: web.Request) -> web.Response:
        return await server.handle(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    server = AuthorizationServer(ca, runner.addresses[0][1])
    try:
        yield server
    finally:
        await runner.cleanup()
