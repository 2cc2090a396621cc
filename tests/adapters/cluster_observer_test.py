"""The watch's calls are counted, and heard byte by byte."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from tokensync.cluster.observed import KINDS, Observer
from tokensync.telemetry.metrics import Metrics
from tokensync.telemetry.streams import Stream, Streams

RESOURCES, SECRETS = KINDS
NAMESPACED = "/apis/tokensync.dev/v1alpha1/namespaces/reports/clientcredentialtokens"


class Conversation:
    """A session with a server that tests speak through, and what was observed of it."""

    def __init__(self) -> None:
        self.time = 0.0
        self.metrics = Metrics("1.2.3")
        self.streams = Streams(KINDS, ["", "reports"], self.metrics.watch_activity, lambda: self.time)
        self.chunks = asyncio.Queue[bytes]()
        self.status = HTTPStatus.OK
        self.session: aiohttp.ClientSession
        self.server: BaseTestServer

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Stream what the test puts in, to who watches."""
        response = web.StreamResponse(status=self.status)
        await response.prepare(request)
        while request.query.get("watch") and (chunk := await self.chunks.get()):
            await response.write(chunk)
        return response

    def silence(self, resource: str, namespace: str = "") -> float | None:
        """Seconds since a stream was heard."""
        return self.streams.silences()[Stream(resource, namespace)]

    def counted(self, verb: str, resource: str, code: str = "200") -> float | None:
        """How many such calls there were."""
        labels = {"verb": verb, "resource": resource, "code": code}
        return self.metrics.registry.get_sample_value("tokensync_kubernetes_requests_total", labels)


@pytest.fixture
async def conversation() -> AsyncIterator[Conversation]:
    """With a server on this machine."""
    opened = Conversation()
    application = web.Application()
    application.router.add_get("/{path:.*}", opened.answer)
    async with (
        TestServer(application) as opened.server,
        aiohttp.ClientSession(
            opened.server.make_url("/"), middlewares=[Observer(opened.metrics, opened.streams)]
        ) as opened.session,
    ):
        yield opened


async def test_lists_and_other_calls_are_counted(conversation: Conversation) -> None:
    """By kind; what is about none is discovery. A list is heard, by its namespace."""
    for path in ("/api/v1/secrets?limit=500", NAMESPACED, "/apis", "/api/v1"):
        async with conversation.session.get(path):
            pass

    assert conversation.counted("list", SECRETS) == 1
    assert conversation.counted("list", RESOURCES) == 1
    assert conversation.counted("get", "discovery") == 2
    assert conversation.silence(SECRETS) == conversation.silence(RESOURCES, "reports") == 0
    assert conversation.silence(RESOURCES) is conversation.silence(SECRETS, "reports") is None


async def test_a_path_before_the_api_changes_nothing(conversation: Conversation) -> None:
    """As where a proxy serves several clusters."""
    async with conversation.session.get(f"/clusters/one{NAMESPACED}"):
        pass

    assert conversation.silence(RESOURCES, "reports") == 0


async def test_a_watch_is_heard_with_each_chunk(conversation: Conversation) -> None:
    """When it is answered, then with each thing that comes, and not in between."""
    async with conversation.session.get("/api/v1/secrets?watch=true") as response:
        assert conversation.counted("watch", SECRETS) == 1
        chunks = response.content.iter_chunked(1 << 20)
        for number in range(3):
            conversation.time += 60
            assert conversation.silence(SECRETS) == 60
            conversation.chunks.put_nowait(b"bookmark\n")
            assert await anext(chunks) == b"bookmark\n", number
            assert conversation.silence(SECRETS) == 0
        conversation.chunks.put_nowait(b"")
        assert [chunk async for chunk in chunks] == []


async def test_a_refusal_is_counted_and_not_heard(conversation: Conversation) -> None:
    """Nothing came through the stream."""
    conversation.status = HTTPStatus.FORBIDDEN
    for path in "/api/v1/secrets", "/api/v1/secrets?watch=true":
        conversation.chunks.put_nowait(b"")
        async with conversation.session.get(path):
            pass

    assert conversation.counted("list", SECRETS, "403") == conversation.counted("watch", SECRETS, "403") == 1
    assert conversation.silence(SECRETS) is None


async def test_no_answer_is_counted_as_an_error(conversation: Conversation) -> None:
    """And raised as it is."""
    await conversation.server.close()
    with pytest.raises(aiohttp.ClientConnectorError):
        await conversation.session.get("/api/v1/secrets?watch=true")

    assert conversation.counted("watch", SECRETS, "error") == 1
    assert conversation.silence(SECRETS) is None
