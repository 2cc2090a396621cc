"""A token request that somebody else cuts off, as Kopf does with all that began after it when it ends by itself."""

import asyncio

import pytest

from support.simulators.world import World
from tokensync.resource.spec import Spec

pytestmark = pytest.mark.looptime(noop_cycles=0)


async def test_a_request_that_was_cut_off_costs_no_worker() -> None:
    """The only worker there is asks again."""
    cut_off: list[Spec] = []

    def cut_the_first_off(spec: Spec) -> BaseException | None:
        cut_off.append(spec)
        return asyncio.CancelledError() if len(cut_off) == 1 else None

    async with World(workers=1) as world:
        world.add_certificate()
        world.add_resource()
        world.provider.failure = cut_the_first_off
        world.start()

        await world.until(world.is_ready, within=3)

        assert len(world.provider.requests) == 2


async def test_a_list_that_was_cut_off_is_tried_again() -> None:
    """Nothing is decided before the Secrets are listed, so that must not end with one request."""
    async with World() as world:
        world.add_certificate()
        world.add_resource()
        world.api.refuse(asyncio.CancelledError, "list", "secrets", times=1)
        world.start()

        await world.until(world.is_ready, within=3)


async def test_an_operator_that_ends_waits_for_no_request() -> None:
    """The worker whose task is cancelled ends, request and all."""
    async with World(workers=1) as world:
        world.add_certificate()
        world.add_resource()
        world.provider.latency = 3600
        world.start()
        await world.until(lambda: world.provider.requests, within=3)

        async with asyncio.timeout(1):
            await world.crash()
