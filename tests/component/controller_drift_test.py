"""Somebody else changes the target: what is ours comes back, what is not ours stays, and nobody goes to war."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from support.simulators.store import Json
from support.simulators.world import GRAPH, TOKEN, World
from tokensync.errors import Reason
from tokensync.resource import names
from tokensync.resource.status import ConditionType, TargetStatus

pytestmark = pytest.mark.looptime(noop_cycles=0)


def target(world: World) -> TargetStatus:
    found = world.status().target
    assert found
    return found


def entries(world: World) -> list[Json]:
    found: list[Json] = world.secret()["metadata"]["managedFields"]
    return found


async def test_a_deleted_target_is_restored() -> None:
    """A target that somebody deletes is back, with a new token, within a second."""
    async with World() as world:
        await world.with_token()
        await asyncio.sleep(60)
        world.cluster.delete_secret(TOKEN)

        await world.until(lambda: world.token() == "token-2-of-graph", within=1)
        await world.until(lambda: target(world).uid == world.secret()["metadata"]["uid"], within=1)

        assert len(world.provider.requests) == 2


@pytest.mark.parametrize(
    "patch",
    [
        {"data": {"token": "ZWRpdGVk"}},
        {"data": {"expires-at": None}},
        {"metadata": {"annotations": {names.EXPIRES_AT: "2036-01-01T00:00:00.000Z"}}},
        {"metadata": {"annotations": {names.ISSUED_AT: None}}},
        {"metadata": {"annotations": {names.ACQUIRED_FOR: "v1:x:y"}}},
    ],
    ids=["value", "key", "expiry", "issue", "inputs"],
)
async def test_an_edited_target_is_restored(patch: Json) -> None:
    """A value that somebody replaced or removed is renewed within a second."""
    async with World() as world:
        await world.with_token()
        await asyncio.sleep(60)
        world.cluster.change_secret(TOKEN, patch)

        await world.until(lambda: world.token() == "token-2-of-graph", within=1)
        await asyncio.sleep(600)

        assert len(world.provider.requests) == 2
        assert world.is_ready()
        assert "expires-at" in world.secret()["data"]


async def test_an_edit_while_the_operator_was_down_is_restored() -> None:
    """What was edited meanwhile is seen in the Secret's own record."""
    async with World() as world:
        await world.with_token()
        await world.crash()
        world.cluster.set_data(TOKEN, {"token": b"edited"})
        world.start()

        await world.until(lambda: world.token() == "token-2-of-graph", within=1)


@pytest.mark.parametrize("label", ["team", names.OWNER_UID_LABEL, names.MANAGED_BY_LABEL])
async def test_a_removed_label_of_ours_is_put_back_without_a_token(label: str) -> None:
    """A label of the spec, or one that marks the Secret as ours, comes back, and costs one write."""
    async with World() as world:
        await world.with_token(target={"labels": {"team": "reports"}})
        calls = len(world.api.calls)
        world.cluster.change_secret(TOKEN, {"metadata": {"labels": {label: None}}})

        await world.until(lambda: label in labels(world), within=1)
        await asyncio.sleep(5)

        writes = [call.plural for call in world.api.calls[calls:]]
        assert writes == ["secrets", "clientcredentialtokens/status"]
        assert len(world.provider.requests) == 1


async def test_what_others_add_stays() -> None:
    """Other keys, labels and annotations are not ours to remove, and cost nothing."""
    async with World() as world:
        await world.with_token()
        calls = len(world.api.calls)
        world.cluster.set_data(TOKEN, {"theirs": b"kept"})
        world.cluster.change_secret(TOKEN, {"metadata": {"labels": {"theirs": "kept"}, "annotations": {"a": "b"}}})
        await asyncio.sleep(1800)
        assert len(world.api.calls) == calls
        await asyncio.sleep(1800)

        assert len(world.provider.requests) == 2
        assert world.secret()["data"]["theirs"]
        assert world.secret()["metadata"]["labels"]["theirs"] == "kept"


async def test_a_label_that_comes_and_goes_renews_nothing() -> None:
    """Somebody who labels the Secret again and again moves its version, and nothing else."""
    async with World() as world:
        await world.with_token()
        calls = len(world.api.calls)
        for number in range(30):
            world.cluster.change_secret(TOKEN, {"metadata": {"labels": {"seen": str(number)}}})
            await asyncio.sleep(1)
            world.cluster.change_secret(TOKEN, {"metadata": {"labels": {"seen": None}}})
            await asyncio.sleep(1)

        assert len(world.api.calls) == calls
        assert len(world.provider.requests) == 1


@pytest.mark.parametrize("restart", [False, True])
async def test_a_forced_apply_of_equal_values_renews_nothing(restart: bool) -> None:
    """Who applies what is there already becomes a co-owner for ever: no renewal follows, not even after the next one."""
    async with World() as world:
        await world.with_token()
        body = world.secret()
        applied = {"data": body["data"], "metadata": {"annotations": body["metadata"]["annotations"]}}
        world.cluster.apply_secret(TOKEN, applied, "gitops")
        if restart:
            await world.restart()
        await asyncio.sleep(1800)
        assert len(world.provider.requests) == 1
        await asyncio.sleep(4 * 3600)

        assert len(world.provider.requests) == 1 + int(4.5 * 3600 / (35 * 60 + 55))


@pytest.mark.parametrize("restart", [False, True])
async def test_stripped_records_renew_nothing(restart: bool) -> None:
    """Without `managedFields` nothing can be told, and nothing is done before the token is due."""
    async with World() as world:
        await world.with_token()
        world.cluster.rewrite_secret(TOKEN, [])
        if restart:
            await world.restart()
        await asyncio.sleep(1800)
        assert len(world.provider.requests) == 1
        await asyncio.sleep(4 * 3600)

        assert entries(world) == []
        assert len(world.provider.requests) == 1 + int(4.5 * 3600 / (35 * 60 + 55))


