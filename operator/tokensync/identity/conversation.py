"""One acquisition's HTTP, as MSAL wants it: blocking calls in a thread, carried out by the event loop."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any, TypeVar
from urllib.parse import quote_plus, unquote_plus, urlencode

from tokensync.identity.asked import Asked
from tokensync.identity.authority import parse_endpoint
from tokensync.identity.cleaning import Cleaner
from tokensync.identity.discovery import Discovery
from tokensync.identity.failures import REQUEST_TIMEOUT, connection_failure
from tokensync.identity.hosts import Address, parse_url
from tokensync.identity.metadata import Metadata
from tokensync.identity.reading import read_document
from tokensync.identity.response import Response
from tokensync.identity.transport import Transport
from tokensync.resource.status import SCOPE_LENGTH

T = TypeVar("T")

_CORRELATION_ID = "client-request-id"
_MEMBERS = ("access_token", "token_type", "expires_in", "scope")
"""Of RFC 6749, section 5.1. MSAL fails over others, a malformed `refresh_in` for example, that mean nothing here, and over
null."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What MSAL gets to see: successes only."""

    text: str = field(repr=False)
    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Conversation:
    """MSAL's HTTP client for one acquisition.

    Whatever is no success is raised here, as our own error, before MSAL logs it, changes it, or asks elsewhere about it.
    All methods but `abort` are called in the thread that MSAL runs in.

    Args:
        loop: carries the requests out.
        transport: sends them.
        discovery: knows where token endpoints are.
        asked: what the acquisition is about.
        begun_at: now.

    Attributes:
        asked: what the acquisition is about; the host is the one that was asked last.
        metadata: what the discovery document says; None if none was needed yet.
        sent_at: when the token request was sent; until it is answered, when the conversation began.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        transport: Transport,
        discovery: Discovery,
        asked: Asked,
        begun_at: datetime,
    ) -> None:
        self.asked = asked
        self.metadata: Metadata | None = None
        self.sent_at = begun_at
        self._loop = loop
        self._transport = transport
        self._discovery = discovery
        self._aborted = False
        self._under_way: Future[Any] | None = None

    def get(self, url: str, **_unused: object) -> Reply:
        """Answer MSAL's question for Entra's discovery document, which may name no other host than its own."""
        metadata = self.discover(parse_url(url))
        metadata.require_own_token_endpoint()
        return Reply(metadata.for_msal)

    def discover(self, address: Address) -> Metadata:
        """What the discovery document at an address says."""
        fetch = partial(self._discovery.metadata, address, self._read_metadata)
        self.metadata = self._discovery.kept(address) or self._wait_for(fetch, address)
        return self.metadata

    def post(self, url: str, *, data: Mapping[str, Any], headers: Mapping[str, str], **_unused: object) -> Reply:
        """Send MSAL's token request. Of the answer it gets only what a client credentials grant is answered with."""
        address = parse_endpoint(url)
        self.asked = replace(self.asked, host=address.origin)
        body = urlencode(data).encode()
        typed = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        response = self._wait_for(partial(self._transport.send, "POST", address, headers=typed, body=body), address)
        self.sent_at = response.sent_at
        sent = tuple(_secrets(data, headers))
        document = read_document(response, self.asked, Cleaner(sent), correlation_id=headers.get(_CORRELATION_ID, ""))
        return Reply(json.dumps(self._members(document, sent)))

    def abort(self) -> None:
        """End it from outside: what is under way is cancelled, and nothing new is begun."""
        self._aborted = True
        if self._under_way is not None:
            self._under_way.cancel()

    def _members(self, document: Mapping[str, Any], sent: Sequence[str]) -> dict[str, Any]:
        """What a client credentials grant is answered with; a scope is shown, and so must not hold anything secret."""
        members = {member: document[member] for member in _MEMBERS if document.get(member) is not None}
        scope = members.pop("scope", None)
        if isinstance(scope, str):
            cleaner = Cleaner([*sent, str(members.get("access_token"))])
            members["scope"] = scope if scope == self.asked.scope else cleaner.clean(scope, SCOPE_LENGTH)
        return members

    def _read_metadata(self, response: Response) -> Mapping[str, Any]:
        return read_document(response, self.asked, Cleaner())

    @cached_property
    def _deadline(self) -> float:
        """On the event loop's clock. Set by the first request: waiting for a thread does not count."""
        return self._loop.time() + REQUEST_TIMEOUT

    def _wait_for(self, request: Callable[[], Coroutine[Any, Any, T]], address: Address) -> T:
        if self._aborted:
            raise CancelledError
        self._under_way = under_way = asyncio.run_coroutine_threadsafe(self._in_time(request, address), self._loop)
        if self._aborted:  # in between, when there was nothing yet to cancel
            under_way.cancel()
        return under_way.result()

    async def _in_time(self, request: Callable[[], Coroutine[Any, Any, T]], address: Address) -> T:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await request()
        except TimeoutError as error:
            failure = connection_failure(error, address, proxy=None)
        raise failure


def _secrets(form: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[str]:
    """Whatever a request carries that proves who the client is, in each form that it has on the way."""
    for name in ("client_assertion", "client_secret"):
        if value := form.get(name):
            yield from (str(value), quote_plus(str(value)))
    scheme, _, basic = headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        yield basic
        encoded = base64.b64decode(basic).decode().partition(":")[2]
        yield encoded
        yield unquote_plus(encoded)
