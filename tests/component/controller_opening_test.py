"""Files that take long to open delay whoever named them, and nobody else."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.der import pfx
from support.simulators.world import NAMESPACE, World
from tokensync.errors import Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

FOR_EVER = 2**31 - 1
PAUSE = 0.02


async def longest_pause(until: asyncio.Event) -> float:
    """The longest time that the event loop needed for something else, in seconds."""
    longest = 0.0
    while not until.is_set():
        before = time.monotonic()
        await asyncio.sleep(PAUSE)
        longest = max(longest, time.monotonic() - before - PAUSE)
    return longest


def add_hostile(world: World, number: int) -> Key:
    """A resource whose PKCS #12 file asks for two thousand million iterations."""
    name = f"hostile-{number}"
    world.cluster.add_secret(Key(NAMESPACE, name), {"client.pfx": pfx(FOR_EVER)}, secret_type="Opaque")
    certificate = {"secretRef": {"name": name}, "pkcs12Key": "client.pfx"}
    return world.add_resource(name, credential={"certificate": certificate})


@pytest.mark.timeout(180)
async def test_the_operator_works_on_while_files_are_opened() -> None:
    """Renewals of others go through, the loop is free, and so are the threads that resolve names."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(4))
    done = asyncio.Event()
    async with World() as world:
        key = await world.with_token()
        hostile = [add_hostile(world, number) for number in range(4)]
        pause = asyncio.create_task(longest_pause(done))
        await world.until(lambda: was_read(world, hostile), within=10)
        world.request_renewal("now", key)
        await world.until(lambda: len(world.provider.issued) == 2, within=2)
        async with asyncio.timeout(2):
            await asyncio.to_thread(lambda: None)
        assert not any(refused(world, each) for each in hostile)
        await world.until(lambda: all(refused(world, each) for each in hostile), within=120)
        done.set()

    assert await pause < 1


def was_read(world: World, secrets: list[Key]) -> bool:
    """Whether all of these Secrets are being opened, or wait for that."""
    return {call.key for call in world.api.calls if call.verb == "get" and call.plural == "secrets"} >= set(secrets)


def refused(world: World, key: Key) -> bool:
    """Whether its credential was found to be unusable."""
    condition = world.status(key).condition(ConditionType.CREDENTIAL_VALID)
    return bool(condition and condition.reason is Reason.CREDENTIAL_MALFORMED)
