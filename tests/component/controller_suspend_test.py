"""A suspended resource: nothing but its status is written."""

import asyncio

import pytest

from support.simulators.world import GRAPH, NAMESPACE, TOKEN, World
from tokensync.errors import Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)


def suspend(world: World, value: bool) -> None:
    world.cluster.change_resource(GRAPH, {"spec": {"suspend": value}})


async def test_suspended_renews_nothing_and_tells_when_the_token_expires() -> None:
    """`Ready` stays True while the token works, and turns False at its expiry; no token is asked for."""
    async with World() as world:
        await world.with_token()
        suspend(world, True)
        await world.until(world.is_ready, within=1)
        renewed = world.condition(ConditionType.RENEWAL_SUCCEEDED)
        assert (renewed.status, renewed.reason) == ("Unknown", Reason.SUSPENDED)

        await asyncio.sleep(3590)
        assert world.is_ready()
        await asyncio.sleep(12)

        ready = world.condition(ConditionType.READY)
        assert (ready.status, ready.reason) == ("False", Reason.TOKEN_EXPIRED)
        await asyncio.sleep(24 * 3600)
        assert len(world.provider.requests) == 1
        assert world.api.count("patch", "secrets") == 0


async def test_resumed_renews_at_once_if_it_is_due() -> None:
    """After the suspension an expired token is renewed within a second."""
    async with World() as world:
        await world.with_token()
        suspend(world, True)
        await asyncio.sleep(7200)
        suspend(world, False)

        await world.until(world.is_ready, within=1)

        assert len(world.provider.requests) == 2


async def test_resumed_within_the_window_renews_nothing() -> None:
    """A token that is not yet due outlasts the suspension."""
    async with World() as world:
        await world.with_token()
        renew_at = world.times().renew_at
        suspend(world, True)
        await asyncio.sleep(600)
        suspend(world, False)
        await world.until(world.is_ready, within=1)
        await asyncio.sleep(1800)

        assert world.request_times()[1:] == [renew_at]


async def test_a_renew_request_waits() -> None:
    """A request that comes during the suspension is answered after it."""
    async with World() as world:
        await world.with_token()
        suspend(world, True)
        world.request_renewal("now")
        await asyncio.sleep(600)
        assert len(world.provider.requests) == 1
        assert world.status().last_handled_renew_request is None
        suspend(world, False)

        await world.until(lambda: world.status().last_handled_renew_request == "now", within=1)

        assert world.token() == world.provider.issued[1]


async def test_nothing_is_repaired_moved_or_swept() -> None:
    """An edit stays, a new target is not written, the old one is not deleted: until the resource is resumed."""
    async with World() as world:
        await world.with_token()
        suspend(world, True)
        world.cluster.set_data(TOKEN, {"token": b"edited"})
        await asyncio.sleep(60)
        ready = world.condition(ConditionType.READY)
        assert (ready.status, world.token()) == ("False", "edited")
        world.retarget("second")
        await asyncio.sleep(600)
        assert world.secrets() == {TOKEN.name}
        assert world.condition(ConditionType.READY).status == "False"
        suspend(world, False)

        await world.until(world.is_ready, within=1)

        assert world.secrets() == {"second"}
        assert world.token(Key(NAMESPACE, "second")) == world.provider.issued[-1]


async def test_created_suspended() -> None:
    """A resource that is created suspended says so, and gets its token when it is resumed."""
    async with World() as world:
        world.add_certificate()
        world.add_resource(suspend=True)
        world.start()
        await world.until(lambda: world.status().conditions, within=1)
        assert world.condition(ConditionType.READY).status == "False"
        assert world.condition(ConditionType.GAP_FREE).status == "Unknown"
        await asyncio.sleep(600)
        suspend(world, False)

        await world.until(world.is_ready, within=1)
