"""Connections and discovery documents, shared by those alone who trust the same authorities.

Whoever trusts an authority of his own could otherwise have a document kept for everybody that only his authority vouches
for, or have a credential sent through a connection that its owner would not have opened.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tokensync.identity.discovery import Discovery
from tokensync.identity.transport import Transport

MOST_IDLE = 32
"""Channels with authorities of their own that are kept: one takes some 20 KiB for each certificate in its bundle."""


@dataclass(slots=True)
class Channel:
    """What is shared.

    Attributes:
        transport: the connections.
        discovery: the documents that came through them.
        users: who uses it now.
    """

    transport: Transport
    discovery: Discovery
    users: int = 0

    async def close(self) -> None:
        """Close all connections; whoever waits for one is cancelled."""
        await self.discovery.close()
        await self.transport.close()


class Channels:
    """One channel for the operator's own trust, and one for each bundle in use; of the others the last few.

    Args:
        open_channel: makes one, for authorities as `use` takes them.
    """

    def __init__(self, open_channel: Callable[[str], Channel]) -> None:
        self._open = open_channel
        self._own = open_channel("")
        self._bundled: dict[str, Channel] = {}  # by digest, the one that was used last at the end
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def use(self, authorities: str) -> AsyncIterator[Channel]:
        """The channel of those who trust these; it stays open within the block.

        Args:
            authorities: certificates in PEM; empty for the operator's own trust.
        """
        channel = self._bundle(authorities) if authorities else self._own
        channel.users += 1
        try:
            yield channel
        finally:
            channel.users -= 1
            self._close_surplus()

    async def close(self) -> None:
        """Close all of them, those in use too."""
        channels = (self._own, *self._bundled.values())
        self._bundled.clear()
        closing = [channel.close() for channel in channels]
        await asyncio.gather(*closing, *self._closing, return_exceptions=True)  # somebody may have cancelled some

    def _bundle(self, authorities: str) -> Channel:
        digest = hashlib.sha256(authorities.encode()).hexdigest()
        channel = self._bundled.pop(digest, None) or self._open(authorities)
        self._bundled[digest] = channel
        return channel

    def _close_surplus(self) -> None:
        idle = [digest for digest, channel in self._bundled.items() if not channel.users]
        for digest in idle[: max(len(idle) - MOST_IDLE, 0)]:
            closing = asyncio.create_task(self._bundled.pop(digest).close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
