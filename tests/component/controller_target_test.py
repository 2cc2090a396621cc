"""Whose the target is, where it moves, and what becomes of the ones before."""

import asyncio
import base64

import pytest

from support.simulators.api import always
from support.simulators.store import Json
from support.simulators.world import GRAPH, NAMESPACE, TOKEN, World
from tokensync.errors import ClusterError, Reason
from tokensync.resource import names
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

SHARED = Key(NAMESPACE, "shared")


def metadata(world: World, key: Key = TOKEN) -> Json:
    found: Json = world.secret(key)["metadata"]
    return found


async def test_a_created_target_is_controlled_by_its_resource() -> None:
    """A Secret with the policy `Delete` is owned, so that the garbage collector removes it, and nothing is blocked."""
    async with World() as world:
        await world.with_token()

        (owner,) = metadata(world)["ownerReferences"]

        assert owner["uid"] == world.resource()["metadata"]["uid"]
        assert owner["controller"] is True
        assert "blockOwnerDeletion" not in owner
        assert "finalizers" not in world.resource()["metadata"]


async def test_retarget_writes_the_new_before_it_deletes_the_old() -> None:
    """The token moves with one request; consumers of the old name have it until the new one is there."""
    async with World() as world:
        await world.with_token()
        calls = len(world.api.calls)
        second = world.retarget("second")

        await world.until(world.is_ready, within=2)

        assert world.secrets() == {"second"}
        assert world.token(second) == world.provider.issued[-1]
        assert len(world.provider.requests) == 2
        writes = [(call.verb, call.key.name) for call in world.api.calls[calls:]]
        assert writes == [("create", "second"), ("delete", TOKEN.name), ("patch", GRAPH.name)]


async def test_three_targets_within_a_second_leave_one() -> None:
    """However fast the name changes, also while a token is on its way, one Secret is there in the end."""
    async with World() as world:
        world.provider.latency = 0.4
        await world.with_token()
        for name in ("second", "third", "fourth"):
            await asyncio.sleep(0.3)
            world.retarget(name)

        await world.until(world.is_ready, within=5)
        await asyncio.sleep(60)

        assert world.secrets() == {"fourth"}
        assert world.token(Key(NAMESPACE, "fourth")) == world.provider.issued[-1]


@pytest.mark.parametrize("delay", [0.0, 0.1, 3.0, 30.0])
async def test_three_targets_leave_one_whatever_the_watches_do(delay: float) -> None:
    """The streams of resources and Secrets are not ordered, and answers may come after events: no orphan is left."""
    async with World() as world:
        world.cluster.secret_store.stream.delay = delay
        world.api.answer_latency = 0.05
        await world.with_token()
        for name in ("second", "third", "fourth"):
            world.retarget(name)
            await asyncio.sleep(0.3)

        await world.until(world.is_ready, within=5)
        await asyncio.sleep(120)

        assert world.secrets() == {"fourth"}
        assert world.is_ready()


async def test_back_to_the_first_target() -> None:
    """A target that was left and is wanted again is written again."""
    async with World() as world:
        await world.with_token()
        world.retarget("second")
        await asyncio.sleep(0.1)
        world.retarget(TOKEN.name)

        await world.until(world.is_ready, within=5)
        await asyncio.sleep(60)

        assert world.secrets() == {TOKEN.name}
        assert world.is_ready()


async def test_a_former_target_that_cannot_be_deleted_is_deleted_later() -> None:
    """While the deletion is refused the new target works, and the old one goes when it may."""
    async with World() as world:
        await world.with_token()
        fault = world.api.refuse(always(ClusterError, Reason.FORBIDDEN, "tokensync may not delete secrets"), "delete")
        second = world.retarget("second")
        await world.until(world.is_ready, within=5)
        assert world.condition(ConditionType.RENEWAL_SUCCEEDED).reason is Reason.FORBIDDEN
        fault.lift()

        await world.until(lambda: world.secrets() == {"second"}, within=1000)
        await world.until(lambda: world.condition(ConditionType.RENEWAL_SUCCEEDED).status == "True", within=1)

        assert len(world.provider.requests) == 2
        assert world.token(second) == world.provider.issued[-1]


