"""The operator under test: its controller with everything behind it, in a simulated world."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from support.simulators.clock import LoopClock
from support.simulators.cluster import SimulatedCluster
from support.simulators.provider import SimulatedProvider
from support.simulators.stream import EventType
from tokensync.controller.controller import Controller
from tokensync.controller.inventory import Inventory, Record
from tokensync.controller.reconciler import Reconciler
from tokensync.controller.resync import Resync
from tokensync.rotation.schedule import Margins
from tokensync.target.metadata import SecretMetadata

DEFAULT_MARGINS = Margins(propagation=timedelta(seconds=120), clock_skew=timedelta(seconds=60))


class SimulatedOperator:
    """One process of the operator; it can crash at any moment, and another may start over the same cluster.

    Attributes:
        inventory: what it knows.
        reconciler: what it does.
        resync: its own lists.
    """

    def __init__(
        self,
        cluster: SimulatedCluster,
        provider: SimulatedProvider,
        clock: LoopClock,
        *,
        workers: int = 32,
        margins: Margins = DEFAULT_MARGINS,
        denied: Sequence[str] = (),
    ) -> None:
        self.inventory = Inventory()
        self.reconciler = Reconciler(
            inventory=self.inventory,
            secrets=cluster.secrets,
            resources=cluster.resources,
            source=provider,
            clock=clock,
            margins=margins,
            denied=denied,
        )
        self._controller = Controller(
            inventory=self.inventory,
            reconciler=self.reconciler,
            source=provider,
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

    def start(self) -> None:
        """List, watch, and work."""
        self._listen()
        self._tasks = [asyncio.create_task(self.resync.run()), asyncio.create_task(self._controller.run())]

    def watch_anew(self) -> None:
        """The watches list again, after they were cut off: in Kopf's way, which first tells that it lists."""
        for path, store in (("secrets", self._cluster.secret_store), ("resources", self._cluster.resource_store)):
            self.resync.watch_lists(path)
            store.stream.repair(store)

    async def crash(self) -> None:
        """End at once, wherever it stands. A task that had ended by itself shows its error."""
        for store in (self._cluster.secret_store, self._cluster.resource_store):
            store.stream.leave()
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        ended = next((result for result in results if not isinstance(result, asyncio.CancelledError)), None)
        if ended:
            raise AssertionError("the operator ended by itself") from ended

    def _listen(self) -> None:
        seen, gone = self._controller.secret_seen, self._controller.secret_gone
        secrets, resources = self._cluster.secret_store, self._cluster.resource_store
        for path in ("secrets", "resources"):
            self.resync.watch_lists(path)
        secrets.stream.listen(_either(seen, gone, SecretMetadata.parse), secrets)
        resources.stream.listen(
            _either(self._controller.resource_seen, self._controller.resource_gone, Record.of), resources
        )


def _either(
    seen: Callable[[Any], None], gone: Callable[[Any], None], parse: Callable[[dict[str, Any]], Any]
) -> Callable[[EventType, dict[str, Any]], None]:
    def listener(event: EventType, body: dict[str, Any]) -> None:
        (gone if event == "DELETED" else seen)(parse(body))

    return listener
