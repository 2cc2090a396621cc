"""A token that was bought is kept until it is written, and never asked for twice."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from support.simulators.api import always
from support.simulators.world import GRAPH, NAMESPACE, TOKEN, World
from tokensync.errors import ClusterError, Reason, TargetError
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

QUOTA = always(TargetError, Reason.TARGET_REJECTED, "exceeded quota", remedy="change the quota")
AWAY = always(ClusterError, Reason.CLUSTER_UNAVAILABLE, "the Kubernetes API did not answer")


@pytest.mark.parametrize("verb", ["create", "patch"])
@pytest.mark.parametrize(
    ("error", "reason"), [(QUOTA, Reason.TARGET_REJECTED), (AWAY, Reason.CLUSTER_UNAVAILABLE)], ids=["quota", "outage"]
)
async def test_a_write_that_fails_for_ten_minutes_costs_no_second_token(
    verb: str, error: Callable[[], Exception], reason: Reason
) -> None:
    """A first token or a renewed one that cannot be written is written later, and the reason is told meanwhile."""
    async with World() as world:
        if verb == "create":
            world.add_certificate()
            world.add_resource()
            world.start()
        else:
            await world.with_token()
            world.request_renewal("now")
        fault = world.api.refuse(error, verb, "secrets")
        await asyncio.sleep(600)
        bought = len(world.provider.requests)

        assert world.condition(ConditionType.RENEWAL_SUCCEEDED).reason is reason
        assert world.condition(ConditionType.READY).status == ("False" if verb == "create" else "True")
        assert world.status().consecutive_failures > 3

        fault.lift()
        await world.until(lambda: world.status().consecutive_failures == 0, within=301)

        assert len(world.provider.requests) == bought == len(world.provider.issued)
        assert world.token() == world.provider.issued[-1]
        assert world.condition(ConditionType.RENEWAL_SUCCEEDED).status == "True"


@pytest.mark.parametrize("verb", ["create", "patch"])
async def test_an_answer_that_is_lost_costs_no_second_token(verb: str) -> None:
    """Where a write took effect though its answer was lost, the Secret is found, and no token asked for again."""
    async with World() as world:
        world.add_certificate()
        world.add_resource()
        if verb == "patch":
            world.start()
            await world.until(world.is_ready, within=5)
            world.request_renewal("now")
        fault = world.api.refuse(AWAY, verb, "secrets", times=1, written=True)
        if verb == "create":
            world.start()
        await fault.reached.wait()

        await world.until(world.is_ready, within=5)
        await asyncio.sleep(60)

        assert len(world.provider.requests) == (1 if verb == "create" else 2)
        assert world.token() == world.provider.issued[-1]
        assert world.secrets() == {TOKEN.name}
        assert world.status().consecutive_failures == 0


async def test_a_lost_answer_of_a_create_is_found_out_before_its_event() -> None:
    """Where the watch is slow, the second create meets the first one's Secret, and takes it as ours."""
    async with World() as world:
        world.add_certificate()
        world.add_resource()
        world.cluster.secret_store.stream.delay = 30
        world.api.refuse(AWAY, "create", "secrets", times=1, written=True)
        world.start()

        await world.until(world.is_ready, within=45)
        await asyncio.sleep(60)

        assert len(world.provider.requests) == 1
        assert world.token() == world.provider.issued[-1]


async def test_a_token_that_came_due_unwritten_is_not_written() -> None:
    """What could not be written until its own renewal time is replaced by a new one."""
    async with World() as world:
        world.provider.lifetime = timedelta(minutes=10)
        fault = world.api.refuse(QUOTA, "create", "secrets")
        world.add_certificate()
        world.add_resource()
        world.start()
        await asyncio.sleep(15 * 60)
        fault.lift()

        await world.until(world.is_ready, within=301)

        assert len(world.provider.requests) > 1
        assert world.token() == world.provider.issued[-1]
        assert world.times().renew_at > world.clock.now()


async def test_a_token_for_another_spec_is_not_written() -> None:
    """A token that was bought for what nobody wants any more is not written."""
    async with World() as world:
        fault = world.api.refuse(QUOTA, "create", "secrets")
        world.add_certificate()
        world.add_resource()
        world.start()
        await fault.reached.wait()
        world.cluster.change_resource(GRAPH, {"spec": {"clientId": "other"}})
        fault.lift()

        await world.until(world.is_ready, within=5)

        assert world.token().endswith("-of-other")


async def test_a_failed_write_is_for_the_next_target_too() -> None:
    """A token that the first target refused is written into the next one."""
    async with World() as world:
        fault = world.api.refuse(QUOTA, "create", "secrets", key=TOKEN)
        world.add_certificate()
        world.add_resource()
        world.start()
        await fault.reached.wait()
        world.retarget("second")

        await world.until(world.is_ready, within=5)

        assert len(world.provider.requests) == 1
        assert world.token(Key(NAMESPACE, "second")) == world.provider.issued[-1]
