"""A resource, or its namespace, is being deleted: nothing comes back."""

import asyncio
from datetime import timedelta

import pytest

from support.simulators.world import CERTIFICATE, GRAPH, NAMESPACE, TOKEN, World
from tokensync.errors import ProviderError, Reason
from tokensync.resource.spec import Key

pytestmark = pytest.mark.looptime(noop_cycles=0)


async def test_a_deleted_resource_leaves_nothing() -> None:
    """The garbage collector takes the Secret, and the operator does not put it back."""
    async with World() as world:
        await world.with_token()
        calls = len(world.api.calls)
        world.cluster.delete_resource(GRAPH)

        await asyncio.sleep(7200)

        assert world.secrets() == set()
        assert {call.verb for call in world.api.calls[calls:]} <= {"list"}


async def test_the_collector_is_faster_than_the_watch() -> None:
    """A Secret that vanished before the end of its resource was seen is not restored: one GET shows the reason."""
    async with World() as world:
        await world.with_token()
        calls = len(world.api.calls)
        world.cluster.resource_store.stream.delay = 30
        world.cluster.delete_resource(GRAPH)

        await asyncio.sleep(7200)

        assert world.secrets() == set()
        assert [call.plural for call in world.api.calls[calls:] if call.verb == "get"] == ["clientcredentialtokens"]
        assert len(world.provider.requests) == 1


async def test_a_hundred_deletions_bring_no_secret_back() -> None:
    """A hundred resources deleted at once, with watches of any order, cost neither a token nor a Secret."""
    async with World() as world:
        world.add_certificate()
        keys = [world.add_resource(f"graph-{number}") for number in range(100)]
        world.start()
        await asyncio.sleep(30)
        assert len(world.secrets()) == 100
        requests = len(world.provider.requests)
        world.cluster.resource_store.stream.delay = 3
        for key in keys:
            world.cluster.delete_resource(key)

        await asyncio.sleep(7200)

        assert world.secrets() == set()
        assert len(world.provider.requests) == requests


async def test_deletion_in_the_foreground() -> None:
    """A resource with a deletion timestamp is left alone: its Secret is not restored, and nobody is told."""
    async with World() as world:
        await world.with_token()
        calls = len(world.api.calls)
        world.cluster.mark_resource_deleted(GRAPH)
        world.cluster.delete_secret(TOKEN)

        await asyncio.sleep(3600)

        assert world.secrets() == set()
        assert {call.verb for call in world.api.calls[calls:]} <= {"list"}
        assert len(world.provider.requests) == 1


async def test_deletion_in_the_foreground_seen_late() -> None:
    """Where the Secret's end is seen before the deletion timestamp, the GET shows that."""
    async with World() as world:
        await world.with_token()
        world.cluster.resource_store.stream.delay = 30
        world.cluster.mark_resource_deleted(GRAPH)
        world.cluster.delete_secret(TOKEN)

        await asyncio.sleep(3600)

        assert world.secrets() == set()
        assert len(world.provider.requests) == 1


@pytest.mark.parametrize("first", [False, True])
async def test_deleted_while_its_token_is_on_its_way(first: bool) -> None:
    """A token that arrives after its resource is gone is written nowhere."""
    async with World() as world:
        world.add_certificate()
        world.add_resource()
        world.start()
        if not first:
            await world.until(world.is_ready, within=5)
            world.request_renewal("now")
        world.provider.latency = 5
        await world.until(lambda: len(world.provider.requests) == (1 if first else 2), within=5)
        writes = len(world.api.calls)
        world.cluster.delete_resource(GRAPH)

        await asyncio.sleep(3600)

        assert world.secrets() == set()
        assert {call.verb for call in world.api.calls[writes:]} <= {"list", "get"}


async def test_deleted_and_recreated_while_its_token_is_on_its_way() -> None:
    """The recreated resource starts anew: what was asked for its predecessor is not its own."""
    async with World() as world:
        world.provider.latency = 5
        world.add_certificate()
        world.add_resource()
        world.start()
        await world.until(lambda: world.provider.requests, within=5)
        world.cluster.delete_resource(GRAPH)
        world.add_resource(scopes=["https://vault.azure.net/.default"])

        await world.until(world.is_ready, within=20)

        assert world.token() == world.provider.issued[-1]
        assert world.times().scope == "https://vault.azure.net/.default"


async def test_a_failure_is_not_told_to_a_recreated_resource() -> None:
    """The status of a resource that is gone is not written into its successor."""
    async with World() as world:
        world.provider.latency = 5
        failures = iter([ProviderError(Reason.PROVIDER_UNAVAILABLE, "down"), None])
        world.provider.failure = lambda _: next(failures)
        world.add_certificate()
        world.add_resource()
        world.start()
        await world.until(lambda: world.provider.requests, within=5)
        world.cluster.delete_resource(GRAPH)
        world.add_resource()

        await world.until(world.is_ready, within=20)

        told = [version.body["status"] for version in world.cluster.resource_store.history if version.body]
        assert not any(status.get("consecutiveFailures") for status in told)


