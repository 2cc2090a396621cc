"""Kopf at the edge: list, watch, reconnect, namespaces, login, signals. Its handlers put things into the inventory.

Only its low-level half is used: no finalizers, no annotations, no events of its making.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import aiohttp
import kopf
import structlog

from tokensync.controller.controller import Controller
from tokensync.controller.inventory import Record
from tokensync.resource.names import GROUP, PLURAL, VERSION
from tokensync.target.metadata import SecretMetadata

_RESTART = 5.0

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
    secrets_selector: str,
    namespaces: tuple[str, ...],
) -> None:
    """Feed the controller until the process is asked to stop.

    Args:
        controller: takes what is seen.
        server: the API server's URL.
        session: makes a session with it, authenticated; called again after a 401.
        secrets_selector: field selector of the Secrets that are watched.
        namespaces: where; empty for everywhere.
    """
    stopping = asyncio.Event()
    while not stopping.is_set():
        try:
            await kopf.operator(
                registry=_registry(controller, server, session, stopping),
                settings=_settings(secrets_selector, scanning=not namespaces),
                standalone=True,
                clusterwide=not namespaces,
                namespaces=namespaces,
                stop_flag=stopping,
            )
        except Exception as error:  # noqa: BLE001  whatever ends the watch: it is started anew, the rest goes on
            log.error("watch ended", error=type(error).__name__)
            stopping.clear()
            await _pause(stopping)
        else:
            return


async def _pause(stopping: asyncio.Event) -> None:
    """Wait before the next start, unless asked to stop: Kopf's own signal handlers ended with it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_RESTART):
            await stopping.wait()


def _settings(secrets_selector: str, *, scanning: bool) -> kopf.OperatorSettings:
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
    settings.scanning.disabled = not scanning
    return settings


def _registry(
    controller: Controller, server: str, session: Callable[[], aiohttp.ClientSession], stopping: asyncio.Event
) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
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
        stopping.set()  # whatever ended it: a task of Kopf's own waits for this flag, and Kopf would wait for that task

    return registry
