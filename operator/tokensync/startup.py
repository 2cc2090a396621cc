"""Where the parts meet: the only place that knows them all, and the only one that makes the real clock."""

import asyncio
import contextlib
import os
import uuid
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import structlog

from tokensync import __version__
from tokensync.clock import SystemClock
from tokensync.cluster.api import Api
from tokensync.cluster.config_maps import ClusterConfigMaps
from tokensync.cluster.connection import Connection, own_name
from tokensync.cluster.events import ClusterEvents
from tokensync.cluster.leases import ClusterLease
from tokensync.cluster.observed import KINDS, Observer
from tokensync.cluster.resources import ClusterResources
from tokensync.cluster.secrets import WATCHED, ClusterSecrets
from tokensync.cluster.service_accounts import ClusterServiceAccounts
from tokensync.controller.announcer import Announcer
from tokensync.controller.authorities import Authorities
from tokensync.controller.controller import Controller
from tokensync.controller.federation import Federation
from tokensync.controller.handlers import watch
from tokensync.controller.inventory import Inventory
from tokensync.controller.lateness import Lateness
from tokensync.controller.leadership import Alone, Election
from tokensync.controller.limits import Limits
from tokensync.controller.reconciler import Reconciler
from tokensync.controller.resync import Resync
from tokensync.credentials.federated_token import audiences_of_server
from tokensync.errors import ClusterError
from tokensync.identity.source import MsalTokenSource
from tokensync.resource.names import LEASE
from tokensync.resource.spec import Key
from tokensync.rotation.schedule import Margins
from tokensync.settings import Settings
from tokensync.telemetry.collector import TokenCollector
from tokensync.telemetry.health import Health
from tokensync.telemetry.metrics import Metrics
from tokensync.telemetry.server import serve
from tokensync.telemetry.streams import Streams

_BESIDE_WORKERS = 3
"""Calls that do not wait for busy workers: of the election, of the announcer, and lists."""

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


class _Operator(NamedTuple):
    """The parts that work together; each of them runs until it is cancelled."""

    leadership: Alone | Election
    resync: Resync
    controller: Controller
    announcer: Announcer
    lateness: Lateness


async def _operate(settings: Settings) -> None:
    clock, metrics, inventory = SystemClock(), Metrics(__version__), Inventory()
    async with contextlib.AsyncExitStack() as cleanup:
        connection = await Connection.open(connections=settings.workers + _BESIDE_WORKERS)
        cleanup.push_async_callback(connection.close)
        _must_be_foreign(settings.allowed_audiences, await connection.bearer_token())
        source = _token_source(settings, clock, metrics)
        cleanup.push_async_callback(source.close)
        operator = _assemble(
            settings, connection=connection, source=source, inventory=inventory, clock=clock, metrics=metrics
        )
        streams = Streams(KINDS, settings.namespaces, metrics.watch_activity, clock.monotonic)
        _show(metrics, operator, inventory, per_object=settings.metrics_per_object)
        health = Health(streams, is_filled=inventory.filled.is_set, lag=operator.controller.queue.lag)
        log.info(
            "started",
            version=__version__,
            server=connection.server,
            namespaces=settings.namespaces or "all",
            metrics=await _serve(settings, metrics, health, cleanup),
        )
        async with asyncio.TaskGroup() as tasks:
            ours = [tasks.create_task(part.run()) for part in operator]
            await asyncio.sleep(0)  # they start theirs: those younger than itself Kopf cancels when it ends by itself
            await watch(
                operator.controller,
                server=connection.server,
                session=partial(connection.watch_session, operator.resync.watch_is_listing, Observer(metrics, streams)),
                is_served=ClusterResources(Api(connection.client, metrics)).are_served,
                stop=partial(_cancel, ours),
                secrets_selector=WATCHED,
                namespaces=settings.namespaces,
            )
    log.info("stopped")


def _assemble(
    settings: Settings,
    *,
    connection: Connection,
    source: MsalTokenSource,
    inventory: Inventory,
    clock: SystemClock,
    metrics: Metrics,
) -> _Operator:
    leadership = _leadership(settings, Api(connection.client, metrics), clock)
    api = Api(connection.client, metrics, before_write=leadership.require)
    secrets, resources = ClusterSecrets(api), ClusterResources(api)
    announcer = Announcer(ClusterEvents(api, instance=own_name()), clock)
    lateness = Lateness(inventory, leadership, clock, metrics)
    margins = Margins(settings.propagation, settings.clock_skew, settings.retry_budget)
    service_accounts = ClusterServiceAccounts(api, connection.stranger, metrics)
    reconciler = Reconciler(
        inventory=inventory,
        secrets=secrets,
        resources=resources,
        source=source,
        federation=Federation(service_accounts, settings.allowed_audiences),
        authorities=Authorities(secrets, ClusterConfigMaps(api)),
        leadership=leadership,
        announcer=announcer,
        lateness=lateness,
        clock=clock,
        margins=margins,
        limits=Limits(settings.denied_metadata, settings.allowed_secret_types),
    )
    controller = Controller(
        inventory=inventory,
        reconciler=reconciler,
        source=source,
        leadership=leadership,
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
    return _Operator(leadership, resync, controller, announcer, lateness)


def _must_be_foreign(audiences: Iterable[str], credential: str) -> None:
    """Refuse audiences that are certainly the API server's, by the token that it knows us by."""
    for audience in audiences_of_server(credential).intersection(audiences):
        raise UnusableSettingError(
            f"--allowed-audiences: {audience} is an audience of the API server, so tokens for it are credentials for the "
            "cluster: leave it out, and give providers an audience of their own"
        )


def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


def _show(metrics: Metrics, operator: _Operator, inventory: Inventory, *, per_object: bool) -> None:
    """Have the metrics read what these parts know."""
    metrics.leader.set_function(lambda: operator.leadership.leading)
    metrics.queue_depth.set_function(operator.controller.queue.depth)
    metrics.workers_busy.set_function(operator.controller.queue.busy)
    if per_object:
        metrics.registry.register(TokenCollector(inventory.resources))


async def _serve(settings: Settings, metrics: Metrics, health: Health, cleanup: contextlib.AsyncExitStack) -> str:
    """Serve until the cleanup, and return the address."""
    try:
        return await cleanup.enter_async_context(serve(settings.metrics_address, metrics.registry, health.problems))
    except OSError as error:
        raise UnusableSettingError(
            f"--metrics-address: {settings.metrics_address} cannot be listened at ({os.strerror(error.errno or 0)}): "
            "end what uses it, or give another address"
        ) from None


def _leadership(settings: Settings, api: Api, clock: SystemClock) -> Alone | Election:
    if not settings.leader_elect:
        return Alone()
    if settings.lease_namespace is None:
        raise UnusableSettingError("--lease-namespace: replicas that share their work need it outside of a pod")
    lease = ClusterLease(api, Key(settings.lease_namespace, LEASE))
    return Election(lease, identity=f"{own_name()}_{uuid.uuid4()}", clock=clock)


def _token_source(settings: Settings, clock: SystemClock, metrics: Metrics) -> MsalTokenSource:
    try:
        return MsalTokenSource(
            clock=clock,
            allowed_hosts=settings.allowed_hosts,
            ca_bundle=settings.ca_bundle,
            proxy=settings.proxy.get_secret_value() if settings.proxy else None,
            requests_per_second=settings.provider_requests_per_second,
            threads=settings.workers,
            metrics=metrics,
        )
    except ValueError as error:
        raise UnusableSettingError(str(error)) from None
