"""Lists of our own, beside the watch: one that fills the inventory, later ones that find what the watch missed.

A watch never says that everything is listed, and after it was cut off for long (410 Gone) not what was deleted meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from tokensync.controller.controller import Controller
from tokensync.controller.ending import is_to_end
from tokensync.controller.inventory import Inventory, Record
from tokensync.controller.ports import ResourceStore, SecretStore
from tokensync.errors import ClusterError
from tokensync.resource.spec import Key

_EVERY = 3600.0
_SETTLE = 1.0
"""After the watch listed anew our list follows so much later: one list serves several streams."""
_FIRST_RETRY = 0.5
_LONGEST_RETRY = 10.0

log = structlog.get_logger("tokensync")


class Resync:
    """Compares the inventory with what the API server has."""

    def __init__(
        self,
        *,
        inventory: Inventory,
        controller: Controller,
        secrets: SecretStore,
        resources: ResourceStore,
        namespaces: tuple[str, ...],
    ) -> None:
        self._inventory = inventory
        self._controller = controller
        self._secrets = secrets
        self._resources = resources
        self._namespaces: tuple[str | None, ...] = namespaces or (None,)
        self._listed = set[str]()
        self._wanted = asyncio.Event()

    def watch_is_listing(self, path: str) -> None:
        """The watch is about to list something: not for the first time means that it may have missed deletions."""
        if path in self._listed:
            self._wanted.set()
        self._listed.add(path)

    async def run(self) -> None:
        """Fill the inventory, then compare every hour and after each new list of the watch, until cancelled."""
        await self._insist(self._compare_secrets)
        self._inventory.filled.set()
        while True:
            try:
                async with asyncio.timeout(_EVERY):
                    await self._wanted.wait()
                await asyncio.sleep(_SETTLE)
            except TimeoutError:
                pass
            self._wanted.clear()
            await self._insist(self._compare_secrets)
            await self._insist(self._compare_resources)

    async def _insist(self, compare: Callable[[], Awaitable[None]]) -> None:
        """Try until it works: without the list nothing may be decided."""
        wait = _FIRST_RETRY
        while True:
            try:
                with self._inventory.listing():
                    await compare()
            except ClusterError as error:
                log.warning("cannot list", reason=error.reason.value, detail=error.text)
            except asyncio.CancelledError:
                if is_to_end():
                    raise
                log.warning("cannot list", detail="interrupted")
            except Exception as error:  # noqa: BLE001  a defect of ours must not end the work on everything else
                log.error("cannot list", error=type(error).__name__)
            else:
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_RETRY)

    async def _compare_secrets(self) -> None:
        for namespace in self._namespaces:
            listed, latest = set[Key](), "0"
            async for page, version in self._secrets.list_metadata(namespace):
                latest = version
                for secret in page:
                    listed.add(secret.key)
                    self._controller.secret_seen(secret)
            for secret in self._inventory.secrets_unseen_in(listed, latest, namespace):
                self._controller.secret_gone(secret)

    async def _compare_resources(self) -> None:
        for namespace in self._namespaces:
            listed, latest = set[Key](), "0"
            async for page, version in self._resources.list_all(namespace):
                latest = version
                for record in map(Record.of, page):
                    listed.add(record.key)
                    self._controller.resource_seen(record)
            for record in self._inventory.resources_unseen_in(listed, latest, namespace):
                self._controller.resource_gone(record)
