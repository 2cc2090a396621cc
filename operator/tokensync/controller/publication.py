"""What is known of a resource is told where it changed: in its status, by an Event, and in the log."""

from datetime import datetime, timedelta

import structlog

from tokensync.clock import Clock
from tokensync.controller.announcer import Announcer
from tokensync.controller.inventory import Inventory, Record
from tokensync.controller.memory import Memory
from tokensync.controller.ports import ResourceStore
from tokensync.controller.renewal import where
from tokensync.controller.report import report
from tokensync.errors import ClusterError, ConflictError, TargetError, TokenSyncError
from tokensync.resource.status import ConditionType, Status
from tokensync.rotation.conditions import unreadable
from tokensync.rotation.decide import Blocked, Decision, Wait, next_check
from tokensync.rotation.observation import Observation

_QUIET = timedelta(seconds=10)
"""A first attempt that waits no longer than this is not announced."""
_SOON = timedelta(seconds=5)

log = structlog.get_logger("tokensync")


class Publication:
    """Writes statuses, one resource at a time, and tells when to look at the resource again."""

    def __init__(self, *, inventory: Inventory, resources: ResourceStore, announcer: Announcer, clock: Clock) -> None:
        self._inventory = inventory
        self._resources = resources
        self._announcer = announcer
        self._clock = clock

    async def publish(self, record: Record, seen: Observation, decision: Decision, memory: Memory) -> datetime | None:
        """Tell what was seen and decided. Equal observations are told once.

        Raises:
            ConflictError: if the resource is another by now.
        """
        again = next_check(seen, decision)
        if isinstance(decision, Wait) and decision.quiet:
            return again
        silent = seen.status.observed_generation != record.generation and not memory.attempts.failures
        if silent and isinstance(decision, Wait) and decision.until - seen.now <= _QUIET:
            return again
        status = report(seen, decision, memory)
        if isinstance(decision, Blocked):
            _complain(record, seen.status, status, decision.error)
        if status == seen.status or await self._write(record, seen.status, status):
            return again
        return min(again or seen.now + _SOON, seen.now + _SOON)

    async def refuse(self, record: Record, error: TokenSyncError) -> datetime | None:
        """Tell of a resource that it could not even be looked at."""
        before = record.status
        status = before.model_copy(update={"observed_generation": record.generation}).with_conditions(
            unreadable(error, before, record.generation, self._clock.now())
        )
        _complain(record, before, status, error)
        try:
            written = status == before or await self._write(record, before, status)
        except ConflictError:
            written = False
        return None if written else self._clock.now() + _SOON

    async def _write(self, record: Record, before: Status, status: Status) -> bool:
        """Write a status and announce it; the least that makes sense if it is refused. False if it has to be tried again."""
        known = self._inventory.resource(record.key)
        if known is None or known.uid != record.uid:  # gone, or recreated: there is nobody to tell
            return True
        least = Status(observed_generation=status.observed_generation, conditions=status.conditions)
        for candidate in (status, least):
            try:
                body = await self._resources.publish(known.key, known.uid, known.resource_version, candidate.dump())
            except TargetError as error:  # the schema or admission: the same again would be refused again
                log.error("status refused", **where(record.key), detail=error.text)
            except ClusterError as error:
                log.warning("status not written", **where(record.key), reason=error.reason.value, detail=error.text)
                return False
            else:
                written = Record.of(body)
                self._inventory.learn_resource(written)
                self._announcer.announce(written, before, status)
                return True
        return True


def _complain(record: Record, before: Status, after: Status, error: TokenSyncError) -> None:
    """Log what keeps a token from being asked for, once: no attempt is made that could fail and tell of it."""
    was, now = (status.condition(ConditionType.RENEWAL_SUCCEEDED) for status in (before, after))
    if was is None or now is None or (was.reason, was.message) != (now.reason, now.message):
        log.warning("blocked", **where(record.key), reason=error.reason.value, detail=error.text)
