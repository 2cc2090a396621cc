"""Kubernetes Events about transitions: best effort, beside the reconciliations and never in their way.

What begins is announced at most once in `AGAIN_AFTER` for each resource, reason and action. What that holds back is not
lost: the status that was last told of is kept, and the next one is compared with it. So who flaps is told of now and
then, as it is then, and each end that is announced belongs to a beginning that was.
"""

import asyncio
from datetime import datetime
from typing import NamedTuple

import structlog

from tokensync.clock import Clock
from tokensync.controller.ending import is_to_end
from tokensync.controller.inventory import Record
from tokensync.controller.ports import EventStore
from tokensync.controller.renewal import where
from tokensync.errors import NotLeadingError, Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import Status
from tokensync.rotation.transitions import Transition, transitions

AGAIN_AFTER = 600.0
"""Seconds."""
LONGEST_QUEUE = 1000
"""Where that many Events wait to be written, their common cause is told: more are dropped."""

log = structlog.get_logger("tokensync")


class _Event(NamedTuple):
    key: Key
    uid: str
    resource_version: str
    transition: Transition
    at: datetime


class Announcer:
    """Compares statuses as they are written, and has one task of its own write the Events."""

    def __init__(self, events: EventStore, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._queue = asyncio.Queue[_Event](LONGEST_QUEUE)
        self._dropped = 0
        self._warned: dict[tuple[str, Reason, str], float] = {}  # oldest first
        self._told: dict[str, Status] = {}

    def announce(self, record: Record, before: Status, after: Status) -> None:
        """Tell what a status that was just written says for the first time; waits for nothing."""
        told = self._told.pop(record.uid, before)
        found = transitions(told, after)
        warnings = [transition for transition in found if transition.type == "Warning"]
        if warnings and not self._may_warn(record.uid, warnings):
            self._told[record.uid] = told
            return
        at = self._clock.now()
        for transition in found:
            self._enqueue(_Event(record.key, record.uid, record.resource_version, transition, at))

    def forget(self, uid: str) -> None:
        """Drop what is known of a resource that is gone."""
        self._told.pop(uid, None)

    async def run(self) -> None:
        """Write Events until cancelled."""
        while True:
            await self._write(await self._queue.get())
            if self._dropped and self._queue.empty():
                log.warning("events dropped", count=self._dropped)
                self._dropped = 0

    def _may_warn(self, uid: str, warnings: list[Transition]) -> bool:
        now = self._clock.monotonic()
        while self._warned and next(iter(self._warned.values())) <= now - AGAIN_AFTER:
            del self._warned[next(iter(self._warned))]
        keys = [(uid, warning.reason, warning.action) for warning in warnings]
        if any(key in self._warned for key in keys):
            return False
        self._warned.update(dict.fromkeys(keys, now))
        return True

    def _enqueue(self, event: _Event) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self._dropped += 1

    async def _write(self, event: _Event) -> None:
        try:
            await self._events.create(*event)
        except NotLeadingError:
            log.debug("event not written", **_about(event), detail="another replica works, or may")
        except asyncio.CancelledError:
            if is_to_end():
                raise
            log.warning("event not written", **_about(event), detail="interrupted")
        except Exception as error:  # noqa: BLE001  nothing depends on an Event
            log.warning("event not written", **_about(event), detail=getattr(error, "text", type(error).__name__))


def _about(event: _Event) -> dict[str, str]:
    return {**where(event.key), "reason": event.transition.reason.value}
