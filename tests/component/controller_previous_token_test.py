"""`PreviousAccessToken`: what it costs, how long it stays, and what is never kept."""

import asyncio
import base64
from datetime import datetime, timedelta

import pytest

from support.simulators.api import always
from support.simulators.clock import true_time
from support.simulators.world import GRAPH, TOKEN, World
from tokensync.clock import parse_rfc3339
from tokensync.errors import ClusterError, ProviderError, Reason, TargetError
from tokensync.resource.names import PREVIOUS_EXPIRES_AT
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

SHAPE = {"token": "AccessToken", "before": "PreviousAccessToken"}
A_DAY = 24 * 3600
A_SIXTH_OF_THE_BUDGET = timedelta(minutes=20) / 6


def previous(world: World) -> str:
    """The previous token in the target; empty if there is none."""
    return base64.b64decode(world.secret()["data"]["before"]).decode()


def previous_until(world: World) -> datetime | None:
    """What the target says of it."""
    text = world.secret()["metadata"]["annotations"].get(PREVIOUS_EXPIRES_AT)
    return parse_rfc3339(text) if text else None


async def renewal(world: World) -> None:
    """Let time pass until the next token is there."""
    token = world.token()
    await world.until(lambda: world.token() != token, within=3600)


async def test_previous_token_stays_until_it_expires() -> None:
    """Over a day each token stays beside its successor to the millisecond of its expiry, and no token is lost."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        assert previous(world) == ""
        for number in range(1, 10):
            first, expires_at = world.token(), world.times().expires_at
            await renewal(world)
            assert (previous(world), previous_until(world)) == (first, expires_at)

            await world.until(lambda: not previous(world), within=3600)

            assert timedelta(0) <= true_time() - expires_at < timedelta(seconds=5)
            assert previous_until(world) is None
            assert world.token() == world.provider.issued[number]
            assert world.is_ready()


async def test_previous_token_costs_one_read_and_one_write() -> None:
    """Each renewal costs a read more than others, each expiry a write of the Secret, and neither a status."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        requests, calls = len(world.provider.requests), len(world.api.calls)

        await world.until(lambda: len(world.provider.requests) == requests + 20, within=A_DAY)
        await world.until(lambda: not previous(world), within=3600)

        assert world.api.count("get", "secrets", since=calls) == 20
        assert world.api.count("patch", "secrets", since=calls) == 40
        assert world.api.count("patch", "clientcredentialtokens/status", since=calls) == 20
        assert len(world.api.calls) - calls == 80 + world.api.count("list", since=calls)


async def test_restart_costs_nothing_before_the_time_comes() -> None:
    """A restarted operator lists, sleeps, and drops the token at its expiry, with one write."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        await renewal(world)
        expires_at = previous_until(world)
        assert expires_at
        calls = len(world.api.calls)

        await world.restart()
        await world.until(lambda: not previous(world), within=3600)
        await asyncio.sleep(60)

        assert true_time() - expires_at < timedelta(minutes=2)
        after = [(call.verb, call.plural) for call in world.api.calls[calls:] if call.verb != "list"]
        assert after == [("patch", "secrets")]
        assert len(world.provider.requests) == 2


async def test_restart_after_it_was_dropped_costs_nothing() -> None:
    """The status tells of an older version of the Secret, and who wrote which field tells that nobody edited it."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        await renewal(world)
        await world.until(lambda: not previous(world), within=3600)
        calls = len(world.api.calls)

        await world.restart()
        await asyncio.sleep(60)

        assert {call.verb for call in world.api.calls[calls:]} == {"list"}


async def test_expired_token_is_not_kept() -> None:
    """After an outage longer than its life there is nothing to keep, and nothing to read."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        await world.crash()
        await asyncio.sleep(3700)
        calls = len(world.api.calls)

        world.start()
        await renewal(world)

        assert previous(world) == ""
        assert previous_until(world) is None
        assert [call for call in world.api.calls[calls:] if call.verb == "get" and call.key == TOKEN] == []


async def test_edited_token_is_not_kept() -> None:
    """What somebody else wrote is replaced, and does not live on beside its successor."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})

        world.cluster.set_data(TOKEN, {"token": b"planted"})
        await world.until(lambda: world.token() == world.provider.issued[-1], within=60)

        assert len(world.provider.issued) == 2
        assert previous(world) == ""


async def test_token_of_another_spec_is_not_kept() -> None:
    """Whoever takes a resource to another client does not want the token of the former."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})

        world.cluster.change_resource(GRAPH, {"spec": {"clientId": "other"}})
        await renewal(world)

        assert previous(world) == ""
        assert previous_until(world) is None


async def test_token_of_the_former_certificate_is_kept() -> None:
    """It is as good as its successor: the client is the same."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        first = world.token()

        world.replace_certificate()
        await renewal(world)

        assert previous(world) == first


async def test_clock_that_was_set_back_keeps_nothing() -> None:
    """When the former token expires was worked out by the wrong clock."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        world.clock.step = timedelta(hours=-2)
        await world.until(
            lambda: len(world.provider.issued) == 2 and world.token() == world.provider.issued[1], within=3600
        )
        assert previous(world) == ""


async def test_resource_that_wants_it_later_begins_with_the_next_token() -> None:
    """A new shape costs a token, as any other, and keeps none of another spec."""
    async with World() as world:
        await world.with_token()

        world.cluster.change_resource(GRAPH, {"spec": {"target": {"data": SHAPE}}})
        await renewal(world)
        assert previous(world) == ""
        second = world.token()
        await renewal(world)
        assert previous(world) == second


async def test_secret_that_changed_meanwhile_is_looked_at_anew() -> None:
    """A write of somebody else between the look and the read costs a conflict, and no second token."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        first = world.token()
        world.cluster.secret_store.stream.delay = 30
        await world.until(lambda: true_time() >= world.times().renew_at - timedelta(seconds=5), within=3600)
        world.cluster.change_secret(TOKEN, {"metadata": {"labels": {"team": "reports"}}})
        await renewal(world)

        assert previous(world) == first
        assert len(world.provider.requests) == 2


