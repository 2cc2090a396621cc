"""A leadership that a test gives and takes."""

import asyncio
from collections.abc import AsyncIterator

from tokensync.errors import NotLeadingError


class Switch:
    """The controller's `Leadership`.

    Attributes:
        leading: whether it is given, now.
    """

    def __init__(self) -> None:
        self.leading = False
        self._begun = asyncio.Queue[bool]()

    def begin(self, *, anew: bool) -> None:
        """Give it; `anew` if another one may have worked meanwhile."""
        self.leading = True
        self._begun.put_nowait(anew)

    def end(self) -> None:
        """Take it."""
        self.leading = False

    def require(self) -> None:
        """Refuse while it is taken."""
        if not self.leading:
            raise NotLeadingError

    async def terms(self) -> AsyncIterator[bool]:
        """Each time that it is given."""
        while True:
            yield await self._begun.get()
