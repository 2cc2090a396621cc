"""Files that take long to open delay whoever named them, and nobody else."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.simulators.sealed import add_hostile, add_sealed
from support.simulators.world import World
from tokensync.credentials.opening import MOST_AT_ONCE
from tokensync.errors import Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

PAUSE = 0.02


async def longest_pause(until: asyncio.Event) -> float:
    """The longest time that the event loop needed for something else, in seconds."""
    longest = 0.0
    while not until.is_set():
        before = time.monotonic()
        await asyncio.sleep(PAUSE)
        longest = max(longest, time.monotonic() - before - PAUSE)
    return longest


@pytest.mark.timeout(180)
async def test_the_operator_works_on_while_files_are_opened() -> None:
    """Renewals of others go through, the loop is free, and so are the threads that resolve names."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(4))
    done = asyncio.Event()
    async with World() as world:
        key = await world.with_token()
        hostile = [add_hostile(world, number, namespace=f"team-{number}") for number in range(4)]
        pause = asyncio.create_task(longest_pause(done))
        await world.until(lambda: world.api.count("get", "secrets") == 1 + MOST_AT_ONCE, within=10)
        world.request_renewal("now", key)
        await world.until(lambda: len(world.provider.issued) == 2, within=2)
        async with asyncio.timeout(2):
            await asyncio.to_thread(lambda: None)
        assert not any(refused(world, each) for each in hostile)
        await world.until(lambda: all(refused(world, each) for each in hostile), within=120)
        done.set()

    assert await pause < 1


@pytest.mark.timeout(180)
async def test_a_crowd_of_files_holds_no_worker() -> None:
    """Two hundred of them in one namespace: others are renewed at once, and an encrypted one elsewhere gets its turn."""
    async with World() as world:
        key = await world.with_token()
        crowd = [add_hostile(world, number) for number in range(200)]
        await world.until(lambda: world.api.count("get", "secrets") > 1, within=10)
        world.request_renewal("now", key)
        await world.until(lambda: len(world.provider.issued) == 2, within=2)
        honest = add_sealed(world, "honest", namespace="payroll")
        await world.until(lambda: world.is_ready(honest), within=60)

        assert sum(refused(world, each) for each in crowd) < 50


def refused(world: World, key: Key) -> bool:
    """Whether its credential was found to be unusable."""
    condition = world.status(key).condition(ConditionType.CREDENTIAL_VALID)
    return bool(condition and condition.reason is Reason.CREDENTIAL_MALFORMED)
