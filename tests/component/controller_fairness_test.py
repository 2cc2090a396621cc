"""Who is served first: deadlines, bursts, retries, and an endpoint that hangs."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from support.simulators.provider import tenant_of
from support.simulators.world import GRAPH, World
from tokensync.errors import ProviderError, Reason
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)


async def test_a_burst_does_not_delay_a_renewal() -> None:
    """A renewal that falls due behind a thousand new resources waits for one free worker, not for all of them."""
    async with World(workers=8) as world:
        world.provider.latency = 1
        await world.with_token(tenant="fabrikam")
        renew_at = world.times().renew_at
        await asyncio.sleep((renew_at - world.clock.now()).total_seconds() - 5)
        for number in range(1000):
            world.add_resource(f"new-{number}")

        await asyncio.sleep(10)

        assert world.request_times()[1] - renew_at <= timedelta(seconds=1)
        assert len(world.provider.requests) < 100


async def test_a_burst_of_the_same_endpoint_does_not_delay_a_late_renewal() -> None:
    """Among those of one endpoint, too, the token that is about to be missed goes first."""
    async with World(workers=8) as world:
        world.provider.latency = 1
        world.provider.lifetime = timedelta(minutes=4)
        await world.with_token()
        renew_at = world.times().renew_at
        world.provider.lifetime = timedelta(hours=1)
        await asyncio.sleep((renew_at - world.clock.now()).total_seconds() - 5)
        for number in range(1000):
            world.add_resource(f"new-{number}")

        await asyncio.sleep(10)

        assert world.request_times()[1] - renew_at <= timedelta(seconds=1)


async def test_a_burst_after_a_restart_does_not_delay_a_late_renewal() -> None:
    """The same when everything is listed at once."""
    async with World(workers=8) as world:
        world.provider.latency = 1
        await world.with_token()
        await world.crash()
        await asyncio.sleep(3600 - 200)
        for number in range(1000):
            world.add_resource(f"new-{number}")
        started = world.clock.now()
        world.start()

        await world.until(lambda: len(world.provider.issued) > 1 and world.is_ready(), within=120)

        assert world.request_times()[1] - started <= timedelta(seconds=1)


async def test_retries_go_last() -> None:
    """Five hundred resources that fail do not delay a new one that could have its token."""
    async with World(workers=8) as world:
        world.provider.latency = 1
        world.provider.failure = lambda spec: (
            ProviderError(Reason.PROVIDER_UNAVAILABLE, "down") if spec.client_id.startswith("failing") else None
        )
        world.add_certificate()
        for number in range(500):
            world.add_resource(f"failing-{number}")
        world.start()
        await asyncio.sleep(300)
        new = world.add_resource("new")

        await world.until(lambda: world.is_ready(new), within=4)


async def test_a_retry_without_slack_goes_before_a_burst() -> None:
    """A renewal that failed before, and would be missed within the minute, does not wait behind new resources."""
    async with World(workers=8) as world:
        world.provider.latency = 1
        await world.with_token()
        world.provider.failure = lambda _: ProviderError(Reason.PROVIDER_UNAVAILABLE, "down")
        missed_at = world.times().expires_at - timedelta(minutes=3)
        await asyncio.sleep((missed_at - world.clock.now()).total_seconds() - 40)
        world.provider.failure = lambda _: None
        for number in range(1000):
            world.add_resource(f"new-{number}")
        world.request_renewal("now")

        await world.until(lambda: len(world.token()) > 0 and world.status().consecutive_failures == 0, within=3)


async def test_a_hanging_endpoint_delays_nobody_else() -> None:
    """An endpoint that never answers gets half of the workers; renewals at others are on time to the millisecond."""
    async with World(workers=8) as world:
        world.add_certificate()
        others = [world.add_resource(f"graph-{number}") for number in range(20)]
        world.start()
        await world.until(lambda: all(map(world.is_ready, others)), within=20)
        for number in range(200):
            world.add_resource(f"hanging-{number}", tenant="hanging")
        world.provider.latency_of["hanging"] = 10_000
        before = {key: world.times(key).renew_at for key in others}

        await asyncio.sleep(3600)

        hanging = [request for request in world.provider.requests if request.client_id.startswith("hanging")]
        assert len(hanging) == 4
        lags = [world.request_times(key)[1] - before[key] for key in others]
        assert max(lags) < timedelta(seconds=1)


async def test_a_hanging_endpoint_gives_its_workers_back() -> None:
    """What was parked behind a hanging endpoint gets its turn when that answers again."""
    async with World(workers=4) as world:
        world.provider.latency_of["hanging"] = 10
        world.provider.failure = lambda spec: (
            ProviderError(Reason.PROVIDER_UNREACHABLE, "timeout") if tenant_of(spec) == "hanging" else None
        )
        world.add_certificate()
        keys = [world.add_resource(f"hanging-{number}", tenant="hanging") for number in range(20)]
        world.start()
        await asyncio.sleep(300)
        world.provider.latency_of.clear()
        world.provider.failure = lambda _: None

        await world.until(lambda: all(map(world.is_ready, keys)), within=400)

        assert {len(world.request_times(key)) > 0 for key in keys} == {True}


async def test_one_endpoint_never_has_more_than_half_of_the_workers() -> None:
    """At no moment are more requests under way at one endpoint than half of the workers."""
    async with World(workers=8) as world:
        world.provider.latency = 1
        world.add_certificate()
        for number in range(50):
            world.add_resource(f"graph-{number}")
        world.start()

        await asyncio.sleep(30)

        starts = sorted(request.at for request in world.provider.requests)
        assert len(starts) == 50
        under_way = [sum(start <= moment < start + timedelta(seconds=1) for start in starts) for moment in starts]
        assert max(under_way) == 4


async def test_a_resource_is_never_worked_on_twice_at_once() -> None:
    """However often it is woken, the requests of one resource follow each other."""
    async with World() as world:
        world.provider.latency = 2
        await world.with_token()
        for number in range(50):
            world.request_renewal(f"request-{number}")
            world.cluster.change_secret(
                GRAPH._replace(name="graph-token"), {"metadata": {"labels": {"n": str(number)}}}
            )
            await asyncio.sleep(0.1)
        await asyncio.sleep(120)

        times = world.request_times()
        assert min(later - earlier for earlier, later in pairwise(times)) >= timedelta(seconds=2)


async def test_a_budget_makes_wait_and_announces_it_after_ten_seconds() -> None:
    """A request that has to wait for its turn holds no worker; only a long wait is written into the status."""
    async with World(workers=1) as world:
        world.provider.budget = timedelta(seconds=8)
        world.add_certificate()
        world.add_resource()
        world.start()
        await asyncio.sleep(5)
        assert world.status().observed_generation == -1
        world.provider.budget = timedelta(seconds=30)
        await world.until(lambda: world.status().conditions, within=10)
        assert world.condition(ConditionType.READY).reason is Reason.ACQUIRING
        world.provider.budget = timedelta(0)

        await world.until(world.is_ready, within=31)

        assert len(world.provider.requests) == 1