async def test_an_edited_former_target_is_deleted_all_the_same() -> None:
    """Somebody's edit between our look and our deletion is a conflict: it is looked at again, and deleted."""
    async with World() as world:
        await world.with_token()
        world.cluster.secret_store.stream.delay = 20
        world.cluster.change_secret(TOKEN, {"metadata": {"labels": {"seen": "yes"}}})
        world.retarget("second")

        await world.until(world.is_ready, within=5)

        assert world.secrets() == {"second"}


async def test_a_former_target_that_is_not_ours_any_more_stays() -> None:
    """Who took our controller reference away has taken the Secret."""
    async with World() as world:
        await world.with_token()
        world.cluster.change_secret(TOKEN, {"metadata": {"ownerReferences": None}})
        await asyncio.sleep(0)
        world.retarget("second")

        await world.until(world.is_ready, within=5)
        await asyncio.sleep(60)

        assert "second" in world.secrets()


async def test_the_creator_keeps_a_target_that_two_want() -> None:
    """The other one says so, asks for no token, and writes nothing."""
    async with World() as world:
        await world.with_token(target={"name": SHARED.name})
        other = world.add_resource("other", target={"name": SHARED.name})

        await world.until(lambda: world.status(other).conditions, within=2)
        await asyncio.sleep(4 * 3600)

        assert world.condition(ConditionType.READY, other).reason is Reason.TARGET_CLAIMED
        assert not world.request_times(other)
        assert world.token(SHARED).endswith("-of-graph")


async def test_two_that_start_at_once_do_not_both_write() -> None:
    """Two new resources with one target: one creates it, the other finds it taken and keeps off."""
    async with World() as world:
        world.add_certificate()
        keys = [world.add_resource(name, target={"name": SHARED.name}) for name in ("one", "two")]
        world.start()

        await asyncio.sleep(5)

        assert sorted(world.is_ready(key) for key in keys) == [False, True]
        assert world.api.count("patch", "secrets") == 0
        loser = next(key for key in keys if not world.is_ready(key))
        assert world.condition(ConditionType.READY, loser).reason is Reason.TARGET_CLAIMED


async def test_the_second_takes_over_when_the_first_is_deleted() -> None:
    """Once the garbage collector has removed the first one's Secret the second creates its own."""
    async with World() as world:
        await world.with_token(target={"name": SHARED.name})
        other = world.add_resource("other", target={"name": SHARED.name})
        await world.until(lambda: world.status(other).conditions, within=2)
        world.cluster.delete_resource(GRAPH)

        await world.until(lambda: world.is_ready(other), within=5)

        assert world.token(SHARED).endswith("-of-other")


async def test_the_second_takes_over_when_the_first_moves_away() -> None:
    """Once the first has another target the second creates this one."""
    async with World() as world:
        await world.with_token(target={"name": SHARED.name})
        other = world.add_resource("other", target={"name": SHARED.name})
        await world.until(lambda: world.status(other).conditions, within=2)
        world.retarget("elsewhere")

        await world.until(lambda: world.is_ready(other), within=5)

        assert world.token(SHARED).endswith("-of-other")
        assert world.is_ready(GRAPH)


async def test_a_foreign_secret_is_left_alone() -> None:
    """A Secret that was not made by us is not written, and the message says how it could be."""
    async with World() as world:
        world.add_certificate()
        before = world.cluster.add_secret(TOKEN, {"token": b"by hand"})
        world.add_resource(target={"adopt": True})
        world.start()

        await world.until(lambda: world.status().conditions, within=2)
        await asyncio.sleep(3600)

        ready = world.condition(ConditionType.READY)
        assert ready.reason is Reason.TARGET_NOT_OWNED
        assert f"{names.ADOPTABLE_BY}={GRAPH.name}" in ready.message
        assert world.condition(ConditionType.STALLED).reason is Reason.TARGET_NOT_OWNED
        assert world.cluster.secret_store.get(TOKEN) == before
        assert not world.provider.requests


async def test_consent_starts_the_adoption() -> None:
    """As soon as the Secret carries its owner's consent it is taken over, without an owner reference."""
    async with World() as world:
        world.add_certificate()
        world.cluster.add_secret(TOKEN, {"token": b"by hand", "note": b"mine"})
        world.add_resource(target={"adopt": True})
        world.start()
        await world.until(lambda: world.status().conditions, within=2)
        await asyncio.sleep(5)
        world.cluster.change_secret(TOKEN, {"metadata": {"annotations": {names.ADOPTABLE_BY: GRAPH.name}}})

        await world.until(world.is_ready, within=2)
        await asyncio.sleep(1800)

        assert world.token() == world.provider.issued[-1]
        assert len(world.provider.requests) == 1
        adopted = metadata(world)
        assert "ownerReferences" not in adopted
        assert adopted["annotations"][names.ADOPTED] == "true"
        body = world.secret()
        assert base64.b64decode(body["data"]["note"]) == b"mine"


