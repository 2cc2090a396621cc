"""A Lease in an API server, and the way to it of each replica, which may be slow or cut."""

import asyncio
import itertools
from datetime import datetime
from typing import NamedTuple

from tokensync.errors import ClusterError, ConflictError, Reason


class SimulatedLease(NamedTuple):
    """What the Lease says."""

    holder: str
    transitions: int
    resource_version: str


class LeaseServer:
    """The one copy of the Lease.

    Attributes:
        lease: as it is; None until somebody makes it.
        written_by: the holders that were written, in order; empty for a release.
    """

    def __init__(self) -> None:
        self.lease: SimulatedLease | None = None
        self.written_by: list[str] = []
        self._versions = itertools.count(1)

    def write(self, known: SimulatedLease | None, holder: str) -> SimulatedLease:
        """Replace what the caller saw last."""
        if known != self.lease:
            raise ConflictError("lease")
        before = self.lease
        transitions = before.transitions + (before.holder != holder) if before else 0
        self.lease = SimulatedLease(holder, transitions, str(next(self._versions)))
        self.written_by.append(holder)
        return self.lease


class Line:
    """One replica's way to the Lease, as the controller's `LeaseStore`.

    Attributes:
        server: where it leads.
        cut: nothing gets through, and that is said at once.
        delay: seconds before a call takes effect, and as many until its answer is there.
        loses_answers: a call takes effect, and its answer never comes.
    """

    def __init__(self, server: LeaseServer) -> None:
        self.cut = False
        self.delay = 0.0
        self.loses_answers = False
        self.server = server

    async def read(self) -> SimulatedLease | None:
        """What the Lease says."""
        await self._there()
        lease = self.server.lease
        await self._back()
        return lease

    async def write(
        self,
        known: SimulatedLease | None,
        *,
        holder: str,
        seconds: int,  # noqa: ARG002 - for people who look at it
        now: datetime,  # noqa: ARG002 - the same
    ) -> SimulatedLease:
        """Name the holder."""
        await self._there()
        lease = self.server.write(known, holder)
        await self._back()
        return lease

    async def _there(self) -> None:
        await asyncio.sleep(self.delay)
        if self.cut:
            raise ClusterError(Reason.CLUSTER_UNAVAILABLE, "the Kubernetes API did not answer")

    async def _back(self) -> None:
        if self.loses_answers:
            await asyncio.Event().wait()
        await asyncio.sleep(self.delay)
