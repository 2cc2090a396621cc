"""What a restart costs, wherever the operator stood when it ended."""

import asyncio

import pytest

from support.simulators.world import GRAPH, World

pytestmark = pytest.mark.looptime(noop_cycles=0)


async def test_restart_with_200_resources_costs_lists_only() -> None:
    """A restart with 200 resources in their window costs no token request, no write and no read by name."""
    async with World() as world:
        world.add_certificate()
        keys = [world.add_resource(f"graph-{number}") for number in range(200)]
        world.start()
        await world.until(lambda: all(map(world.is_ready, keys)), within=60)
        requests, calls = len(world.provider.requests), len(world.api.calls)

        await world.restart()
        await asyncio.sleep(300)

        assert len(world.provider.requests) == requests == 200
        assert {(call.verb, call.plural) for call in world.api.calls[calls:]} == {("list", "secrets")}


async def test_renewals_go_on_after_a_restart() -> None:
    """A restarted operator renews at the time that its predecessor had announced."""
    async with World() as world:
        await world.with_token()
        renew_at = world.times().renew_at

        await world.restart()
        await asyncio.sleep(3600)

        assert world.request_times()[1] == renew_at


async def test_a_wiped_status_costs_one_status_write() -> None:
    """A status that was lost, the operator being there or not, is written anew from what the Secret says."""
    async with World() as world:
        await world.with_token()
        before = world.status()
        for restart in (False, True):
            if restart:
                await world.crash()
            calls = len(world.api.calls)
            world.cluster.resource_store.keep(GRAPH, {**world.resource(), "status": {}})
            if restart:
                world.start()

            await world.until(world.is_ready, within=2)
            await asyncio.sleep(60)

            writes = [call for call in world.api.calls[calls:] if call.verb not in {"get", "list"}]
            assert [call.plural for call in writes] == ["clientcredentialtokens/status"]
            assert len(world.provider.requests) == 1
            assert world.status().token == before.token
            assert world.status().target == before.target


async def test_a_status_of_nonsense_is_written_anew() -> None:
    """A status that nobody can read counts as none."""
    async with World() as world:
        await world.with_token()
        nonsense = {"observedGeneration": "many", "token": {"expiresAt": "soon"}}
        world.cluster.resource_store.keep(GRAPH, {**world.resource(), "status": nonsense})

        await world.until(world.is_ready, within=2)

        assert len(world.provider.requests) == 1
