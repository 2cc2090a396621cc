"""The operator under test: its controller with everything behind it, in a simulated world."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from support.simulators.clock import LoopClock
from support.simulators.cluster import SimulatedCluster
from support.simulators.provider import SimulatedProvider
from support.simulators.stream import EventType
from tokensync.controller.announcer import Announcer
from tokensync.controller.authorities import Authorities
from tokensync.controller.controller import Controller
from tokensync.controller.federation import AUDIENCES, Federation
from tokensync.controller.inventory import Inventory, Record
from tokensync.controller.lateness import Lateness
from tokensync.controller.leadership import Alone
from tokensync.controller.limits import Limits
from tokensync.controller.ports import Leadership
from tokensync.controller.reconciler import Reconciler
from tokensync.controller.resync import Resync
from tokensync.rotation.schedule import Margins
from tokensync.target.metadata import SecretMetadata
from tokensync.telemetry.metrics import Metrics

NO_LIMITS = Limits()
DEFAULT_MARGINS = Margins(propagation=timedelta(seconds=120), clock_skew=timedelta(seconds=60))


class SimulatedOperator:
    """One process of the operator; it can crash at any moment, and another may start over the same cluster.

    Attributes:
        inventory: what it knows.
        reconciler: what it does.
        resync: its own lists.
        metrics: what it counts.
    """

    def __init__(
        self,
        cluster: SimulatedCluster,
        provider: SimulatedProvider,
        clock: LoopClock,
        *,
        workers: int = 32,
        margins: Margins = DEFAULT_MARGINS,
        limits: Limits = NO_LIMITS,
        audiences: Sequence[str] = tuple(AUDIENCES.values()),
        leadership: Leadership | None = None,
    ) -> None:
        leadership = leadership or Alone()
        self.inventory = Inventory()
        self.metrics = Metrics("1.2.3")
        self._lateness = Lateness(self.inventory, leadership, clock, self.metrics)
        self._announcer = Announcer(cluster.events, clock)
        self.reconciler = Reconciler(
            inventory=self.inventory,
            secrets=cluster.secrets,
            resources=cluster.resources,
            source=provider,
            federation=Federation(cluster.service_accounts, audiences),
            authorities=Authorities(cluster.secrets, cluster.config_maps),
            leadership=leadership,
            announcer=self._announcer,
            lateness=self._lateness,
            clock=clock,
            margins=margins,
            limits=limits,
        )
        self._controller = Controller(
            inventory=self.inventory,
            reconciler=self.reconciler,
            source=provider,
            leadership=leadership,
            clock=clock,
            margins=margins,
            workers=workers,
        )
        self.resync = Resync(
            inventory=self.inventory,
            controller=self._controller,
            secrets=cluster.secrets,
            resources=cluster.resources,
            namespaces=(),
        )
        self._cluster = cluster
        self._tasks: list[asyncio.Task[None]] = []
        self._errors: list[Exception] = []

    def start(self) -> None:
        """List, watch, and work."""
        self._listen()
        parts = (self.resync, self._controller, self._announcer, self._lateness)
        self._tasks = [asyncio.create_task(part.run()) for part in parts]

    def watch_anew(self) -> None:
        """The watches list again, after they were cut off: in Kopf's way, which first tells that it lists."""
        for path, store in (("secrets", self._cluster.secret_store), ("resources", self._cluster.resource_store)):
            self.resync.watch_is_listing(path)
            store.stream.repair(store)

    async def crash(self) -> None:
        """End at once, wherever it stands. What had ended by itself, or could not take an event, shows its error."""
        for store in (self._cluster.secret_store, self._cluster.resource_store):
            store.stream.leave()
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        ended = [result for result in results if not isinstance(result, asyncio.CancelledError)]
        for error in [*ended, *self._errors]:
            raise AssertionError("the operator ended by itself, or missed an event") from error

    def _listen(self) -> None:
        secrets, resources = self._cluster.secret_store, self._cluster.resource_store
        for path in ("secrets", "resources"):
            self.resync.watch_is_listing(path)
        secrets.stream.listen(self._secret, secrets)
        resources.stream.listen(self._resource, resources)

    def _secret(self, event: EventType, body: dict[str, Any]) -> None:
        act = self._controller.secret_gone if event == "DELETED" else self._controller.secret_seen
        self._take(lambda: act(SecretMetadata.parse(body)))

    def _resource(self, event: EventType, body: dict[str, Any]) -> None:
        act = self._controller.resource_gone if event == "DELETED" else self._controller.resource_seen
        if event == "DELETED" or not self._controller.knows(body["metadata"]):
            self._take(lambda: act(Record.of(body)))

    def _take(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001  Kopf would log it and go on
            self._errors.append(error)
