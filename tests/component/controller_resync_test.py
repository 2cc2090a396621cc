"""Lists of our own: the first one, the hourly ones, and those that follow a broken watch."""

import asyncio

import pytest
from structlog.testing import capture_logs

from support.simulators.api import always
from support.simulators.world import GRAPH, NAMESPACE, TOKEN, World
from tokensync.errors import ClusterError, Reason
from tokensync.resource.spec import Key

pytestmark = pytest.mark.looptime(noop_cycles=0)

AWAY = always(ClusterError, Reason.CLUSTER_UNAVAILABLE, "the Kubernetes API did not answer")


async def test_nothing_is_decided_before_all_secrets_are_listed() -> None:
    """A target that the first list has not shown yet is not taken for missing."""
    async with World() as world:
        await world.with_token()
        await world.crash()
        for number in range(300):
            world.cluster.add_secret(Key(NAMESPACE, f"a-{number}"), {})
        world.cluster.secret_store.stream.delay = 60
        world.api.latency = 1
        world.start()

        await asyncio.sleep(600)

        assert len(world.provider.requests) == 1
        assert world.api.count("create", "secrets") == 1


async def test_the_list_comes_every_hour() -> None:
    """Secrets and resources are listed once an hour."""
    async with World() as world:
        world.start()
        await asyncio.sleep(4 * 3600 + 10)

        assert [call.at.hour for call in world.api.calls if call.plural == "secrets"] == [12, 13, 14, 15, 16]
        assert [call.at.hour for call in world.api.calls if call.plural != "secrets"] == [13, 14, 15, 16]


async def test_a_missed_deletion_of_a_target_is_found_within_the_hour() -> None:
    """A target whose deletion no event told of is restored after the next list."""
    async with World() as world:
        await world.with_token()
        world.cluster.secret_store.stream.break_off()
        world.cluster.delete_secret(TOKEN)
        world.cluster.secret_store.stream.repair([])

        await world.until(lambda: world.token() == world.provider.issued[-1], within=3601)


async def test_a_missed_deletion_of_a_resource_is_found_within_the_hour() -> None:
    """A resource whose deletion no event told of is forgotten after the next list."""
    async with World() as world:
        await world.with_token(target={"deletionPolicy": "Retain"})
        world.provider.lifetime *= 24
        world.request_renewal("now")
        await asyncio.sleep(5)
        world.cluster.resource_store.stream.break_off()
        world.cluster.delete_resource(GRAPH)
        world.cluster.resource_store.stream.repair([])

        await world.until(lambda: world.operator.inventory.resource(GRAPH) is None, within=3601)
        await asyncio.sleep(48 * 3600)

        assert len(world.provider.requests) == 2


async def test_missed_changes_are_found_within_the_hour() -> None:
    """A spec and a Secret that changed while the watch was deaf are acted on after the next list."""
    async with World() as world:
        await world.with_token()
        for store in (world.cluster.resource_store, world.cluster.secret_store):
            store.stream.break_off()
        certificate = world.replace_certificate()
        world.cluster.change_resource(GRAPH, {"spec": {"scopes": ["https://vault.azure.net/.default"]}})
        for store in (world.cluster.resource_store, world.cluster.secret_store):
            store.stream.repair([])

        await asyncio.sleep(3601)

        assert world.times().scope == "https://vault.azure.net/.default"
        assert world.provider.requests[-1].fingerprint == certificate.thumbprint_sha256
        assert world.is_ready()


async def test_a_list_of_the_watch_is_followed_by_one_of_ours() -> None:
    """A watch that lists anew may have missed deletions: both kinds are compared a second later, once."""
    async with World() as world:
        await world.with_token()
        calls = len(world.api.calls)
        world.operator.watch_anew()

        await asyncio.sleep(60)

        assert [(call.verb, call.plural) for call in world.api.calls[calls:]] == [
            ("list", "secrets"),
            ("list", "clientcredentialtokens"),
        ]


async def test_a_list_that_fails_is_tried_until_it_works() -> None:
    """Twice a second at first, then every ten seconds."""
    async with World() as world:
        fault = world.api.refuse(AWAY, "list")
        world.add_certificate()
        world.add_resource()
        world.start()
        await asyncio.sleep(600)
        assert 60 <= world.api.count("list") <= 70
        fault.lift()

        await world.until(world.is_ready, within=11)


async def test_a_secret_written_during_a_list_is_not_taken_for_gone() -> None:
    """What is newer than the list is not missing from it."""
    async with World() as world:
        world.add_certificate()
        world.start()
        await asyncio.sleep(5)
        page = world.api.hold("list", "secrets", written=True)
        world.operator.watch_anew()
        await asyncio.wait_for(page.reached.wait(), timeout=5)
        world.add_resource()
        await world.until(world.is_ready, within=5)
        page.lift()

        await asyncio.sleep(600)

        assert len(world.provider.requests) == 1


async def test_what_was_deleted_during_a_list_does_not_come_back() -> None:
    """A page that is older than a deletion does not undo it, neither for a Secret nor for a resource."""
    async with World() as world:
        await world.with_token(target={"deletionPolicy": "Retain"})
        theirs = Key(NAMESPACE, "theirs")
        world.cluster.add_secret(theirs, {})
        pages = [world.api.hold("list", kind, written=True) for kind in ("secrets", "clientcredentialtokens")]
        world.operator.watch_anew()
        await asyncio.wait_for(pages[0].reached.wait(), timeout=5)
        world.cluster.delete_secret(theirs)
        await asyncio.sleep(1)
        pages[0].lift()
        await asyncio.wait_for(pages[1].reached.wait(), timeout=5)
        world.cluster.delete_resource(GRAPH)
        await asyncio.sleep(1)
        pages[1].lift()
        await asyncio.sleep(5)

        assert world.operator.inventory.secret(theirs) is None
        assert world.operator.inventory.resource(GRAPH) is None


async def test_a_list_that_nobody_can_read_ends_nothing() -> None:
    """An unexpected answer to a list is logged without its content, and asked for again."""
    async with World() as world:
        await world.with_token()
        fault = world.api.refuse(always(KeyError, "canary"), "list", times=3)
        world.operator.watch_anew()
        with capture_logs() as logs:
            await fault.reached.wait()
            await asyncio.sleep(60)

        assert fault.times == 0
        assert "canary" not in str(logs)
        world.cluster.delete_secret(TOKEN)
        await world.until(world.token, within=2)
