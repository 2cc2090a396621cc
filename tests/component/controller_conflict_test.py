"""The cluster is not as it was observed: look again at once, a few times, then later."""

import asyncio
from collections.abc import Callable

import pytest

from support.simulators.api import always
from support.simulators.world import GRAPH, TOKEN, World
from tokensync.errors import ClusterError, ConflictError, Reason

pytestmark = pytest.mark.looptime(noop_cycles=0)

CONFLICT = always(ConflictError, "stale")


async def test_a_stale_secret_is_looked_at_again() -> None:
    """A write that meets a newer Secret is done again at once, with the same token."""
    async with World() as world:
        await world.with_token()
        world.cluster.secret_store.stream.delay = 60
        world.cluster.change_secret(TOKEN, {"metadata": {"labels": {"seen": "yes"}}})
        calls = len(world.api.calls)
        world.request_renewal("now")

        await world.until(lambda: world.token() == "token-2-of-graph", within=1)
        await asyncio.sleep(5)

        assert len(world.provider.requests) == 2
        verbs = [(call.verb, call.plural) for call in world.api.calls[calls:]]
        assert verbs.count(("patch", "secrets")) == 2
        assert verbs.count(("get", "secrets")) == 1


async def test_a_stale_resource_is_looked_at_again() -> None:
    """A status write that meets a newer resource is done again at once."""
    async with World() as world:
        await world.with_token()
        world.cluster.resource_store.stream.delay = 60
        world.cluster.change_resource(GRAPH, {"metadata": {"annotations": {"theirs": "yes"}}})
        calls = len(world.api.calls)
        world.cluster.delete_secret(TOKEN)

        await world.until(lambda: world.token() == "token-2-of-graph", within=1)
        await world.until(lambda: world.times().issued_at == world.request_times()[1], within=1)

        assert len(world.provider.requests) == 2
        assert world.api.count("patch", "clientcredentialtokens/status", since=calls) == 2


async def test_an_edit_that_nobody_expected_is_repaired_after_the_conflict() -> None:
    """Somebody who creates a Secret of the target's name before us keeps it."""
    async with World() as world:
        world.provider.latency = 2
        world.add_certificate()
        world.add_resource()
        world.start()
        await asyncio.sleep(1)
        world.cluster.secret_store.stream.delay = 60
        theirs = world.cluster.add_secret(TOKEN, {"token": b"by hand"})

        await world.until(lambda: world.status().conditions, within=5)

        assert world.status().conditions[0].reason is Reason.TARGET_NOT_OWNED
        assert world.cluster.secret_store.get(TOKEN) == theirs


@pytest.mark.parametrize(("verb", "plural"), [("patch", "secrets"), ("patch", "clientcredentialtokens/status")])
async def test_conflicts_are_settled_at_once_five_times_at_most(verb: str, plural: str) -> None:
    """A write that conflicts again and again is tried six times in a row, then after five seconds."""
    async with World() as world:
        await world.with_token()
        calls = len(world.api.calls)
        fault = world.api.refuse(CONFLICT, verb, plural)
        world.request_renewal("now")

        await asyncio.sleep(4)
        assert world.api.count(verb, plural, since=calls) == 6
        await asyncio.sleep(5)
        assert world.api.count(verb, plural, since=calls) == 12
        fault.lift()

        await world.until(lambda: world.status().last_handled_renew_request == "now", within=6)
        assert len(world.provider.requests) == 2
        assert world.token() == world.provider.issued[-1]


async def test_a_conflict_that_cannot_be_looked_at_is_left_for_later() -> None:
    """Without an answer to the look there is no second try at once."""
    async with World() as world:
        await world.with_token()
        conflict = world.api.refuse(CONFLICT, "patch", "secrets")
        away = world.api.refuse(always(ClusterError, Reason.CLUSTER_UNAVAILABLE, "no answer"), "get")
        world.request_renewal("now")
        await asyncio.sleep(4)
        assert world.api.count("patch", "secrets") == 1
        conflict.lift()
        away.lift()

        await world.until(lambda: world.status().last_handled_renew_request == "now", within=6)

        assert len(world.provider.requests) == 2


def _label(world: World) -> None:
    world.cluster.change_resource(GRAPH, {"metadata": {"labels": {"count": str(len(world.api.calls))}}})


def _respec(world: World) -> None:
    world.cluster.change_resource(GRAPH, {"spec": {"target": {"labels": {"count": str(len(world.api.calls))}}}})


@pytest.mark.parametrize("change", [_label, _respec])
async def test_a_resource_that_is_patched_all_the_time_gets_its_token(change: Callable[[World], None]) -> None:
    """Somebody who changes the resource ten times a second while it is reconciled delays nothing for good."""
    async with World() as world:
        world.api.latency = world.api.answer_latency = 0.02
        world.add_certificate()
        world.add_resource()
        world.start()
        for _ in range(100):
            change(world)
            await asyncio.sleep(0.1)

        await world.until(world.is_ready, within=10)

        assert len(world.provider.requests) <= 2
        assert world.token() == world.provider.issued[-1]
