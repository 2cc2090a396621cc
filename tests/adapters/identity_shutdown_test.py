"""Ending is quick, whatever the provider is doing."""

import asyncio
import gc
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import trustme

from support.entra import Endpoint, FakeEntra
from support.entra.faults import Hang
from support.token_source import register, spec_at, token_source_for
from support.waiting import eventually
from tokensync.identity.source import MsalTokenSource

QUICKLY = 2.0
"""Seconds; a provider that hangs is waited for ten."""


@pytest.fixture
def entra() -> Iterator[FakeEntra]:
    """A provider of its own for each test."""
    with FakeEntra() as running:
        yield running


@pytest.fixture
async def source(entra: FakeEntra) -> AsyncIterator[MsalTokenSource]:
    """Has two threads."""
    async with token_source_for(entra, threads=2) as opened:
        yield opened


def acquire(
    entra: FakeEntra, source: MsalTokenSource, number: int, tenant_id: str | None = None
) -> list[asyncio.Task[object]]:
    return [asyncio.create_task(source.acquire(*register(entra, tenant_id))) for _ in range(number)]


async def arrived(entra: FakeEntra, endpoint: Endpoint, requests: int = 1) -> None:
    """Wait until the provider has requests in its hands."""

    def has_requests() -> bool:
        return requests <= (entra.discovery_requests if endpoint is Endpoint.DISCOVERY else entra.token_requests)

    await asyncio.to_thread(eventually, has_requests, QUICKLY, f"{requests} requests arrived ({endpoint.name})")


def busy_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("msal")]


@pytest.mark.parametrize(("endpoint", "requests"), [(Endpoint.DISCOVERY, 1), (Endpoint.TOKEN, 2)])
async def test_a_cancelled_acquisition_ends_at_once(
    entra: FakeEntra, source: MsalTokenSource, endpoint: Endpoint, requests: int
) -> None:
    """Its thread too: others have both threads while the provider still hangs."""
    entra.add_tenant("another", "another.example")
    with entra.failing(Hang(), endpoint=endpoint, times=requests):
        tasks = acquire(entra, source, 2)
        await arrived(entra, endpoint, requests)
        for task in tasks:
            task.cancel()
        async with asyncio.timeout(QUICKLY):
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*acquire(entra, source, 2, tenant_id="another"))
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2


@pytest.mark.parametrize("endpoint", list(Endpoint))
async def test_closing_ends_what_is_under_way(entra: FakeEntra, endpoint: Endpoint) -> None:
    """Acquisitions in threads and those that wait for one, and the threads."""
    with entra.failing(Hang(), endpoint=endpoint):
        async with asyncio.timeout(QUICKLY), token_source_for(entra, threads=2) as source:
            tasks = acquire(entra, source, 4)
            await arrived(entra, endpoint)
        async with asyncio.timeout(QUICKLY):
            results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 4
    assert busy_threads() == []


async def test_closing_waits_for_no_farewell(tmp_path: Path) -> None:
    """A connection that was broken off is gone after closing, although the other end never answers, as TLS wants it to."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(tls)
    asked, over = threading.Event(), threading.Event()

    def stay_silent(listener: socket.socket) -> None:
        with tls.wrap_socket(listener.accept()[0], server_side=True) as connection:
            connection.recv(1)
            asked.set()
            over.wait()

    with FakeEntra() as entra, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = threading.Thread(target=stay_silent, args=[listener])
        server.start()
        host = f"localhost:{port}"
        async with token_source_for(entra, allowed_hosts=[host], ca_bundle=tmp_path / "ca.pem") as source:
            task = asyncio.create_task(source.acquire(spec_at(entra, authorityHost=host), register(entra)[1]))
            await asyncio.to_thread(asked.wait)
        connections = psutil.Process().net_connections("tcp")
        over.set()
        await asyncio.wait([task])
        server.join()
    assert not [connection for connection in connections if connection.raddr and connection.raddr.port == port]


async def test_a_discovery_that_fails_after_all_have_gone_is_no_news(
    entra: FakeEntra, source: MsalTokenSource, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits for it any more: it ends without a complaint in the log."""
    with entra.failing(Hang(), endpoint=Endpoint.DISCOVERY):
        (task,) = acquire(entra, source, 1)
        await arrived(entra, Endpoint.DISCOVERY)
        task.cancel()
        await asyncio.wait([task])
        flights = source._channels._own.discovery._flights
        (flight,) = flights.values()
        with entra.unreachable():
            await asyncio.wait([flight])
    assert not flights
    del flight, task
    gc.collect()
    assert caplog.text == ""


async def test_a_closed_source_may_be_closed_again(entra: FakeEntra) -> None:
    """And one that was never used."""
    async with token_source_for(entra) as source:
        await source.close()


def test_a_loop_that_ends_under_it_does_not_wait(entra: FakeEntra) -> None:
    """As when the operator is stopped in the middle of a request: `asyncio.run` cancels everything, and returns."""

    async def leave() -> None:
        async with token_source_for(entra, threads=2) as source:
            tasks = acquire(entra, source, 2)
            await arrived(entra, Endpoint.TOKEN)
            assert not any(task.done() for task in tasks)
            asyncio.current_task().cancel()  # type: ignore[union-attr]  # there is one: this
            await asyncio.sleep(0)

    ended = threading.Event()

    def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(leave())
        ended.set()

    with entra.failing(Hang()):
        threading.Thread(target=run).start()
        assert ended.wait(2 * QUICKLY)
    assert busy_threads() == []
