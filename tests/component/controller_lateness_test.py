"""How late tokens were: lags of renewals, and gaps, as the leader counts them."""

import asyncio
from datetime import timedelta

import pytest

from support.simulators.world import CERTIFICATE, GRAPH, NAMESPACE, World
from tokensync.controller.leadership import Alone
from tokensync.errors import ProviderError, Reason
from tokensync.resource.spec import Key, Spec

pytestmark = pytest.mark.looptime(noop_cycles=0)

MINUTE = 60.0


def gap(world: World) -> float:
    value = world.operator.metrics.registry.get_sample_value("tokensync_token_gap_seconds_total")
    assert value is not None
    return value


def lags(world: World) -> float:
    """How many renewals were observed."""
    return world.operator.metrics.registry.get_sample_value("tokensync_renewal_lag_seconds_count") or 0.0


def total_lag(world: World) -> float:
    """The sum of their lags, in seconds."""
    return world.operator.metrics.registry.get_sample_value("tokensync_renewal_lag_seconds_sum") or 0.0


def fail(_: Spec) -> ProviderError:
    return ProviderError(Reason.PROVIDER_UNAVAILABLE, "busy")


def works(_: Spec) -> None:
    return None


async def outage(world: World, key: Key = GRAPH, *, beyond: float) -> None:
    """Have no token issued until so many seconds after the expiry of the present one."""
    world.provider.failure = fail
    await asyncio.sleep((world.times(key).expires_at - world.clock.now()).total_seconds() + beyond)


async def test_a_renewal_in_time_has_the_lag_of_its_request() -> None:
    """The first token has none: it replaces nothing."""
    async with World() as world:
        await world.with_token()
        assert lags(world) == 0

        await asyncio.sleep(3600)

        assert lags(world) == 1
        assert total_lag(world) == pytest.approx(world.provider.latency, abs=0.05)
        assert gap(world) == 0


async def test_a_renewal_that_was_requested_early_has_no_lag() -> None:
    """Only what comes after the renewal time is late or in time."""
    async with World() as world:
        await world.with_token()
        world.request_renewal("now")
        await asyncio.sleep(60)

        assert len(world.provider.requests) == 2
        assert lags(world) == 0


async def test_a_gap_is_counted_from_the_expiry_to_the_write() -> None:
    """To a tenth of a second, though all tokens are looked at only every few seconds."""
    async with World() as world:
        await world.with_token()
        expiry = world.times().expires_at
        await outage(world, beyond=100)
        world.provider.failure = works
        await world.until(world.is_ready, within=20 * MINUTE)
        await asyncio.sleep(10)

        assert gap(world) == pytest.approx((world.times().issued_at - expiry).total_seconds() + 0.25, abs=0.1)
        assert total_lag(world) > gap(world)


async def test_a_gap_shorter_than_two_looks_is_counted() -> None:
    """It ends before anybody has seen it begin."""
    async with World() as world:
        await world.with_token()
        times = world.times()
        world.provider.latency = (times.expires_at - times.renew_at).total_seconds() + 1.5
        await asyncio.sleep(3620)

        assert len(world.provider.requests) == 2
        assert gap(world) == pytest.approx(1.5, abs=0.1)


async def test_every_gap_of_a_token_counts_by_itself() -> None:
    """What lies between two of them is none."""
    async with World() as world:
        await world.with_token()
        sums = []
        for _ in range(2):
            expiry = world.times().expires_at
            await outage(world, beyond=30)
            world.provider.failure = works
            await world.until(world.is_ready, within=20 * MINUTE)
            sums.append((world.times().issued_at - expiry).total_seconds() + 0.25)

        assert gap(world) == pytest.approx(sum(sums), abs=0.2)


async def test_a_gap_that_two_writes_end_counts_once() -> None:
    """As when a spec changes while its token is written: the status still tells of the one before."""
    async with World() as world:
        await world.with_token()
        await outage(world, beyond=33)
        record = world.operator.inventory.resource(GRAPH)
        assert record
        world.operator._lateness.renewed(record, None)
        once = gap(world)
        world.operator._lateness.renewed(record, None)

        assert gap(world) == pytest.approx(once)
        assert once == pytest.approx(33, abs=0.1)


async def test_a_gap_grows_while_it_lasts() -> None:
    """By the look, for each token: whoever watches sees it before it ends."""
    async with World() as world:
        await world.with_token()
        world.add_resource("other")
        await world.until(lambda: world.is_ready(Key(NAMESPACE, "other")), within=5)
        await outage(world, beyond=60)
        first = gap(world)
        await asyncio.sleep(60)

        assert first == pytest.approx(2 * 60, abs=2 * 10)
        assert gap(world) - first == pytest.approx(2 * 60, abs=2 * 5)


async def test_an_expired_token_of_a_suspended_resource_is_no_gap() -> None:
    """Somebody wanted it so; from the resumption on, it is one until the renewal."""
    async with World() as world:
        await world.with_token()
        world.cluster.change_resource(GRAPH, {"spec": {"suspend": True}})
        await asyncio.sleep(3 * 3600)
        assert gap(world) == 0

        world.cluster.change_resource(GRAPH, {"spec": {"suspend": False}})
        await world.until(world.is_ready, within=5)
        assert gap(world) <= 6


async def test_an_expired_token_of_a_deleted_resource_is_no_gap() -> None:
    """Neither while a finalizer holds the resource nor when it is gone."""
    async with World() as world:
        await world.with_token()
        await outage(world, beyond=20)
        world.cluster.mark_resource_deleted(GRAPH)
        await asyncio.sleep(5)
        before = gap(world)
        await asyncio.sleep(600)
        world.cluster.delete_resource(GRAPH)
        await asyncio.sleep(600)

        assert 0 < before == gap(world)


async def test_a_standby_counts_nothing() -> None:
    """It sees the same gap as the leader; from when it leads, it counts what is left of it."""
    leadership = Alone()
    async with World(leadership=leadership) as world:
        await world.with_token()
        leadership.leading = False
        await outage(world, beyond=300)
        assert gap(world) == 0

        leadership.leading = True
        await asyncio.sleep(50)
        assert gap(world) == pytest.approx(50, abs=6)


async def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    """The counter only grows."""
    async with World() as world:
        await world.with_token()
        await outage(world, beyond=60)
        before = gap(world)
        world.clock.step = timedelta(seconds=-30)
        await asyncio.sleep(20)

        assert gap(world) >= before > 0


async def test_a_token_that_was_never_there_is_no_gap() -> None:
    """A resource that waits for its first token has published nothing."""
    async with World() as world:
        world.add_certificate(CERTIFICATE.name)
        world.provider.failure = fail
        world.add_resource()
        world.start()
        await asyncio.sleep(7200)

        assert gap(world) == 0
