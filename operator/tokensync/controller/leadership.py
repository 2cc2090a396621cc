"""Which replica works: the one that holds the Lease. The others watch, and decide nothing.

A leader trusts the Lease only for a while after it renewed it, by the monotonic clock; who wants it waits longer than that,
counted from the last renewal that it saw. So two never work at once, whatever their wall clocks say, and a leader that
the API server does not answer stops before another begins. Nothing stops a process that is frozen between a check and the
write after it: the uid and resourceVersion in each write do.
"""

import asyncio
from collections.abc import AsyncIterator

import structlog

from tokensync.clock import Clock
from tokensync.controller.ending import is_to_end
from tokensync.controller.ports import Lease, LeaseStore
from tokensync.errors import ClusterError, ConflictError, NotLeadingError, Reason, TargetError

LEASE_SECONDS = 12
"""A Lease that was not renewed for so long, as far as a standby can see, may be taken."""
TRUST_SECONDS = 8.0
"""A leader works on for so long after it asked for the last renewal that it got."""
_RENEW_EVERY = 2.0
_LOOK_EVERY = 1.0
_ANSWER_WITHIN = 3.0

log = structlog.get_logger("tokensync")


class Alone:
    """The leadership of an operator that shares its work with nobody."""

    leading = True

    def require(self) -> None:
        """Pass."""

    async def run(self) -> None:
        """Nothing has to be done for it."""

    async def terms(self) -> AsyncIterator[bool]:
        """One, without an end."""
        yield True
        await asyncio.Event().wait()


class Election:
    """A replica's part in the election.

    Args:
        lease: what is held.
        identity: this process's, different from that of every other, also of one of the same pod before.
        clock: only its monotonic half decides anything.
    """

    def __init__(self, lease: LeaseStore, identity: str, clock: Clock) -> None:
        self._store = lease
        self._identity = identity
        self._clock = clock
        self._held: Lease | None = None
        self._trusted_until = float("-inf")
        self._in_term = False
        self._last_term: int | None = None
        self._seen: Lease | None = None
        self._seen_since = 0.0
        self._known = False
        self._terms = asyncio.Queue[bool]()
        self._complaint: Reason | None = None

    @property
    def leading(self) -> bool:
        """Whether this replica may work, now."""
        return self._clock.monotonic() < self._trusted_until

    def require(self) -> None:
        """Raise NotLeadingError unless this replica may work, now."""
        if not self.leading:
            raise NotLeadingError

    async def terms(self) -> AsyncIterator[bool]:
        """Each time that this replica begins to work: True if another one may have worked since it did last."""
        while True:
            yield await self._terms.get()

    async def run(self) -> None:
        """Take part until cancelled; then let another begin at once."""
        try:
            while True:
                held = await self._take_part()
                await asyncio.sleep(_RENEW_EVERY if held else _LOOK_EVERY)
        finally:
            await self._resign()

    async def _resign(self) -> None:
        self._trusted_until = float("-inf")
        held, self._held = self._held, None
        if held is None:
            return
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                await self._write(held, holder="")
        except ConflictError:
            return  # another one has it already
        except (ClusterError, TargetError, TimeoutError) as error:
            log.warning("lease not released", lease=str(self._store), detail=_told(error))
        else:
            log.info("lease released", lease=str(self._store))

    async def _take_part(self) -> bool:
        """Renew what is held; else take what nobody holds. True if that worked; whatever went wrong is tried again."""
        renewed = False
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                renewed = await self._hold_or_look()
        except ConflictError:
            self._held = None  # somebody else has written it: look at it anew
        except (ClusterError, TargetError, TimeoutError) as error:
            self._complain(error)
        except asyncio.CancelledError as interruption:
            if is_to_end():
                raise
            self._complain(interruption)
        else:
            self._complaint = None
        if self._in_term and not self.leading:
            self._in_term = False
            log.warning("not leading any more", lease=str(self._store), identity=self._identity)
        return renewed

    async def _hold_or_look(self) -> bool:
        lease = self._held or await self._look()
        if not self._is_free(lease):
            self._trusted_until = float("-inf")
            return False
        asked_at = self._clock.monotonic()
        self._held = await self._write(lease, holder=self._identity)
        self._begin_or_go_on(self._held, asked_at)
        return True

    async def _look(self) -> Lease | None:
        lease = await self._store.read()
        if self._seen != lease:
            self._known = self._known or lease is not None
            self._seen, self._seen_since = lease, self._clock.monotonic()
        return lease

    def _is_free(self, lease: Lease | None) -> bool:
        """Whether it may be taken: nobody else holds it, or has not renewed it for its whole length, as seen from here.

        One that somebody deleted may still be trusted by its holder.
        """
        if lease.holder in ("", self._identity) if lease else not self._known:
            return True
        return lease == self._seen and self._clock.monotonic() - self._seen_since > LEASE_SECONDS

    async def _write(self, lease: Lease | None, *, holder: str) -> Lease:
        return await self._store.write(lease, holder=holder, seconds=LEASE_SECONDS, now=self._clock.now())

    def _begin_or_go_on(self, held: Lease, asked_at: float) -> None:
        goes_on = self.leading
        self._in_term = True
        self._trusted_until = asked_at + TRUST_SECONDS
        if not goes_on:
            self._terms.put_nowait(held.transitions != self._last_term)
            log.info("leading", lease=str(self._store), identity=self._identity)
        self._last_term = held.transitions

    def _complain(self, error: BaseException) -> None:
        """Say why the Lease cannot be had when that begins and when it changes, not at each try."""
        reason = getattr(error, "reason", Reason.CLUSTER_UNAVAILABLE)
        if reason is not self._complaint:
            log.warning("lease out of reach", lease=str(self._store), reason=reason.value, detail=_told(error))
        self._complaint = reason


def _told(error: BaseException) -> str:
    text = getattr(error, "text", "")
    return str(text) or type(error).__name__
