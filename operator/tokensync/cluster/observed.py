"""The watch's calls, counted, and heard: every byte that comes through a stream shows that it is alive.

Kopf tells of events, not of the bookmarks that are all that comes through a stream where nothing happens.
"""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from tokensync.cluster.api import DISCOVERY, Verb
from tokensync.cluster.resources import RESOURCES
from tokensync.cluster.secrets import SECRETS
from tokensync.telemetry.metrics import Metrics
from tokensync.telemetry.streams import Streams

KINDS = (RESOURCES.plural, SECRETS.plural)
"""What is watched."""


class Observer:
    """Middleware of an aiohttp session, the last: it sees what is really sent."""

    def __init__(self, metrics: Metrics, streams: Streams) -> None:
        self._metrics = metrics
        self._streams = streams

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send a request."""
        *_, place, namespace, plural = ("", "", *request.url.path.split("/"))
        if plural not in KINDS:
            return await self._counted(Verb.GET, DISCOVERY, request, handler)
        watching = request.url.query.get("watch") == "true"
        response = await self._counted(Verb.WATCH if watching else Verb.LIST, plural, request, handler)
        if response.ok:
            heard = partial(self._streams.heard, plural, namespace if place == "namespaces" else "")
            heard()
            if watching:
                response.content = _Heard(response.content, heard)  # type: ignore[assignment]  # passes as one
        return response

    async def _counted(
        self, verb: Verb, resource: str, request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        try:
            response = await handler(request)
        except (aiohttp.ClientError, OSError):
            self._metrics.count_call(verb, resource, None)
            raise
        self._metrics.count_call(verb, resource, response.status)
        return response


class _Heard:
    """The content of a response, in the one way that Kopf reads a stream in; for all else, as it is."""

    def __init__(self, content: aiohttp.StreamReader, heard: Callable[[], None]) -> None:
        self._content = content
        self._heard = heard

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        async for chunk in self._content.iter_chunked(size):
            self._heard()
            yield chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)