async def test_an_adopted_secret_with_equal_values_is_not_renewed_again() -> None:
    """A value that the Secret had before we adopted it stays its first writer's: that is no edit."""
    async with World() as world:
        world.add_certificate()
        consent = {"annotations": {names.ADOPTABLE_BY: GRAPH.name}}
        world.cluster.add_secret(TOKEN, {"token-type": b"Bearer"}, consent)
        await asyncio.sleep(5)
        world.add_resource(target={"adopt": True})
        world.start()
        await world.until(world.is_ready, within=2)
        await asyncio.sleep(5)
        world.cluster.change_secret(TOKEN, {"metadata": {"labels": {"seen": "yes"}}}, "kubectl-label")
        await asyncio.sleep(60)
        await world.restart()

        await asyncio.sleep(1200)

        assert len(world.provider.requests) == 1


@pytest.mark.parametrize("restart", [False, True])
async def test_all_secrets_replaced_unchanged_renews_nothing(restart: bool) -> None:
    """Who switches encryption at rest on replaces every Secret with itself, some of which somebody had labelled."""
    async with World() as world:
        world.add_certificate()
        keys = [world.add_resource(f"graph-{number}") for number in range(20)]
        world.start()
        await asyncio.sleep(10)
        assert all(map(world.is_ready, keys))
        targets = [key._replace(name=f"{key.name}-token") for key in keys]
        for target in targets[::2]:
            world.cluster.change_secret(target, {"metadata": {"labels": {"seen": "yes"}}})
        if restart:
            await world.crash()
        for target in targets:
            world.cluster.rewrite_secret(target)
        if restart:
            world.start()

        await asyncio.sleep(600)

        assert len(world.provider.requests) == 20


async def test_an_opponent_is_met_with_calm() -> None:
    """Somebody who edits the target for hours is told apart, and met with a few writes an hour."""
    async with World() as world:
        world.api.latency = 0.01
        await world.with_token()
        fighting = asyncio.create_task(_edit_again_and_again(world))
        await asyncio.sleep(3600)
        ready = world.condition(ConditionType.READY)
        assert ready.reason is Reason.TARGET_CONTESTED
        assert world.condition(ConditionType.STALLED).reason is Reason.TARGET_CONTESTED
        requests, writes = len(world.provider.requests), world.api.count("patch")

        await asyncio.sleep(4 * 3600)

        assert (len(world.provider.requests) - requests) / 4 <= 20
        assert (world.api.count("patch") - writes) / 4 <= 60
        fighting.cancel()


async def test_a_contest_ends_when_the_opponent_does() -> None:
    """The last repair stands, and all is well again by itself."""
    async with World() as world:
        await world.with_token()
        fighting = asyncio.create_task(_edit_again_and_again(world))
        await asyncio.sleep(3600)
        fighting.cancel()

        await world.until(world.is_ready, within=601)
        await asyncio.sleep(700)

        assert world.condition(ConditionType.RENEWAL_SUCCEEDED).status == "True"
        assert world.status().condition(ConditionType.STALLED) is None
        world.cluster.delete_secret(TOKEN)
        await world.until(lambda: world.token() == world.provider.issued[-1], within=1)


async def test_a_war_over_a_label_is_met_with_calm() -> None:
    """The same for somebody who takes a label of ours away, which costs no token."""
    async with World() as world:
        world.api.latency = 0.01
        await world.with_token(target={"labels": {"team": "reports"}})
        fighting = asyncio.create_task(
            _edit_again_and_again(world, {"metadata": {"labels": {"team": None}}}, lambda: "team" in labels(world))
        )
        await asyncio.sleep(3600)
        assert world.condition(ConditionType.RENEWAL_SUCCEEDED).reason is Reason.TARGET_CONTESTED
        writes = world.api.count("patch")

        await asyncio.sleep(4 * 3600)

        assert (world.api.count("patch") - writes) / 4 <= 60
        assert len(world.provider.requests) == 1 + 5 * 3600 // (35 * 60 + 55)
        fighting.cancel()


def labels(world: World) -> dict[str, str]:
    found: dict[str, str] = world.secret()["metadata"].get("labels", {})
    return found


async def _edit_again_and_again(world: World, patch: Any = None, is_ours: Any = None) -> None:
    """Whenever the target is as we want it, spoil it within five seconds."""
    patch = patch or {"data": {"token": "ZWRpdGVk"}}
    is_ours = is_ours or (lambda: world.token() != "edited")
    while True:
        await asyncio.sleep(5)
        if is_ours():
            world.cluster.change_secret(TOKEN, patch)


async def test_a_status_that_somebody_edits_is_put_right_at_the_next_look() -> None:
    """What a person writes into the status does not move the renewal."""
    async with World() as world:
        await world.with_token()
        renew_at = world.times().renew_at
        times = {
            "issuedAt": "2020-01-01T00:00:00Z",
            "expiresAt": "2020-01-01T01:00:00Z",
            "renewAt": "2020-01-01T00:40:00Z",
        }
        world.cluster.change_resource(GRAPH, {"status": {"token": times, "conditions": []}})

        await world.until(world.is_ready, within=2)

        assert world.times().renew_at == renew_at
        assert len(world.provider.requests) == 1
        await asyncio.sleep(timedelta(hours=1).total_seconds())
        assert world.request_times()[1] == renew_at
