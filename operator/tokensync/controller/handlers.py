"""Kopf at the edge: list, watch, reconnect, namespaces, login. Its handlers put things into the inventory.

Only its low-level half is used: no finalizers, no annotations, no events of its making.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain, repeat
from typing import Any

import aiohttp
import kopf
import structlog

from tokensync.controller.controller import Controller
from tokensync.controller.ending import Ending
from tokensync.controller.inventory import Record
from tokensync.errors import ClusterError
from tokensync.resource.names import GROUP, PLURAL, VERSION
from tokensync.target.metadata import SecretMetadata

_RESTART = 5.0
_NOBODY: Any = "tokensync"
"""Kopf's peering is off. Without an identity for it Kopf asks for the user's name, which a container's has not."""

log = structlog.get_logger("tokensync")


class _Endless:
    """Seconds between the tries of a list or watch. With Kopf's own eight an outage of a minute ends the process."""

    def __iter__(self) -> Iterator[float]:
        return chain((0.5, 1.0, 2.0), repeat(5.0))


class _NoDiffs(kopf.DiffBaseStorage):
    """Kopf compares every object with what it looked like before; nothing here asks for that."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        """The same for every object, without the copy of all of it."""
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        """Nothing was stored."""

    def store(self, **_: Any) -> None:
        """Nothing is stored."""


async def watch(
    controller: Controller,
    *,
    server: str,
    session: Callable[[], aiohttp.ClientSession],
    is_served: Callable[[], Awaitable[bool]],
    stop: Callable[[], None],
    secrets_selector: str,
    namespaces: tuple[str, ...],
) -> None:
    """Feed the controller until the process is asked to stop.

    Args:
        controller: takes what is seen.
        server: the API server's URL.
        session: makes a session with it, authenticated; called again after a 401.
        is_served: tells whether the API server knows our kind.
        stop: ends everything else, as soon as the process is asked to stop.
        secrets_selector: field selector of the Secrets that are watched.
        namespaces: where; empty for everywhere.
    """
    ending = Ending(stop)
    ending.listen()
    while True:
        await ending.unless_asked(_wait_for_our_kind(is_served))
        if ending.asked:
            return
        try:
            await kopf.operator(
                registry=_registry(controller, server, session, ending),
                settings=_settings(secrets_selector),
                standalone=True,
                clusterwide=not namespaces,
                namespaces=namespaces,
                stop_flag=ending.flag,
                identity=_NOBODY,
                memo=(),  # copied for each object: there is but one of this, whereas Kopf's own takes memory
            )
        except Exception as error:  # noqa: BLE001  whatever ends the watch: it is started anew, the rest goes on
            log.error("watch ended", error=type(error).__name__)
            await ending.unless_asked(asyncio.sleep(_RESTART))
        else:
            ending.ask()
            return


async def _wait_for_our_kind(is_served: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the API server knows it: Kopf looks for it when it starts, and never again."""
    while True:
        try:
            if await is_served():
                return
            remedy = "apply the CustomResourceDefinition of tokensync"
            log.error("unknown kind", detail=f"the API server does not know {PLURAL}.{GROUP}/{VERSION}: {remedy}")
        except ClusterError as error:
            log.warning("cannot look for our kind", reason=error.reason.value, detail=error.text)
        await asyncio.sleep(_RESTART)


def _settings(secrets_selector: str) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.execution.max_workers = 1
    settings.queueing.idle_timeout = 0.1  # idle per-object workers are what costs memory after a list
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 600
    settings.watching.client_timeout = 660
    settings.watching.field_selectors["v1", "secrets"] = secrets_selector
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = _Endless()
    settings.scanning.disabled = True  # asked too early it misses a new kind for good, and it needs more rights
    return settings


def _registry(
    controller: Controller, server: str, session: Callable[[], aiohttp.ClientSession], ending: Ending
) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        asyncio.get_running_loop().call_soon(ending.listen)  # Kopf takes the signals in the same round that it logs in
        return kopf.AiohttpSession(server=server, aiohttp_session=session())

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def resource(event: kopf.RawEvent, **_: Any) -> None:
        body: dict[str, Any] = dict(event["object"])
        if event["type"] == "DELETED":
            controller.resource_gone(Record.of(body))
        elif not controller.knows(body["metadata"]):  # half of the events are of our own writes
            controller.resource_seen(Record.of(body))

    @kopf.on.event("", "v1", "secrets", registry=registry)
    async def secret(event: kopf.RawEvent, **_: Any) -> None:
        metadata = SecretMetadata.parse(event["object"])
        if event["type"] == "DELETED":
            controller.secret_gone(metadata)
        else:
            controller.secret_seen(metadata)

    @kopf.on.cleanup(registry=registry)
    async def end(**_: Any) -> None:
        ending.flag.set()

    return registry