async def test_a_deletion_between_status_and_answer_is_not_undone() -> None:
    """The answer to a status write does not bring a resource back that the watch has shown to be gone."""
    async with World() as world:
        world.api.answer_latency = 5
        world.add_certificate()
        world.add_resource(target={"deletionPolicy": "Retain"})
        world.start()
        await world.until(world.is_ready, within=30)
        world.cluster.delete_resource(GRAPH)

        await asyncio.sleep(1800)

        assert world.operator.inventory.resource(GRAPH) is None
        assert len(world.provider.requests) == 1


async def test_a_deletion_between_a_look_and_its_answer_is_not_undone() -> None:
    """Nor does the answer to the GET that follows a conflict."""
    async with World() as world:
        await world.with_token(target={"deletionPolicy": "Retain"})
        world.cluster.secret_store.stream.delay = 60
        world.cluster.change_secret(TOKEN, {"metadata": {"labels": {"seen": "yes"}}})
        world.request_renewal("now")
        look = world.api.hold("get", "clientcredentialtokens", written=True)
        await asyncio.wait_for(look.reached.wait(), timeout=5)
        world.cluster.delete_resource(GRAPH)
        await asyncio.sleep(1)
        look.lift()

        await asyncio.sleep(1800)

        assert world.operator.inventory.resource(GRAPH) is None
        assert world.token() == world.provider.issued[0]


async def test_a_deletion_across_a_broken_watch_is_found() -> None:
    """What was deleted while the watch was cut off is found by the list that follows: nothing is restored."""
    async with World() as world:
        world.add_certificate()
        keys = [world.add_resource(f"graph-{number}") for number in range(100)]
        world.start()
        await asyncio.sleep(30)
        requests = len(world.provider.requests)
        for store in (world.cluster.resource_store, world.cluster.secret_store):
            store.stream.break_off()
        for key in keys[:50]:
            world.cluster.delete_resource(key)
        await asyncio.sleep(30)
        world.operator.watch_anew()

        await asyncio.sleep(10)

        assert len(world.operator.inventory.resources()) == 50
        assert len(world.secrets()) == 50
        await asyncio.sleep(3600)
        assert len(world.secrets()) == 50
        assert len(world.provider.requests) == requests + 50


async def test_a_terminating_namespace_costs_at_most_a_token_for_each_worker() -> None:
    """A hundred resources whose Secrets go with their namespace: the first refusal stops them all."""
    async with World(workers=16) as world:
        world.add_certificate()
        for number in range(100):
            world.add_resource(f"graph-{number}")
        world.add_certificate(namespace="other")
        elsewhere = world.add_resource(namespace="other")
        world.start()
        await asyncio.sleep(30)
        requests = len(world.provider.requests)
        world.cluster.secrets.terminating.add(NAMESPACE)
        for name in sorted(world.secrets()):
            world.cluster.delete_secret(Key(NAMESPACE, name))
        await asyncio.sleep(1200)

        assert world.secrets() == set()
        assert len(world.provider.requests) - requests <= 16
        assert world.is_ready(elsewhere)
        world.request_renewal("now", elsewhere)
        await world.until(lambda: world.status(elsewhere).last_handled_renew_request == "now", within=2)


async def test_a_terminating_namespace_is_told_apart() -> None:
    """A resource that cannot be written because its namespace goes says so, and calls nobody."""
    async with World() as world:
        world.add_certificate()
        world.cluster.secrets.terminating.add(NAMESPACE)
        world.add_resource()
        world.start()

        await world.until(lambda: world.status().conditions, within=2)
        await asyncio.sleep(3600)

        assert {condition.reason for condition in world.status().conditions[:2]} == {Reason.NAMESPACE_TERMINATING}
        assert len(world.status().conditions) == 4
        assert len(world.provider.requests) == 1


async def test_deleted_while_the_operator_was_down() -> None:
    """A resource that was deleted meanwhile leaves nothing behind."""
    async with World() as world:
        await world.with_token()
        await world.crash()
        world.cluster.delete_resource(GRAPH)
        await asyncio.sleep(5)
        world.start()

        await asyncio.sleep(600)

        assert world.secrets() == set()
        assert len(world.provider.requests) == 1


async def test_the_credential_goes_first() -> None:
    """With the namespace's content going in any order, a credential that is gone stops the renewals, not the operator."""
    async with World() as world:
        await world.with_token()
        world.cluster.delete_secret(CERTIFICATE)
        await asyncio.sleep(1)
        world.cluster.delete_secret(TOKEN)
        await asyncio.sleep(60)
        world.cluster.delete_resource(GRAPH)

        await asyncio.sleep(60)

        assert world.secrets() == set()
        assert len(world.provider.requests) == 1


async def test_deletion_at_the_renewal_time() -> None:
    """A resource that goes at the very moment of its renewal leaves nothing, wherever the renewal stood."""
    for offset in (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3):
        async with World() as world:
            world.api.latency = world.api.answer_latency = 0.05
            await world.with_token()
            renew_at = world.times().renew_at
            await asyncio.sleep((renew_at - world.clock.now() + timedelta(seconds=offset)).total_seconds())
            world.cluster.delete_resource(GRAPH)

            await asyncio.sleep(7200)

            assert world.secrets() == set(), offset
            assert len(world.provider.requests) <= 2
