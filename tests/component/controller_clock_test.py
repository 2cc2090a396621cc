"""The wall clock steps: due times are worked out again, and the tokens stay fresh by the true time."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from support.simulators.clock import true_time
from support.simulators.world import GRAPH, TOKEN, World
from tokensync.errors import ProviderError, Reason

pytestmark = pytest.mark.looptime(noop_cycles=0)

HOUR = timedelta(hours=1)


async def test_a_step_is_noticed() -> None:
    """A step of more than a second is logged once; a clock that is slewed is not."""
    async with World() as world:
        await world.with_token()
        with capture_logs() as logs:
            for _ in range(60):
                world.clock.step += timedelta(milliseconds=200)
                await asyncio.sleep(5)
            assert not [log for log in logs if log["event"] == "the clock stepped"]
            world.clock.step += HOUR
            await asyncio.sleep(60)
        assert [log["seconds"] for log in logs if log["event"] == "the clock stepped"] == [3600.0]


async def test_a_step_forward_renews_what_seems_expired() -> None:
    """By the new time the token has expired: it is renewed within seconds, and the renewals go on from there."""
    async with World() as world:
        await world.with_token()
        world.clock.step = HOUR

        await world.until(lambda: len(world.provider.issued) == 2, within=6)
        await asyncio.sleep(6 * 3600)

        gaps = [later - earlier for earlier, later in pairwise(world.request_times()[1:])]
        assert max(gaps) < timedelta(minutes=38)
        assert world.is_ready()


async def test_a_step_back_renews_what_is_from_the_future() -> None:
    """A token that was issued in what is the future now has a wrong expiry: it is renewed within seconds."""
    async with World() as world:
        world.clock.step = HOUR
        await world.with_token()
        world.clock.step = timedelta(0)

        await world.until(lambda: len(world.provider.issued) == 2, within=6)
        await asyncio.sleep(6 * 3600)

        gaps = [later - earlier for earlier, later in pairwise(world.request_times()[1:])]
        assert max(gaps) < timedelta(minutes=38)
        assert _true_remaining_life(world) > timedelta(minutes=22)


async def test_a_clock_that_goes_wrong_for_an_hour_makes_no_gap() -> None:
    """Forward by an hour and back an hour later: at no time does the Secret hold a token that has really expired."""
    async with World() as world:
        await world.with_token()
        for step in (HOUR, timedelta(0), -HOUR, timedelta(0)):
            world.clock.step = step
            for _ in range(60):
                await asyncio.sleep(60)
                assert _true_remaining_life(world) > timedelta(0)
        assert world.is_ready()


@pytest.mark.parametrize("back", [HOUR, 10 * HOUR], ids=str)
async def test_a_step_back_does_not_stretch_a_back_off(back: timedelta) -> None:
    """What is waited out after a failure stays minutes, however far the clock is set back."""
    async with World() as world:
        world.provider.failure = lambda _: ProviderError(Reason.PROVIDER_UNAVAILABLE, "the provider is down")
        world.add_certificate()
        world.add_resource()
        world.start()
        await asyncio.sleep(600)
        world.clock.step = -back
        requests = len(world.provider.requests)
        world.provider.failure = lambda _: None

        await world.until(lambda: len(world.provider.requests) > requests, within=320)


@pytest.mark.parametrize("back", [timedelta(minutes=50), HOUR], ids=str)
async def test_a_step_back_does_not_stretch_a_repair(back: timedelta) -> None:
    """A target that was restored before the step is restored after it as well."""
    async with World() as world:
        world.provider.lifetime = timedelta(hours=24)
        await world.with_token()
        await asyncio.sleep(2 * 3600)
        world.cluster.delete_secret(TOKEN)
        await world.until(lambda: world.token() == world.provider.issued[-1], within=2)
        world.clock.step = -back
        await asyncio.sleep(10)
        world.cluster.delete_secret(TOKEN)

        await world.until(world.token, within=5)


@pytest.mark.parametrize("back", [timedelta(minutes=50), HOUR], ids=str)
async def test_a_step_back_does_not_stretch_the_spacing_of_requests(back: timedelta) -> None:
    """A renew request that follows one from before the step is not held back for longer than usual."""
    async with World() as world:
        world.provider.lifetime = timedelta(hours=24)
        await world.with_token()
        await asyncio.sleep(2 * 3600)
        world.request_renewal("before")
        await world.until(lambda: world.status(GRAPH).last_handled_renew_request == "before", within=2)
        world.clock.step = -back
        await asyncio.sleep(60)
        world.request_renewal("after")

        await world.until(lambda: world.status(GRAPH).last_handled_renew_request == "after", within=31)


def _true_remaining_life(world: World) -> timedelta:
    """How long the stored token really lives on: the provider's clock never stepped."""
    number = world.provider.issued.index(world.token())
    return world.request_times()[number] + world.provider.lifetime - true_time()
