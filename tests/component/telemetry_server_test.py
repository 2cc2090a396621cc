"""The endpoints `/metrics`, `/healthz` and `/readyz`, over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from support.scrape import OPENMETRICS, TEXT, Metrics
from tokensync.telemetry.metrics import Metrics as OwnMetrics
from tokensync.telemetry.server import serve

BODY_OF_MANY = 100_000


class Served:
    """A server, its metrics, and what it says is wrong."""

    def __init__(self, address: str) -> None:
        self.url = f"http://{address}"
        self.metrics = OwnMetrics("1.2.3")
        self.problems: list[str] = []

    async def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        """Status, type and text."""
        async with aiohttp.ClientSession() as session, session.get(self.url + path, headers=headers) as answer:
            return answer.status, answer.headers["Content-Type"], await answer.text()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """On a free port of this machine."""
    server = Served("")
    async with serve("127.0.0.1:0", server.metrics.registry, lambda: server.problems) as address:
        server.url = f"http://{address}"
        yield server


async def test_alive_as_long_as_it_answers(served: Served) -> None:
    """Whatever else is wrong: a restart would mend nothing."""
    served.problems = ["the watch of secrets has not begun"]

    assert await served.get("/healthz") == (200, "text/plain; charset=utf-8", "ok\n")


async def test_ready_or_one_line_for_each_problem(served: Served) -> None:
    """Plain text, for a person with curl and for the kubelet."""
    assert await served.get("/readyz") == (200, "text/plain; charset=utf-8", "ok\n")

    served.problems = ["one", "two"]
    assert await served.get("/readyz") == (503, "text/plain; charset=utf-8", "one\ntwo\n")

    served.problems = []
    assert (await served.get("/readyz"))[0] == 200


@pytest.mark.parametrize("accept", [TEXT, OPENMETRICS, "*/*", ""])
async def test_metrics_come_in_the_format_that_is_asked_for(served: Served, accept: str) -> None:
    """OpenMetrics for who knows it, the text format for all others."""
    served.metrics.count_call("get", "secrets", 200)

    status, kind, text = await served.get("/metrics", Accept=accept)

    assert status == 200
    assert kind.startswith("application/openmetrics-text" if accept == OPENMETRICS else "text/plain")
    assert Metrics(text, kind).value("tokensync_kubernetes_requests_total", resource="secrets") == 1
    assert text.endswith("# EOF\n") == (accept == OPENMETRICS)


@pytest.mark.parametrize("accept", ["application/openmetrics-text;version=x", "text/plain;version=1.x", "\xff;;,"])
async def test_a_strange_wish_for_a_format_is_no_error(served: Served, accept: str) -> None:
    """It gets one of the two."""
    status, kind, text = await served.get("/metrics", Accept=accept)

    assert status == 200
    assert Metrics(text, kind).families


async def test_large_answers_are_compressed(served: Served) -> None:
    """A scrape of thousands of tokens is megabytes of nearly the same."""
    for number in range(1000):
        served.metrics.count_call("get", f"{'x' * 100}{number}", 200)

    async with aiohttp.ClientSession(auto_decompress=False) as session:
        answer = await session.get(f"{served.url}/metrics", headers={"Accept-Encoding": "gzip"})
        sent = await answer.read()

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(sent) < BODY_OF_MANY < len((await served.get("/metrics"))[2])


async def test_nothing_else_is_there(served: Served) -> None:
    """No other path, and nothing to be changed."""
    assert (await served.get("/"))[0] == 404
    async with aiohttp.ClientSession() as session:
        assert (await session.post(f"{served.url}/metrics")).status == 405


async def test_no_connection_outlasts_its_answer(served: Served) -> None:
    """Each is a task; Kopf waits for those that began after itself when the operator ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: keep-alive\r\n\r\n")

    async with asyncio.timeout(5):
        answer = await reader.read()  # until the server closes

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
    await writer.wait_closed()


async def test_the_end_waits_for_nobody() -> None:
    """Somebody who has connected and asks nothing does not hold it up, and the port is free again."""
    async with asyncio.timeout(5):
        async with serve("127.0.0.1:0", OwnMetrics("1.2.3").registry, list) as address:
            port = int(address.rpartition(":")[2])
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        async with serve(f"127.0.0.1:{port}", OwnMetrics("1.2.3").registry, list):
            pass
    writer.close()


async def test_the_end_does_not_wait_for_a_slow_reader() -> None:
    """Somebody who asks for megabytes and reads none of them."""
    metrics = OwnMetrics("1.2.3")
    for number in range(10_000):
        metrics.count_call("get", f"{'x' * 2000}{number}", 200)
    async with asyncio.timeout(20), serve("127.0.0.1:0", metrics.registry, list) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
        await reader.readline()  # it has begun
    writer.close()


async def test_a_port_that_is_taken_is_an_error() -> None:
    """Of the operating system, for startup to explain."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(OSError, match="in use"):
            async with serve(taken, OwnMetrics("1.2.3").registry, list):
                pass


async def test_without_an_address_it_is_reached_at_all() -> None:
    """By IPv4 and, where the machine has it, IPv6; at one port."""
    async with serve(":0", OwnMetrics("1.2.3").registry, list) as address:
        port = int(address.rpartition(":")[2])
        for host in ["127.0.0.1", *(["::1"] if socket.has_dualstack_ipv6() else [])]:
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            await writer.wait_closed()
