"""Resources that would send the same request share one, and its token."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from support.simulators.api import always
from support.simulators.world import CERTIFICATE, NAMESPACE, World
from tokensync.errors import ClusterError, ProviderError, Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

DOWN = always(ProviderError, Reason.PROVIDER_UNAVAILABLE, "the provider answered with HTTP status 503")
AWAY = always(ClusterError, Reason.CLUSTER_UNAVAILABLE, "the Kubernetes API did not answer")
MANY = 200


def add_sharers(world: World, count: int = MANY, *, namespace: str = NAMESPACE, prefix: str = "graph") -> list[Key]:
    """Create resources with the same client, credential and scopes."""
    return [world.add_resource(f"{prefix}-{n}", namespace=namespace, clientId="shared") for n in range(count)]


async def with_sharers(world: World, count: int = MANY) -> list[Key]:
    """Start the operator, and wait until resources that share a client have their tokens."""
    world.add_certificate()
    keys = add_sharers(world, count)
    world.start()
    await world.until(lambda: all(map(world.is_ready, keys)), within=20)
    return keys


def tokens(world: World, keys: list[Key]) -> set[str]:
    """The values that the targets hold."""
    return {world.token(Key(key.namespace, f"{key.name}-token")) for key in keys}


async def test_two_hundred_resources_cost_one_request() -> None:
    """Two hundred that share one client are created together: one request, two writes each, and no status before its token."""
    async with World() as world:
        keys = await with_sharers(world)

        assert len(world.provider.requests) == 1
        assert tokens(world, keys) == {world.provider.issued[0]}
        assert world.api.count("create", "secrets") == MANY
        assert world.api.count("patch", "clientcredentialtokens/status") == MANY


async def test_renewals_that_are_due_together_cost_one_request() -> None:
    """Over three hours the two hundred renew with one request each time, spread by their jitter, and no token gets old."""
    async with World() as world:
        keys = await with_sharers(world)
        first = min(world.times(key).renew_at for key in keys)
        last = max(world.times(key).renew_at for key in keys)
        assert last - first > timedelta(minutes=4)

        await asyncio.sleep(3 * 3600)

        times = [request.at for request in world.provider.requests]
        assert 5 <= len(times) <= 6
        assert min(later - earlier for earlier, later in pairwise(times)) >= timedelta(minutes=20)
        assert min(world.worst_remaining_life(Key(NAMESPACE, f"{key.name}-token")) for key in keys[:20]) > timedelta(
            minutes=20
        )


@pytest.mark.parametrize(
    "other",
    [
        {"scopes": ["https://vault.azure.net/.default"]},
        {"clientId": "another"},
        {"certificate": "other"},
        {"tenant": "fabrikam"},
        {"namespace": "other"},
        {"parameters": {"audience": "https://api.example"}},
        {"credential": {"certificate": {"secretRef": {"name": CERTIFICATE.name}, "sendChain": True}}},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_another_request_is_another_token(other: dict[str, Any]) -> None:
    """What differs in scope, client, credential, tenant, parameters or namespace shares nothing, be the key the same."""
    async with World() as world:
        pair = world.add_certificate().secret_data()
        world.add_certificate("other")
        world.cluster.add_secret(Key("other", CERTIFICATE.name), pair, secret_type="kubernetes.io/tls")
        one = world.add_resource("one", clientId="shared")
        two = world.add_resource("two", **{"clientId": "shared", **other})
        world.start()

        await world.until(lambda: world.is_ready(one) and world.is_ready(two), within=10)

        assert len(world.provider.requests) == 2
        assert len(tokens(world, [one, two])) == 2


async def test_a_token_is_handed_on_for_as_long_as_the_jitter_spreads() -> None:
    """Who comes within five minutes has the token that was bought; who comes later has a new one."""
    async with World() as world:
        first = await world.with_token(clientId="shared")
        await asyncio.sleep(290)
        second = world.add_resource("second", clientId="shared")
        await world.until(lambda: world.is_ready(second), within=1)
        assert len(world.provider.requests) == 1
        assert world.times(second).issued_at == world.times(first).issued_at

        await asyncio.sleep(15)
        third = world.add_resource("third", clientId="shared")
        await world.until(lambda: world.is_ready(third), within=1)

        assert len(world.provider.requests) == 2


async def test_a_token_goes_to_each_once() -> None:
    """Who has had it and needs another asks for that, as after an edit of the target."""
    async with World() as world:
        await world.with_token(clientId="shared")
        world.cluster.set_data(Key(NAMESPACE, "graph-token"), {"token": b"edited"})

        await world.until(lambda: world.token() == world.provider.issued[-1] and world.is_ready(), within=5)

        assert len(world.provider.issued) == 2


async def test_a_renew_request_has_a_token_of_its_own() -> None:
    """No token that was issued before the request answers it."""
    async with World() as world:
        keys = await with_sharers(world, 2)
        await asyncio.sleep(60)
        world.request_renewal("now", keys[0])

        await world.until(lambda: world.status(keys[0]).last_handled_renew_request == "now", within=2)

        assert len(world.provider.issued) == 2
        assert world.token(Key(NAMESPACE, "graph-0-token")) == world.provider.issued[1]
        assert world.token(Key(NAMESPACE, "graph-1-token")) == world.provider.issued[0]


async def test_requests_of_all_at_once_are_answered_by_few() -> None:
    """Two hundred that are annotated together have new tokens from a few requests, each begun after it was asked for."""
    async with World() as world:
        keys = await with_sharers(world)
        await asyncio.sleep(60)
        for key in keys:
            world.request_renewal("now", key)

        await world.until(lambda: all(world.status(key).last_handled_renew_request == "now" for key in keys), within=20)

        assert len(world.provider.requests) <= 3
        assert world.provider.issued[0] not in tokens(world, keys)


async def test_nothing_is_shared_across_a_restart() -> None:
    """The token is in memory only: a new process asks once more for those who come to it."""
    async with World() as world:
        await world.with_token(clientId="shared")
        await world.restart()
        other = world.add_resource("other", clientId="shared")

        await world.until(lambda: world.is_ready(other), within=5)

        assert len(world.provider.requests) == 2
        assert world.times(other).issued_at > world.times().issued_at


async def test_a_shared_token_is_forgotten_after_its_span() -> None:
    """No token stays in memory that nobody will be handed."""
    async with World() as world:
        await world.with_token(clientId="shared")
        shared = world.operator.reconciler._clearance._tokens
        assert shared._tokens
        assert world.provider.issued[0] not in repr(shared._tokens)

        await asyncio.sleep(301)

        assert not shared._tokens


async def test_a_token_that_cannot_be_written_serves_the_others() -> None:
    """Whose write fails keeps it from nobody, and needs no second one."""
    async with World() as world:
        world.add_certificate()
        keys = add_sharers(world, 5)
        fault = world.api.refuse(AWAY, "create", "secrets", key=Key(NAMESPACE, "graph-0-token"))
        world.start()
        await world.until(lambda: all(map(world.is_ready, keys[1:])), within=5)
        fault.lift()

        await world.until(lambda: world.is_ready(keys[0]), within=10)

        assert len(world.provider.requests) == 1


async def test_joiners_hold_no_worker() -> None:
    """While two hundred wait for one slow request, another client's resource has its token as if they were not there."""
    async with World(workers=4) as world:
        world.provider.latency_of["slow"] = 9
        world.add_certificate()
        for number in range(MANY):
            world.add_resource(f"slow-{number}", tenant="slow", clientId="shared")
        world.start()
        await world.until(lambda: world.provider.requests, within=2)
        other = world.add_resource("other", tenant="contoso")

        await world.until(lambda: world.is_ready(other), within=1)

        assert len(world.provider.requests) == 2


