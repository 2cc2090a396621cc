"""The line from an event to a reconciliation: events wake keys, workers take the most urgent one."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from tokensync.clock import Clock
from tokensync.controller.ending import is_to_end
from tokensync.controller.inventory import Inventory, Record
from tokensync.controller.ports import Leadership, TokenSource
from tokensync.controller.queue import DueQueue, Urgency
from tokensync.controller.reconciler import Reconciler
from tokensync.credentials.opening import MOST_AT_ONCE
from tokensync.errors import SpecError
from tokensync.resource.spec import Key
from tokensync.rotation.schedule import Margins, missed_at
from tokensync.target.metadata import SecretMetadata

NEW_RESOURCE_PATIENCE = timedelta(seconds=60)
"""How long somebody who has just created a resource waits without missing the token."""
_CLOCK_CHECK = 5.0
_CLOCK_STEP = 1.0
_AFTER_INTERRUPTION = timedelta(seconds=1)

log = structlog.get_logger("tokensync")


class Controller:
    """Takes events in, keeps the inventory, and has what they touch reconciled.

    Attributes:
        queue: what is due, and what is worked on.
    """

    def __init__(
        self,
        *,
        inventory: Inventory,
        reconciler: Reconciler,
        source: TokenSource,
        leadership: Leadership,
        clock: Clock,
        margins: Margins,
        workers: int,
    ) -> None:
        self._inventory = inventory
        self._reconciler = reconciler
        self._source = source
        self._leadership = leadership
        self._clock = clock
        self._margins = margins
        self._workers = workers
        self._idle = asyncio.Semaphore(workers)
        self._assigned = asyncio.Queue[Key]()
        reconciler.wakes(self._wake)
        self.queue = DueQueue(clock, workers=workers, urgency=self._urgency)

    def knows(self, metadata: Mapping[str, Any]) -> bool:
        """Whether a resource with this metadata would be no news."""
        return self._inventory.knows_resource(Key(metadata["namespace"], metadata["name"]), metadata["resourceVersion"])

    def resource_seen(self, record: Record) -> None:
        """A resource was listed, added or modified."""
        before = self._inventory.resource(record.key)
        if self._inventory.put_resource(record):
            self._wake({record.key})
            if before and before.target != record.target:
                self._wake(self._inventory.users_of(before.target))

    def resource_gone(self, record: Record) -> None:
        """A resource was deleted; who wants its target may have it."""
        self._inventory.remove_resource(record.key, record.uid)
        self._wake({record.key, *self._inventory.users_of(record.target)})

    def secret_seen(self, secret: SecretMetadata) -> None:
        """A Secret was listed, added or modified."""
        if self._inventory.put_secret(secret):
            self._wake(self._inventory.users_of(secret.key))

    def secret_gone(self, secret: SecretMetadata) -> None:
        """A Secret was deleted, perhaps by us; who wants its name may have it."""
        self._inventory.remove_secret(secret)
        self._wake(self._inventory.users_of(secret.key))

    async def run(self) -> None:
        """Reconcile until cancelled. Nothing is decided before the inventory of Secrets is complete.

        All tasks there will be start at once: what starts later, Kopf would take for its own and cancel when it ends.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_the_clock())
            tasks.create_task(self._begin_terms())
            for _ in range(MOST_AT_ONCE):
                tasks.create_task(self._reconciler.open_credentials())
            for _ in range(self._workers):
                tasks.create_task(self._work())
            await self._inventory.filled.wait()
            while True:
                await self._idle.acquire()
                self._assign(await self.queue.next())

    async def _begin_terms(self) -> None:
        """Look at everything whenever this replica begins to work."""
        async for anew in self._leadership.terms():
            if anew:
                self._reconciler.forget()
            self._wake(record.key for record in self._inventory.resources())

    def _assign(self, key: Key) -> None:
        if self._leadership.leading:
            self._assigned.put_nowait(key)
        else:
            self.queue.done(key)
            self._idle.release()

    async def _work(self) -> None:
        while True:
            await self._bring_in_order(await self._assigned.get())

    async def _bring_in_order(self, key: Key) -> None:
        try:
            again = await self._reconciler.reconcile(key)
        except asyncio.CancelledError:
            if is_to_end():
                raise
            log.warning("interrupted", namespace=key.namespace, name=key.name)
            again = self._clock.now() + _AFTER_INTERRUPTION
        finally:
            self.queue.done(key)
            self._idle.release()
        if again:
            self.queue.schedule(key, (again - self._clock.now()).total_seconds())
        else:
            self.queue.forget(key)

    def _wake(self, keys: Iterable[Key]) -> None:
        if not self._leadership.leading:
            return
        for key in keys:
            self.queue.wake(key)

    def _urgency(self, key: Key) -> Urgency:
        record = self._inventory.resource(key)
        if record is None:
            return Urgency(retry=False, deadline=0.0, endpoint="")
        memory = self._reconciler.memory(key)
        failed = memory is not None and memory.attempts.failures > 0
        deadline = self._deadline(record)
        slack = not record.expires_at or deadline > self._clock.now() + NEW_RESOURCE_PATIENCE
        endpoint = memory.endpoint if memory and memory.endpoint else self._endpoint(record)
        return Urgency(retry=failed and slack, deadline=deadline.timestamp(), endpoint=endpoint)

    def _deadline(self, record: Record) -> datetime:
        """When somebody would miss a valid token."""
        with contextlib.suppress(OverflowError):  # a status may hold any time: the year 1, if somebody wrote it
            if record.expires_at:
                return missed_at(record.expires_at, self._margins)
        return record.created_at + NEW_RESOURCE_PATIENCE

    def _endpoint(self, record: Record) -> str:
        try:
            resource, _ = record.read()
            return self._source.endpoint(resource.spec)
        except SpecError:
            return ""

    async def _watch_the_clock(self) -> None:
        """Look at everything again when the wall clock steps: due times were worked out by it."""
        offset = self._offset()
        while True:
            await asyncio.sleep(_CLOCK_CHECK)
            before, offset = offset, self._offset()
            if abs(offset - before) > _CLOCK_STEP:
                log.warning("the clock stepped", seconds=round(offset - before, 1))
                self._wake(record.key for record in self._inventory.resources())

    def _offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
