"""Where the parts meet: the only place that knows them all, and the only one that makes the real clock."""

import asyncio
import contextlib
from collections.abc import Iterable
from functools import partial

import structlog

from tokensync import __version__
from tokensync.clock import SystemClock
from tokensync.cluster.api import Api
from tokensync.cluster.connection import Connection
from tokensync.cluster.resources import ClusterResources
from tokensync.cluster.secrets import WATCHED, ClusterSecrets
from tokensync.controller.controller import Controller
from tokensync.controller.handlers import watch
from tokensync.controller.inventory import Inventory
from tokensync.controller.reconciler import Reconciler
from tokensync.controller.resync import Resync
from tokensync.errors import ClusterError
from tokensync.identity.source import MsalTokenSource
from tokensync.rotation.schedule import Margins
from tokensync.settings import Settings

log = structlog.get_logger("tokensync")


class UnusableSettingError(Exception):
    """A setting that is well formed turned out to be of no use; the text names it."""


def run(settings: Settings) -> int:
    """Run the operator until it is asked to stop.

    Returns:
        The exit status: 1 if it could not start, for want of a cluster or because of a setting.
    """
    try:
        asyncio.run(_operate(settings))
    except ClusterError as error:
        log.error("cannot start", reason=error.reason.value, detail=error.text)
        return 1
    except UnusableSettingError as error:
        log.error("cannot start", detail=str(error))
        return 1
    return 0


async def _operate(settings: Settings) -> None:
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as cleanup:
        connection = await Connection.open(connections=settings.workers)
        cleanup.push_async_callback(connection.close)
        source = _token_source(settings, clock)
        cleanup.push_async_callback(source.close)
        api = Api(connection.client)
        secrets, resources = ClusterSecrets(api), ClusterResources(api)
        inventory = Inventory()
        margins = Margins(settings.propagation, settings.clock_skew, settings.retry_budget)
        reconciler = Reconciler(
            inventory=inventory,
            secrets=secrets,
            resources=resources,
            source=source,
            clock=clock,
            margins=margins,
            denied=settings.denied_metadata,
        )
        controller = Controller(
            inventory=inventory,
            reconciler=reconciler,
            source=source,
            clock=clock,
            margins=margins,
            workers=settings.workers,
        )
        resync = Resync(
            inventory=inventory,
            controller=controller,
            secrets=secrets,
            resources=resources,
            namespaces=settings.namespaces,
        )
        log.info("started", version=__version__, server=connection.server, namespaces=settings.namespaces or "all")
        async with asyncio.TaskGroup() as tasks:
            ours = [tasks.create_task(resync.run()), tasks.create_task(controller.run())]
            await asyncio.sleep(0)  # they start theirs: those younger than itself Kopf cancels when it ends by itself
            await watch(
                controller,
                server=connection.server,
                session=partial(connection.watch_session, resync.watch_is_listing),
                is_served=resources.are_served,
                stop=partial(_cancel, ours),
                secrets_selector=WATCHED,
                namespaces=settings.namespaces,
            )
    log.info("stopped")


def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


def _token_source(settings: Settings, clock: SystemClock) -> MsalTokenSource:
    try:
        return MsalTokenSource(
            clock=clock,
            allowed_hosts=settings.allowed_hosts,
            ca_bundle=settings.ca_bundle,
            proxy=settings.proxy.get_secret_value() if settings.proxy else None,
            requests_per_second=settings.provider_requests_per_second,
            threads=settings.workers,
        )
    except ValueError as error:
        raise UnusableSettingError(str(error)) from None