async def test_an_outage_of_an_hour_costs_as_many_requests_as_one_resource_would() -> None:
    """Two hundred new resources at a provider that is down: the first asks, then one at a time, ever more slowly; all say why."""
    async with World() as world:
        world.provider.failure = lambda _: DOWN()
        world.add_certificate()
        keys = add_sharers(world)
        world.start()
        await asyncio.sleep(3600)

        assert 10 <= len(world.provider.requests) <= 50
        reasons = {world.condition(ConditionType.READY, key).reason for key in keys}
        assert reasons == {Reason.PROVIDER_UNAVAILABLE}
        world.provider.failure = lambda _: None
        requests = len(world.provider.requests)

        await world.until(lambda: all(map(world.is_ready, keys)), within=301)
        assert len(world.provider.requests) == requests + 1


async def test_a_request_that_is_refused_for_itself_is_not_repeated_by_each() -> None:
    """A scope that nobody grants is asked for by one of those who ask for it; who asks for another is not concerned."""
    async with World() as world:
        world.provider.failure = lambda spec: (
            ProviderError(Reason.SCOPE_REJECTED, "no such scope") if spec.scopes == ("wrong",) else None
        )
        world.add_certificate()
        wrong = [world.add_resource(f"wrong-{n}", clientId="shared", scopes=["wrong"]) for n in range(MANY)]
        right = world.add_resource("right", clientId="shared")
        world.start()
        await world.until(lambda: world.is_ready(right), within=2)
        await asyncio.sleep(3600)

        assert len(world.provider.requests) < 20
        assert {world.condition(ConditionType.STALLED, key).reason for key in wrong} == {Reason.SCOPE_REJECTED}


async def test_the_budget_is_taken_once_for_all_who_share_a_request() -> None:
    """Only what is sent takes a turn."""
    async with World() as world:
        turns: list[str] = []
        world.provider.take_turn = lambda spec: turns.append(spec.client_id) or timedelta(0)  # type: ignore[method-assign,func-returns-value]
        await with_sharers(world)

        assert turns == ["shared"]
