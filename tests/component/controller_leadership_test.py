"""A controller works while it leads, and is warm while it does not."""

import asyncio
from datetime import timedelta

import pytest

from support.simulators.api import always
from support.simulators.switch import Switch
from support.simulators.world import World
from tokensync.errors import ClusterError, Reason

pytestmark = pytest.mark.looptime(noop_cycles=0)

AWAY = always(ClusterError, Reason.CLUSTER_UNAVAILABLE, "the Kubernetes API did not answer")


async def test_a_standby_asks_for_nothing_and_writes_nothing() -> None:
    """Whatever happens, and for how long."""
    switch = Switch()
    async with World(leadership=switch) as world:
        world.add_certificate()
        world.add_resource()
        world.start()
        await asyncio.sleep(3600)
        world.request_renewal("now")
        world.retarget("other")
        await asyncio.sleep(3600)

        assert world.provider.requests == []
        assert world.secrets() == set()


async def test_a_standby_that_begins_knows_everything() -> None:
    """It has watched, so the first token comes as fast as if it had worked all the time."""
    switch = Switch()
    async with World(leadership=switch) as world:
        world.add_certificate()
        world.add_resource()
        world.start()
        await asyncio.sleep(60)

        switch.begin(anew=True)
        await world.until(world.is_ready, within=1)


async def test_a_leader_that_stops_renews_nothing_until_it_begins_again() -> None:
    """What came to be due meanwhile is caught up with, once."""
    switch = Switch()
    async with World(leadership=switch) as world:
        world.provider.lifetime = timedelta(hours=1)
        switch.begin(anew=True)
        await world.with_token()
        switch.end()
        await asyncio.sleep(2 * 3600)
        assert len(world.provider.requests) == 1

        switch.begin(anew=True)
        await world.until(lambda: world.times().expires_at > world.clock.now(), within=1)

        assert len(world.provider.requests) == 2


@pytest.mark.parametrize(("anew", "requests"), [(False, 1), (True, 2)], ids=["resumed", "after another"])
async def test_a_bought_token_is_kept_only_where_nobody_else_can_have_worked(anew: bool, requests: int) -> None:
    """An outage that costs the Lease costs no second token; where another replica worked, what is remembered is void."""
    switch = Switch()
    async with World(leadership=switch) as world:
        fault = world.api.refuse(AWAY, "create", "secrets")
        world.add_certificate()
        world.add_resource()
        switch.begin(anew=True)
        world.start()
        await fault.reached.wait()
        switch.end()
        await asyncio.sleep(60)
        fault.lift()

        switch.begin(anew=anew)
        await world.until(world.is_ready, within=400)

        assert len(world.provider.requests) == requests