async def test_secret_that_vanished_meanwhile_is_made_anew() -> None:
    """With the token that was bought for it, and none before that."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        read = world.api.hold("get", key=TOKEN)
        await asyncio.wait_for(read.reached.wait(), 3600)
        world.cluster.delete_secret(TOKEN)
        read.lift()
        await world.until(lambda: world.token() == world.provider.issued[1], within=5)

        assert previous(world) == ""
        assert len(world.provider.requests) == 2


async def test_failed_read_costs_no_second_token() -> None:
    """What was bought is written when the Secret can be read again, and the present token stays meanwhile."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        first = world.token()
        fault = world.api.refuse(always(ClusterError, Reason.CLUSTER_UNAVAILABLE, "gone"), "get", key=TOKEN)
        await world.until(lambda: world.status().consecutive_failures >= 2, within=3600)
        assert world.token() == first

        fault.lift()
        await renewal(world)

        assert previous(world) == first
        assert len(world.provider.requests) == 2


async def test_suspended_resource_keeps_it_longer() -> None:
    """Nothing but the status is written while it is suspended; afterwards the expired token goes."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        await renewal(world)
        expires_at = previous_until(world)
        world.cluster.change_resource(GRAPH, {"spec": {"suspend": True}})
        await world.until(lambda: expires_at and true_time() > expires_at + timedelta(seconds=10), within=3600)
        assert previous(world)
        world.cluster.change_resource(GRAPH, {"spec": {"suspend": False}})
        await world.until(lambda: not previous(world), within=10)
        assert len(world.provider.requests) == 2


async def test_previous_token_goes_though_the_next_is_refused() -> None:
    """Whether this resource has failed or waits for another of its client that did, its key is emptied in time."""
    async with World() as world:
        world.provider.lifetime = timedelta(minutes=10)
        await world.with_token(target={"data": SHAPE}, renewal={"lifetimePercentage": 34})
        other = world.add_resource("other", clientId=GRAPH.name, scopes=["other"])
        await world.until(lambda: world.is_ready(other), within=5)
        await renewal(world)
        second, expires_at, calls = world.token(), previous_until(world), len(world.api.calls)
        assert expires_at
        world.provider.failure = lambda _: ProviderError(Reason.PROVIDER_UNAVAILABLE, "HTTP status 503")

        await world.until(lambda: not previous(world), within=600)

        assert world.condition(ConditionType.RENEWAL_SUCCEEDED).reason is Reason.PROVIDER_UNAVAILABLE
        assert timedelta(0) <= true_time() - expires_at < timedelta(seconds=5)
        assert world.token() == second
        assert [call.verb for call in world.api.calls[calls:] if call.key == TOKEN] == ["patch"]


async def test_refused_drop_delays_no_renewal() -> None:
    """What cannot be taken out is tried again, and the next token is asked for as soon as after any failure."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        await renewal(world)
        refused = always(TargetError, Reason.TARGET_REJECTED, "a policy says no")
        fault = world.api.refuse(refused, "patch", key=TOKEN)
        due = world.times().renew_at
        await world.until(lambda: len(world.provider.requests) == 3, within=3600)
        assert timedelta(0) <= true_time() - due < A_SIXTH_OF_THE_BUDGET
        second = world.token()
        fault.lift()
        await renewal(world)
        assert previous(world) == second


async def test_token_that_expires_while_the_next_is_asked_for_is_not_kept() -> None:
    """A provider that answers late leaves nothing to keep, and nothing to read."""
    async with World() as world:
        world.provider.lifetime = timedelta(seconds=6)
        world.provider.latency = 4
        world.add_certificate()
        world.add_resource(target={"data": SHAPE})
        world.start()
        await world.until(lambda: len(world.provider.issued) == 1, within=10)
        calls = len(world.api.calls)

        await world.until(lambda: len(world.provider.issued) == 2, within=10)
        await asyncio.sleep(1)

        assert previous(world) == ""
        assert previous_until(world) is None
        assert [call for call in world.api.calls[calls:] if call.verb == "get" and call.key == TOKEN] == []


async def test_token_that_expired_while_the_operator_was_down_goes_at_once() -> None:
    """One write after the lists, and nothing else."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        await renewal(world)
        expires_at = previous_until(world)
        assert expires_at
        await world.crash()
        await asyncio.sleep((expires_at - true_time()).total_seconds() + 60)
        assert previous(world)
        calls = len(world.api.calls)

        world.start()
        await world.until(lambda: not previous(world), within=5)
        await asyncio.sleep(60)

        after = [(call.verb, call.plural) for call in world.api.calls[calls:] if call.verb != "list"]
        assert after == [("patch", "secrets")]
        assert len(world.provider.requests) == 2


async def test_crash_before_the_status_loses_nothing() -> None:
    """The Secret says what it holds, until when, and what is its own: a restarted operator keeps it as long."""
    async with World() as world:
        await world.with_token(target={"data": SHAPE})
        first, expires_at = world.token(), world.times().expires_at
        status = world.api.hold("patch", "clientcredentialtokens/status")
        await renewal(world)
        await status.reached.wait()
        await world.crash()
        status.lift()

        world.start()
        await asyncio.sleep(60)
        assert (previous(world), previous_until(world)) == (first, expires_at)
        await world.until(lambda: not previous(world), within=3600)

        assert timedelta(0) <= true_time() - expires_at < timedelta(seconds=5)
        assert len(world.provider.requests) == 2
