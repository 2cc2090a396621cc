"""What can go wrong at a provider and on the way to it, on demand."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from support.entra.errors import EntraError

Proceed = Callable[[], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request in the hands of a fault.

    Attributes:
        request: what came in; its form has been read already.
        proceed: gives the answer that there would be without the fault.
        lifted: set when the fault is lifted.
        elsewhere: the origin of another host, which counts what it receives.
    """

    request: web.Request
    proceed: Proceed
    lifted: asyncio.Event
    elsewhere: str


class Fault(Protocol):
    """Something that goes wrong with a request."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        """Answer in the stead of the endpoint, or raise what it should answer with.

        Raises:
            EntraError: to be answered in Entra's form.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """Always the same answer, whatever was asked: proxies, load balancers and broken servers give such."""

    status: int
    body: bytes
    content_type: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)

    async def answer(self, exchange: Exchange) -> web.StreamResponse:  # noqa: ARG002 - asks for nothing
        """The answer."""
        return web.Response(status=self.status, body=self.body, content_type=self.content_type, headers=self.headers)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Always the same error, in Entra's form."""

    error: EntraError

    async def answer(self, exchange: Exchange) -> web.StreamResponse:  # noqa: ARG002 - asks for nothing
        """Raises the error."""
        raise self.error


@dataclass(frozen=True, slots=True)
class EchoedAssertion:
    """An error whose description repeats the assertion that was sent."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        """Raises the error."""
        assertion = (await exchange.request.post()).get("client_assertion", "")
        raise EntraError(400, "invalid_request", 50027, f"JWT token is invalid or malformed: {assertion!s}.")


@dataclass(frozen=True, slots=True)
class Latency:
    """The right answer, later."""

    seconds: float

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        """The endpoint's own answer."""
        await asyncio.sleep(self.seconds)
        return await exchange.proceed()


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer until the fault is lifted; then the right one, if the client is still there."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        """The endpoint's own answer."""
        await exchange.lifted.wait()
        return await exchange.proceed()


@dataclass(frozen=True, slots=True)
class Altered:
    """The right answer, with something changed in its document. A refusal stays as it is."""

    alter: Callable[[dict[str, Any]], object]

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        """The endpoint's own answer, altered."""
        document = json.loads(await _body_of(exchange))
        self.alter(document)
        return web.json_response(document)


@dataclass(frozen=True, slots=True)
class Truncated:
    """The first half of the right answer, then the connection is gone."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        """An answer that announces more than it has."""
        body = await _body_of(exchange)
        response = web.StreamResponse(
            headers={"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body))}
        )
        await response.prepare(exchange.request)
        await response.write(body[: len(body) // 2])
        if exchange.request.transport is not None:
            # Not at once: the request is on record as answered by the time that the client sees the end.
            asyncio.get_running_loop().call_soon(exchange.request.transport.close)
        return response


@dataclass(frozen=True, slots=True)
class Redirected:
    """Sends the client to another host: with 307 it would take its form, assertion included, there."""

    status: int = 307

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        """A redirect to the same path elsewhere."""
        return web.Response(status=self.status, headers={"Location": exchange.elsewhere + exchange.request.path_qs})


async def _body_of(exchange: Exchange) -> bytes:
    response = await exchange.proceed()
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        raise TypeError("only a whole document can be altered or cut")
    return response.body


def server_error(status: int = 503) -> Fault:
    """A 5xx as a load balancer gives it."""
    return Reply(status, b"<html><body><h2>Our services aren't available right now</h2></body></html>")


def temporarily_unavailable() -> Fault:
    """A 5xx as Entra itself gives it."""
    return Refusal(
        EntraError(503, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again.")
    )


def throttled(retry_after: str) -> Fault:
    """429 in Entra's usual form. `retry_after` is the header's value: seconds, or an HTTP date."""
    return Refusal(
        EntraError(
            429,
            "temporarily_unavailable",
            90055,
            "Tenant throttled, there are too many incoming requests.",
            headers={"Retry-After": retry_after},
        )
    )


def throttled_plain(retry_after: str) -> Fault:
    """429 in Entra's other form, of whoever asks for the same again and again: plain text."""
    return Reply(429, b"Too Many Requests", "text/plain", {"Retry-After": retry_after})


GARBAGE = Reply(200, b"<html><body>Sign in to the network</body></html>")
"""Success, but of something else: a captive portal."""

NOT_JSON = Reply(200, b'{"token_type": "Bearer", "expires_in": ', "application/json")
"""A document that claims to be JSON."""

WITHOUT_TOKEN = Altered(lambda document: document.pop("access_token"))
WITHOUT_LIFETIME = Altered(lambda document: document.update(expires_in=0, ext_expires_in=0))
CONTROL_CHARACTERS = Altered(lambda document: document.update(access_token=document["access_token"] + "\r\nX-Other: 1"))
"""A token that would add a header to the request it is used in."""

HUGE = Altered(lambda document: document.update(padding="x" * (1 << 20)))
"""A good answer of more than a mebibyte."""