async def test_an_adopted_secret_is_never_deleted() -> None:
    """Neither another target nor the end of the resource deletes a Secret that was somebody's before."""
    async with World() as world:
        world.add_certificate()
        world.cluster.add_secret(TOKEN, {}, {"annotations": {names.ADOPTABLE_BY: GRAPH.name}})
        world.add_resource(target={"adopt": True})
        world.start()
        await world.until(world.is_ready, within=2)
        world.retarget("second")
        await world.until(world.is_ready, within=2)
        await asyncio.sleep(60)
        assert world.secrets() == {TOKEN.name, "second"}
        world.cluster.delete_resource(GRAPH)

        await asyncio.sleep(60)

        assert world.secrets() == {TOKEN.name}


async def test_a_retained_secret_outlives_its_resource() -> None:
    """With `Retain` the Secret stays, and says who may have it again."""
    async with World() as world:
        await world.with_token(target={"deletionPolicy": "Retain"})
        world.cluster.delete_resource(GRAPH)
        await asyncio.sleep(3600)

        retained = metadata(world)
        assert "ownerReferences" not in retained
        assert retained["annotations"][names.ADOPTABLE_BY] == GRAPH.name
        assert len(world.provider.requests) == 1


async def test_a_recreated_resource_takes_its_retained_secret_back() -> None:
    """With `adopt` a resource of the same name gets the Secret, with a token of its own."""
    async with World() as world:
        await world.with_token(target={"deletionPolicy": "Retain"})
        world.cluster.delete_resource(GRAPH)
        await asyncio.sleep(60)
        world.add_resource(target={"deletionPolicy": "Retain", "adopt": True})

        await world.until(world.is_ready, within=5)

        assert metadata(world)["labels"][names.OWNER_UID_LABEL] == world.resource()["metadata"]["uid"]
        assert world.token() == world.provider.issued[1]


async def test_a_change_of_the_policy_moves_the_owner_reference() -> None:
    """`Retain` takes the owner reference away and `Delete` puts it back, without a token."""
    async with World() as world:
        await world.with_token()
        world.cluster.change_resource(GRAPH, {"spec": {"target": {"deletionPolicy": "Retain"}}})
        await world.until(lambda: "ownerReferences" not in metadata(world), within=2)
        world.cluster.change_resource(GRAPH, {"spec": {"target": {"deletionPolicy": "Delete"}}})

        await world.until(lambda: "ownerReferences" in metadata(world), within=2)
        await world.until(world.is_ready, within=2)

        assert len(world.provider.requests) == 1
        assert names.ADOPTABLE_BY not in metadata(world)["annotations"]


async def test_labels_change_without_a_token() -> None:
    """Labels and annotations of the spec come and go on the Secret; what others put there stays."""
    async with World() as world:
        await world.with_token(target={"labels": {"team": "reports", "tier": "one"}})
        world.cluster.change_secret(TOKEN, {"metadata": {"labels": {"theirs": "yes"}}})
        world.cluster.change_resource(GRAPH, {"spec": {"target": {"labels": {"tier": None, "team": "sales"}}}})

        await world.until(lambda: metadata(world)["labels"].get("team") == "sales", within=2)
        await world.until(world.is_ready, within=2)

        assert metadata(world)["labels"].get("theirs") == "yes"
        assert "tier" not in metadata(world)["labels"]
        assert len(world.provider.requests) == 1


async def test_another_shape_is_a_new_token() -> None:
    """The token is nowhere else, so another `data` asks for one; keys that are not wanted any more go."""
    async with World() as world:
        await world.with_token()
        world.cluster.change_resource(GRAPH, {"spec": {"target": {"data": {"header": "AuthorizationHeader"}}}})

        await world.until(world.is_ready, within=2)

        body = world.secret()
        assert set(body["data"]) == {"header"}
        assert base64.b64decode(body["data"]["header"]).decode() == f"Bearer {world.provider.issued[-1]}"
