"""How late tokens are: renewals that come after their time, and published tokens that are expired meanwhile.

Only the leader counts, so that the sum over all replicas is the truth. Expired is what the status says so of; a resource
that is being deleted or suspended has nobody who would renew its token, and does not count.
"""

import asyncio
from datetime import datetime

from tokensync.clock import Clock
from tokensync.controller.inventory import Inventory, Record
from tokensync.controller.ports import Leadership
from tokensync.rotation.schedule import Schedule
from tokensync.telemetry.metrics import Metrics

_EVERY = 5.0
"""Seconds from one look at all tokens to the next, for gaps that last. Each is counted to its end when that is written."""


class Lateness:
    """Counts lags and gaps."""

    def __init__(self, inventory: Inventory, leadership: Leadership, clock: Clock, metrics: Metrics) -> None:
        self._inventory = inventory
        self._leadership = leadership
        self._clock = clock
        self._metrics = metrics
        self._looked_at = clock.now()
        self._counted: dict[str, datetime] = {}  # by uid: up to when a gap is counted

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            self._look()
            await asyncio.sleep(_EVERY)

    def renewed(self, record: Record, schedule: Schedule | None) -> None:
        """A new token was just written; the record and the schedule are of the one before."""
        now = self._clock.now()
        if schedule and schedule.renew_at <= now:
            self._metrics.renewal_lag.observe((now - schedule.renew_at).total_seconds())
        if expired_at := _expired_at(record, now):
            self._count(record.uid, expired_at, now)

    def _look(self) -> None:
        now = self._clock.now()
        expired = {record.uid: at for record in self._inventory.resources() if (at := _expired_at(record, now))}
        if self._leadership.leading:
            for uid, expired_at in expired.items():
                self._count(uid, expired_at, now)
        self._counted = dict.fromkeys(expired, now)
        self._looked_at = now

    def _count(self, uid: str, expired_at: datetime, now: datetime) -> None:
        """Count what is new of a gap: since its last count; since the expiry, if that came after the last look."""
        begin = max(expired_at, self._counted.get(uid, self._looked_at))
        self._metrics.token_gap.inc(max(0.0, (now - begin).total_seconds()))
        self._counted[uid] = now


def _expired_at(record: Record, now: datetime) -> datetime | None:
    """When its token expired, if it did and somebody would mind."""
    if record.deleting or record.suspended or record.expires_at is None or record.expires_at > now:
        return None
    return record.expires_at
