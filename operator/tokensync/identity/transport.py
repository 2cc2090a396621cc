"""HTTP for token requests: one pool of verified connections, with every limit that a hostile answer calls for."""

import ssl
from collections.abc import Mapping
from typing import Literal

import aiohttp

from tokensync import __version__
from tokensync.clock import Clock
from tokensync.errors import ProviderError
from tokensync.identity.failures import (
    CONNECT_TIMEOUT,
    REQUEST_TIMEOUT,
    connection_failure,
    untrusted,
    untrusted_proxy,
    unusable,
)
from tokensync.identity.hosts import Address, AllowList
from tokensync.identity.proxies import Proxies
from tokensync.identity.resolver import GuardedResolver
from tokensync.identity.response import Response
from tokensync.identity.sockets import Sockets
from tokensync.telemetry.metrics import Metrics

LONGEST_BODY = 256 * 1024
"""Bytes of an answer that are read. Entra's discovery document takes 2 KiB, a token with many roles some 10 KiB."""

_TIMEOUT = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT, connect=CONNECT_TIMEOUT)


class Transport:
    """Sends requests to allowed hosts. For one event loop; its connections are opened with the first request.

    Args:
        clock: stamps requests and responses.
        allowed: where anything may be sent.
        trusted: verifies the hosts' certificates.
        bundled: whether that trusts a bundle of the resource's, and not what the operator does.
        proxies: which proxy leads there.
        metrics: show how far the hosts' clocks are off ours.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        allowed: AllowList,
        trusted: ssl.SSLContext,
        bundled: bool,
        proxies: Proxies,
        metrics: Metrics,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._allowed = allowed
        self._trusted = trusted
        self._bundled = bundled
        self._proxies = proxies
        self._sockets = Sockets()
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, method: Literal["GET", "POST"], address: Address, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> Response:
        """Send a request and read the whole answer. Redirects are answers like others.

        Raises:
            SpecError: `HostNotAllowed`, for what the host resolves to, too; nothing was sent.
            ProviderError: if no answer came, or one that cannot be read.
        """
        self._allowed.require(address)
        proxy = self._proxies.proxy_for(address)
        try:
            response = await self._send(method, address, headers, body, proxy)
        except aiohttp.ClientConnectorCertificateError as error:
            failure = self._untrusted(error, address, proxy)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            failure = connection_failure(error, address, proxy)
        else:
            if response.clock_ahead is not None:
                self._metrics.clock_skew.labels(address.origin).set(response.clock_ahead.total_seconds())
            return response
        raise failure  # here, not above: a failure must not lead to the error that it was made of

    async def close(self) -> None:
        """Close all connections, those too that were broken off."""
        if self._session is not None:
            await self._session.close()
        await self._sockets.close()

    async def _send(
        self, method: str, address: Address, headers: Mapping[str, str], body: bytes | None, proxy: str | None
    ) -> Response:
        sent_at = self._clock.now()
        async with self._open_session().request(
            method,
            address.url,
            headers=headers,
            data=body,
            proxy=proxy,
            allow_redirects=False,
        ) as response:
            content = await _read(response, address)
            return Response(response.status, response.headers, content, sent_at, self._clock.now())

    def _untrusted(
        self, error: aiohttp.ClientConnectorCertificateError, address: Address, proxy: str | None
    ) -> ProviderError:
        if proxy and self._proxies.is_proxy(error.host, error.port or 0):
            return untrusted_proxy(error.certificate_error, proxy, bundled=self._bundled)
        return untrusted(error.certificate_error, address, bundled=self._bundled)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._trusted,
                    resolver=GuardedResolver(aiohttp.ThreadedResolver(), self._allowed, self._proxies),
                    limit=0,  # the callers' threads are the limit
                    socket_factory=self._sockets.make,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"tokensync/{__version__}", "Accept-Encoding": "identity"},
                timeout=_TIMEOUT,
                auto_decompress=False,  # nothing that grows after it was measured
                trust_env=False,
            )
        return self._session


async def _read(response: aiohttp.ClientResponse, address: Address) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > LONGEST_BODY:
            response.close()
            raise unusable(address, f"more than {LONGEST_BODY // 1024} KiB")
    return bytes(content)
