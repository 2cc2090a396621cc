"""Two resources swap the names of their targets, at the same moment."""

import pytest

from support.simulators.world import GRAPH, World
from tokensync.resource.spec import Key

pytestmark = pytest.mark.looptime(noop_cycles=0)

OTHER = Key(GRAPH.namespace, "other")


def owner(world: World, secret: str) -> str:
    name: str = world.secret(Key(GRAPH.namespace, secret))["metadata"]["ownerReferences"][0]["name"]
    return name


async def test_swapped_targets_change_hands() -> None:
    """Neither waits for the other for ever: each gives up the name that the other asks for, and has its own soon."""
    async with World() as world:
        await world.with_token()
        world.add_resource(OTHER.name)
        await world.until(lambda: world.is_ready(OTHER), within=5)

        world.retarget("other-token", GRAPH)
        world.retarget("graph-token", OTHER)

        await world.until(lambda: world.is_ready(GRAPH) and world.is_ready(OTHER), within=10)
        await world.until(lambda: world.secrets() == {"graph-token", "other-token"}, within=5)
        assert {name: owner(world, name) for name in world.secrets()} == {
            "other-token": "graph",
            "graph-token": "other",
        }
