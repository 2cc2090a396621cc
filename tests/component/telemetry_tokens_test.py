"""The series of single tokens follow what is known of the resources."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from support.scrape import TEXT, Metrics
from support.simulators.world import GRAPH, NAMESPACE, World
from tokensync.controller.inventory import Record
from tokensync.errors import ProviderError, Reason
from tokensync.resource.spec import Key
from tokensync.telemetry.collector import TokenCollector

pytestmark = pytest.mark.looptime(noop_cycles=0)

EXPIRY = "tokensync_token_expiry_timestamp_seconds"
RENEWAL = "tokensync_token_renewal_timestamp_seconds"
CREDENTIAL = "tokensync_credential_expiry_timestamp_seconds"
READY = "tokensync_token_ready"


def scrape(world: World) -> Metrics:
    registry = CollectorRegistry()
    registry.register(TokenCollector(world.operator.inventory.resources))
    return Metrics(generate_latest(registry).decode(), TEXT)


async def test_they_are_what_the_status_says() -> None:
    """After the first token and after each renewal."""
    async with World() as world:
        await world.with_token()
        for _ in range(2):
            metrics, status = scrape(world), world.status()
            assert status.token
            assert status.credential
            assert status.credential.not_after
            assert metrics.value(EXPIRY) == status.token.expires_at.timestamp()
            assert metrics.value(RENEWAL) == status.token.renew_at.timestamp()
            assert metrics.value(CREDENTIAL) == status.credential.not_after.timestamp()
            assert metrics.value(READY, namespace=NAMESPACE, name=GRAPH.name) == 1
            await asyncio.sleep(3600)


async def test_a_credential_without_an_end_has_no_series() -> None:
    """A client secret ends when the provider says so, and nobody here knows when."""
    async with World() as world:
        secret = Key(NAMESPACE, "client-secret")
        world.cluster.add_secret(secret, {"value": b"not for you to see"})
        world.add_resource(credential={"clientSecret": {"secretKeyRef": {"name": secret.name, "key": "value"}}})
        world.start()
        await world.until(world.is_ready, within=5)

        metrics = scrape(world)
        assert metrics.series(CREDENTIAL) == []
        assert metrics.value(READY) == 1


async def test_ready_ends_with_the_token() -> None:
    """And the renewal time stays where it was: in the past."""
    async with World() as world:
        await world.with_token()
        world.provider.failure = lambda _: ProviderError(Reason.PROVIDER_UNAVAILABLE, "busy")
        await asyncio.sleep(3700)
        metrics = scrape(world)

        assert metrics.value(READY) == 0
        assert metrics.value(RENEWAL) < metrics.value(EXPIRY) < world.clock.now().timestamp()


async def test_ready_is_of_this_generation() -> None:
    """A spec that nobody has looked at yet says nothing of its token."""
    async with World() as world:
        await world.with_token()
        body = world.resource()
        assert Record.of(body).ready

        body["metadata"]["generation"] += 1
        assert not Record.of(body).ready


async def test_a_resource_that_goes_takes_its_series_along() -> None:
    """At once: nothing of it is left to be cleaned up."""
    async with World() as world:
        await world.with_token()
        world.add_resource("other")
        await asyncio.sleep(5)
        assert len(scrape(world).series(EXPIRY)) == 2

        world.cluster.delete_resource(GRAPH)
        await asyncio.sleep(1)

        for name in EXPIRY, RENEWAL, CREDENTIAL, READY:
            assert scrape(world).series(name) == [{"namespace": NAMESPACE, "name": "other"}]


@pytest.mark.parametrize("status", [None, {}, {"token": None}, {"token": {"expiresAt": "soon"}, "credential": 3}])
async def test_a_status_that_says_nothing_gives_no_times(status: object) -> None:
    """A wiped or edited one: the resource is there, and not ready."""
    async with World() as world:
        await world.with_token()
        record = Record.of(world.resource() | {"status": status})

        assert (record.expires_at, record.renew_at, record.credential_expires_at) == (None, None, None)
        assert not record.ready
