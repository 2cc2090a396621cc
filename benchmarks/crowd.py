"""Many users at once: requests to the API server as cheap as they can be made, because they share the machine."""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, NamedTuple

import aiohttp

from support.control_plane import ControlPlane

CONCURRENCY = 16


class Request(NamedTuple):
    """One request of one user."""

    method: str
    path: str
    body: dict[str, Any]
    content_type: str


def send_all(control_plane: ControlPlane, requests: Iterable[Request]) -> None:
    """Send every request; raises for the first that is refused."""
    asyncio.run(_send_all(control_plane, requests))


async def _send_all(control_plane: ControlPlane, requests: Iterable[Request]) -> None:
    trusted = ssl.create_default_context(cafile=control_plane.ca)
    trusted.load_cert_chain(control_plane.administrator.certificate, control_plane.administrator.private_key)
    waiting = iter(requests)
    connector = aiohttp.TCPConnector(ssl=trusted, limit=CONCURRENCY)
    async with aiohttp.ClientSession(control_plane.url, connector=connector, raise_for_status=True) as session:

        async def user() -> None:
            for request in waiting:
                headers = {"Content-Type": request.content_type}
                async with session.request(request.method, request.path, json=request.body, headers=headers) as answer:
                    await answer.read()

        await asyncio.gather(*(user() for _ in range(CONCURRENCY)))
