"""The operator killed at any moment, and started again."""

import asyncio
import base64
from collections.abc import Callable, Coroutine
from typing import NamedTuple

import pytest

from support.simulators.world import GRAPH, NAMESPACE, TOKEN, World
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

Step = Callable[[World], Coroutine[None, None, None]]


class Scenario(NamedTuple):
    """Something that the operator has to do: what comes before, what happens, and the only target in the end."""

    prepare: Step
    act: Step
    target: str = TOKEN.name


async def ready(world: World) -> None:
    await world.with_token()


async def declared(world: World) -> None:
    world.add_certificate()
    world.add_resource()


async def adoptable(world: World) -> None:
    world.add_certificate()
    consent = {"annotations": {"tokensync.dev/adoptable-by": GRAPH.name}}
    world.cluster.add_secret(TOKEN, {"token": b"by hand", "token-type": b"Bearer"}, consent)
    world.add_resource(target={"adopt": True})
    await asyncio.sleep(1)  # the record of who wrote what counts in whole seconds


async def start(world: World) -> None:
    world.start()


async def wait_until_due(world: World) -> None:
    await asyncio.sleep((world.times().renew_at - world.clock.now()).total_seconds())


async def request_renewal(world: World) -> None:
    world.request_renewal("now")


async def retarget(world: World) -> None:
    world.retarget("second")


async def retarget_thrice(world: World) -> None:
    for name in ("second", "third", "fourth"):
        world.retarget(name)
        await asyncio.sleep(0.3)


async def label(world: World) -> None:
    world.cluster.change_resource(GRAPH, {"spec": {"target": {"labels": {"team": "reports"}}}})


async def retain(world: World) -> None:
    world.cluster.change_resource(GRAPH, {"spec": {"target": {"deletionPolicy": "Retain"}}})


async def replace_certificate(world: World) -> None:
    world.replace_certificate()


async def delete_target(world: World) -> None:
    world.cluster.delete_secret(TOKEN)


SCENARIOS = {
    "first token": Scenario(declared, start),
    "renewal": Scenario(ready, wait_until_due),
    "requested renewal": Scenario(ready, request_renewal),
    "retarget": Scenario(ready, retarget, "second"),
    "three targets within a second": Scenario(ready, retarget_thrice, "fourth"),
    "other labels": Scenario(ready, label),
    "other deletion policy": Scenario(ready, retain),
    "certificate replaced": Scenario(ready, replace_certificate),
    "adoption": Scenario(adoptable, start),
    "target deleted": Scenario(ready, delete_target),
}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_crash_at_any_call_costs_only_what_was_not_written(name: str) -> None:
    """Wherever it is killed, before or after a call took effect, all is right after the restart.

    Only a token that was bought and not yet written is bought again.
    """
    scenario = SCENARIOS[name]
    usual_requests, usual_calls = await _undisturbed(scenario)
    assert usual_calls
    for number in range(usual_calls):
        for written in (False, True):
            async with World() as world:
                lost = await _crash(world, scenario, number, written=written)
                world.start()
                await world.until(world.is_ready, within=10)
                await asyncio.sleep(60)

                where = f"crash at {world.api.calls[number]}, {written=}"
                assert world.secrets() == {scenario.target}, where
                assert world.token(Key(NAMESPACE, scenario.target)) == world.provider.issued[-1], where
                assert len(world.provider.requests) <= usual_requests + lost, where
                assert world.condition(ConditionType.RENEWAL_SUCCEEDED).status == "True", where


async def test_a_crash_between_secret_and_status_costs_a_status_write() -> None:
    """What the Secret says is enough: the status is written, and nothing else."""
    async with World() as world:
        world.add_certificate()
        world.add_resource()
        crash_at = world.api.hold("patch", "clientcredentialtokens/status")
        world.start()
        await asyncio.wait_for(crash_at.reached.wait(), timeout=60)
        await world.crash()
        calls = len(world.api.calls)

        world.start()
        await world.until(world.is_ready, within=2)
        await asyncio.sleep(600)

        writes = [call.plural for call in world.api.calls[calls:] if call.verb not in {"get", "list"}]
        assert writes == ["clientcredentialtokens/status"]
        assert len(world.provider.requests) == 1


async def _undisturbed(scenario: Scenario) -> tuple[int, int]:
    """How many token requests and calls it takes when nothing comes between."""
    async with World() as world:
        await scenario.prepare(world)
        calls = len(world.api.calls)
        await scenario.act(world)
        await asyncio.sleep(60)
        assert world.is_ready()
        return len(world.provider.requests), len(world.api.calls) - calls


async def _crash(world: World, scenario: Scenario, number: int, *, written: bool) -> int:
    """Kill the operator at a call; how many tokens had been bought and not stored?"""
    await scenario.prepare(world)
    crash_at = world.api.hold_nth(number, written=written)
    acting = asyncio.create_task(scenario.act(world))
    await asyncio.wait_for(crash_at.reached.wait(), timeout=7200)
    await world.crash()
    await acting
    stored = {
        base64.b64decode(version.body["data"].get("token", "")).decode()
        for version in world.cluster.secret_store.history
        if version.body
    }
    return len(set(world.provider.issued) - stored)
