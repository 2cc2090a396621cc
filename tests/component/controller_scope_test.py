"""The provider grants less than was asked for: the token is written, and it is said what is missing."""

import asyncio

import pytest

from support.simulators.world import GRAPH, World
from tokensync.errors import Reason
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

SPEC = {
    "provider": {"oidc": {"issuer": "https://login.example.com"}},
    "scopes": ["reports:read", "reports:write"],
}


def told(world: World) -> list[tuple[str, Reason]]:
    """Type and reason of each Event."""
    return [(event.transition.type, event.transition.reason) for event in world.cluster.events.told]


async def test_a_narrowed_token_is_written_and_told_of_once() -> None:
    """Through renewals and restarts, until all is granted."""
    async with World() as world:
        world.provider.scope = "reports:read"
        await world.with_token(**SPEC)
        await asyncio.sleep(2 * 3600)
        calls, before = len(world.api.calls), world.status()
        await world.restart()
        await asyncio.sleep(60)

        assert world.token() == world.provider.issued[-1]
        succeeded = world.condition(ConditionType.RENEWAL_SUCCEEDED)
        assert (succeeded.status, succeeded.reason) == ("True", Reason.SCOPE_NARROWED)
        assert "reports:write" in succeeded.message
        assert world.times().scope == "reports:read"
        assert world.condition(ConditionType.READY).status == "True"
        assert world.status() == before
        assert {call.verb for call in world.api.calls[calls:]} == {"list"}
        assert told(world) == [("Warning", Reason.SCOPE_NARROWED)]

        world.provider.scope = "reports:write reports:read"
        world.request_renewal("now")
        await world.until(lambda: len(told(world)) == 2, within=60)
        assert told(world)[1:] == [("Normal", Reason.RENEWED)]


async def test_another_spec_is_not_judged_by_the_token_before() -> None:
    """What is asked for now was not refused yet."""
    async with World() as world:
        world.provider.scope = "reports:read"
        await world.with_token(provider=SPEC["provider"], scopes=["reports:read"])
        world.provider.scope = ""
        world.provider.latency = 30
        world.cluster.change_resource(GRAPH, {"spec": {"scopes": SPEC["scopes"]}})
        await asyncio.sleep(20)
        assert world.condition(ConditionType.RENEWAL_SUCCEEDED).reason is Reason.RENEWED
        await asyncio.sleep(60)
        assert world.condition(ConditionType.RENEWAL_SUCCEEDED).reason is Reason.RENEWED
        assert told(world) == []
