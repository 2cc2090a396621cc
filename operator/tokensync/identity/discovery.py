"""OpenID discovery documents, fetched once for everybody who needs the same one."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tokensync.clock import Clock
from tokensync.identity.hosts import Address
from tokensync.identity.metadata import Metadata
from tokensync.identity.response import Response
from tokensync.identity.transport import Transport

KEPT_FOR = 3600.0
"""Seconds until a document is fetched again."""


@dataclass(frozen=True, slots=True)
class _Kept:
    metadata: Metadata
    until: float


class Discovery:
    """Keeps good documents for an hour. Of the same document one request is under way at a time.

    Args:
        transport: fetches.
        clock: its monotonic reading counts.
    """

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._kept: dict[Address, _Kept] = {}
        self._flights: dict[Address, asyncio.Task[Response]] = {}

    def kept(self, address: Address) -> Metadata | None:
        """The metadata that is known already. Safe in any thread."""
        kept = self._kept.get(address)
        return kept.metadata if kept and kept.until > self._clock.monotonic() else None

    async def metadata(self, address: Address, read: Callable[[Response], Mapping[str, Any]]) -> Metadata:
        """What the document says. Whether that fits a resource is not looked at here: several may share it.

        Args:
            address: of the document.
            read: takes the document out of a response, or raises in the words of whoever asks.

        Raises:
            SpecError, ProviderError: what `read` and the transport raise, and for a document that is not one.
        """
        if kept := self.kept(address):
            return kept
        metadata = Metadata.read(read(await self._response(address)), address)
        now = self._clock.monotonic()
        self._kept = {known: kept for known, kept in self._kept.items() if kept.until > now}
        self._kept[address] = _Kept(metadata, now + KEPT_FOR)
        return metadata

    async def close(self) -> None:
        """Give up what is under way."""
        for flight in self._flights.values():
            flight.cancel()
        await asyncio.gather(*self._flights.values(), return_exceptions=True)

    async def _response(self, address: Address) -> Response:
        flight = self._flights.get(address)
        if flight is None:
            flight = asyncio.create_task(self._transport.send("GET", address, headers={"Accept": "application/json"}))
            self._flights[address] = flight
            flight.add_done_callback(partial(self._landed, address))
        return await asyncio.shield(flight)  # whoever goes leaves it to the others

    def _landed(self, address: Address, flight: asyncio.Task[Response]) -> None:
        del self._flights[address]
        if not flight.cancelled():
            flight.exception()  # seen, even if all who waited have gone: otherwise asyncio complains about it
