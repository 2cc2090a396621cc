"""What one request fails of holds back everyone whom it concerns, and nobody else; and lets them go when it is over."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from support.simulators.api import always
from support.simulators.provider import tenant_of
from support.simulators.world import CERTIFICATE, NAMESPACE, World
from tokensync.errors import ProviderError, Reason, TokenSyncError
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

DOWN = always(ProviderError, Reason.PROVIDER_UNAVAILABLE, "the provider answered with HTTP status 503")
UNREACHABLE = always(ProviderError, Reason.PROVIDER_UNREACHABLE, "no answer within 10 s")
REJECTED = always(ProviderError, Reason.CREDENTIAL_REJECTED, "not registered")
TEN_MINUTES = timedelta(minutes=10)
THROTTLED = always(ProviderError, Reason.PROVIDER_THROTTLED, "too many requests", retry_after=TEN_MINUTES)
SIXTH = timedelta(minutes=20) / 6
REQUEST_TIMEOUT = timedelta(seconds=10)


def add_members(world: World, count: int, *, namespaces: int = 1) -> list[Key]:
    """Create resources of one client that share no request, in some namespaces with the same certificate."""
    data = world.add_certificate().secret_data()
    names = [NAMESPACE, *(f"{NAMESPACE}-{number}" for number in range(1, namespaces))]
    for name in names[1:]:
        world.cluster.add_secret(Key(name, CERTIFICATE.name), data, secret_type="kubernetes.io/tls")
    return [
        world.add_resource(f"graph-{n}", namespace=names[n % namespaces], clientId="shared", scopes=[f"scope-{n}"])
        for n in range(count)
    ]


async def all_ready(world: World, keys: list[Key], *, within: float = 30) -> None:
    await world.until(lambda: all(map(world.is_ready, keys)), within=within)


def asked(world: World, client_id: str = "shared", *, since: int = 0) -> int:
    """How many requests a client sent, without the first `since` of all clients."""
    return sum(request.client_id == client_id for request in world.provider.requests[since:])


@pytest.mark.parametrize("failure", [DOWN, REJECTED, THROTTLED], ids=["endpoint", "proof", "host"])
async def test_one_asks_for_all(failure: Callable[[], TokenSyncError]) -> None:
    """Forty new resources of a client in four namespaces: one asks at a time, less and less often, and all say why."""
    async with World() as world:
        world.provider.failure = lambda _: failure()
        keys = add_members(world, 40, namespaces=4)
        world.start()
        await asyncio.sleep(3600)

        assert asked(world) <= 60
        assert {world.condition(ConditionType.READY, key).reason for key in keys} == {failure().reason}


@pytest.mark.parametrize("failure", [DOWN, REJECTED], ids=["endpoint", "proof"])
async def test_all_go_on_when_it_is_over(failure: Callable[[], TokenSyncError]) -> None:
    """The one that asks finds the end of the trouble, and the others follow within seconds."""
    async with World() as world:
        world.provider.failure = lambda _: failure()
        keys = add_members(world, 40, namespaces=4)
        world.start()
        await asyncio.sleep(3600)
        world.provider.failure = lambda _: None
        requests = len(world.provider.requests)
        await world.until(lambda: len(world.provider.requests) > requests, within=900)

        await all_ready(world, keys, within=5)

        assert asked(world, since=requests) == 40


async def test_attempts_of_the_group_count_for_each() -> None:
    """While renewals fail the group asks at most a sixth of the budget apart, and stops at nobody's expiry."""
    async with World() as world:
        keys = add_members(world, 20)
        world.start()
        await all_ready(world, keys)
        begin = min(world.times(key).renew_at for key in keys)
        end = max(world.times(key).expires_at for key in keys)
        world.provider.failure = lambda _: DOWN()
        world.provider.latency = 10
        requests = len(world.provider.requests)

        await asyncio.sleep((end - world.clock.now()).total_seconds())

        times = [begin, *(request.at for request in world.provider.requests[requests:]), end]
        assert times[1] == begin
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert max(gaps) <= SIXTH + REQUEST_TIMEOUT + timedelta(milliseconds=1)
        assert len(times) < 60


async def test_a_retry_after_holds_the_client_in_all_namespaces_and_tenants() -> None:
    """What a host asks of a client it asks of all that client's requests; other clients go on."""
    async with World() as world:
        keys = add_members(world, 8, namespaces=4)
        stranger = world.add_resource("stranger")
        world.provider.failure = lambda spec: THROTTLED() if spec.client_id == "shared" else None
        world.start()
        await world.until(lambda: world.is_ready(stranger), within=2)
        elsewhere = world.add_resource("elsewhere", tenant="fabrikam", clientId="shared")
        await asyncio.sleep(590)
        assert asked(world) == 1
        assert world.condition(ConditionType.READY, elsewhere).reason is Reason.PROVIDER_THROTTLED
        world.provider.failure = lambda _: None

        await all_ready(world, [*keys, elsewhere], within=20)


async def test_a_retry_after_is_kept_for_a_user_as_well() -> None:
    """A renew request goes past what holds us back, not past what the provider asked for: of one it did not ask itself."""
    async with World() as world:
        keys = add_members(world, 2)
        world.start()
        await all_ready(world, keys)
        world.provider.failure = lambda _: THROTTLED()
        world.request_renewal("first", keys[0])
        await asyncio.sleep(40)
        requests = len(world.provider.requests)
        world.request_renewal("second", keys[1])

        await asyncio.sleep(540)

        assert len(world.provider.requests) == requests


async def test_a_renew_request_goes_past_what_others_failed_of() -> None:
    """A user who asks is answered at once, whoever else is refused."""
    async with World() as world:
        keys = add_members(world, 2)
        world.start()
        await all_ready(world, keys)
        world.provider.failure = lambda _: REJECTED()
        world.request_renewal("first", keys[0])
        await world.until(lambda: world.status(keys[0]).consecutive_failures == 1, within=2)
        world.request_renewal("second", keys[1])

        await world.until(lambda: world.status(keys[1]).last_handled_renew_request == "second", within=2)


async def test_who_has_a_token_and_time_says_nothing() -> None:
    """Resources whose tokens are not due learn nothing of an outage: no status, no Event."""
    async with World() as world:
        keys = add_members(world, 20)
        world.start()
        await all_ready(world, keys)
        calls = len(world.api.calls)
        world.provider.failure = lambda _: DOWN()
        world.add_resource("new", clientId="shared", scopes=["new"])

        await asyncio.sleep(1200)

        assert {call.key.name for call in world.api.calls[calls:] if call.verb != "get"} <= {"new"}
        assert all(world.condition(ConditionType.RENEWAL_SUCCEEDED, key).status == "True" for key in keys)


async def test_another_tenant_and_another_key_are_not_concerned() -> None:
    """A tenant that is down, or a key that is refused, keeps nobody else waiting."""
    async with World() as world:
        world.add_certificate()
        bad = world.add_certificate("bad")
        world.provider.failure = lambda spec: DOWN() if tenant_of(spec) == "down" else None
        world.start()
        for number in range(3):
            world.add_resource(f"down-{number}", tenant="down", clientId="shared", scopes=[f"{number}"])
            world.add_resource(f"bad-{number}", certificate="bad", clientId="shared", scopes=[f"{number}"])
        world.provider.known = None
        other = world.add_certificate("good")
        world.provider.known = {other.thumbprint_sha256}
        await asyncio.sleep(300)
        assert bad.thumbprint_sha256 not in world.provider.known
        good = world.add_resource("good", certificate="good", clientId="shared")

        await world.until(lambda: world.is_ready(good), within=1)


@pytest.mark.parametrize(
    "manner", [{"sendChain": True}, {"algorithm": "RS256"}, {"keyId": "wrong"}, {"audience": "Issuer"}]
)
async def test_a_key_that_is_offered_in_another_way_is_not_concerned(manner: dict[str, Any]) -> None:
    """Who offers it in a way that the provider does not take stands for nobody who offers it as it is registered."""
    async with World() as world:
        world.provider.failure = lambda spec: REJECTED() if spec.scopes == ("wrong",) else None
        world.add_certificate()
        reference = {"secretRef": {"name": CERTIFICATE.name}}
        for number in range(3):
            credential = {"certificate": {**reference, **manner}}
            world.add_resource(f"wrong-{number}", clientId="shared", scopes=["wrong"], credential=credential)
        right = world.add_resource("right", clientId="shared")
        world.start()

        await world.until(lambda: world.is_ready(right), within=2)
        await asyncio.sleep(3 * 3600)

        assert world.worst_remaining_life(Key(NAMESPACE, "right-token")) > timedelta(minutes=20)


async def test_a_request_that_always_fails_does_not_hold_the_others_for_ever() -> None:
    """Where an endpoint answers one request with HTTP 500 each time, the others of its client have their tokens in time."""
    async with World() as world:
        keys = add_members(world, 10)
        world.provider.failure = lambda spec: DOWN() if spec.scopes == ("scope-0",) else None
        world.start()
        await all_ready(world, keys[1:], within=30)

        await asyncio.sleep(6 * 3600)

        assert all(map(world.is_ready, keys[1:]))
        lives = [world.worst_remaining_life(Key(NAMESPACE, f"{key.name}-token")) for key in keys[1:]]
        assert min(lives) > timedelta(minutes=15)
        assert sum(request.proof is not None for request in world.provider.requests) < 9 * 11 + 6 * 60


async def test_resources_without_end_whose_requests_fail_hold_up_nobody() -> None:
    """Each new one, and each renew request, is tried at once; none puts off the turn of those who are due."""
    async with World() as world:
        keys = add_members(world, 5)
        world.provider.failure = lambda spec: DOWN() if spec.scopes == ("failing",) else None
        world.start()
        await all_ready(world, keys)
        requested = world.add_resource("requested", clientId="shared", scopes=["failing"])
        for number in range(240):
            world.add_resource(f"failing-{number}", clientId="shared", scopes=["failing"])
            world.request_renewal(str(number), requested)
            await asyncio.sleep(30)

        lives = [world.worst_remaining_life(Key(NAMESPACE, f"{key.name}-token")) for key in keys]
        assert min(lives) > timedelta(minutes=15)


async def test_a_resource_that_is_created_later_is_tried_at_once() -> None:
    """Somebody who creates a resource does not wait for the end of others' back-off."""
    async with World() as world:
        world.provider.failure = lambda _: REJECTED()
        add_members(world, 5)
        world.start()
        await asyncio.sleep(3600)
        world.provider.failure = lambda _: None
        new = world.add_resource("new", clientId="shared")

        await world.until(lambda: world.is_ready(new), within=2)


async def test_a_restart_in_the_middle_of_an_outage_starts_no_run_on_the_provider() -> None:
    """After a restart one asks, and the others wait again for what it learns."""
    async with World() as world:
        keys = add_members(world, 100)
        world.start()
        await all_ready(world, keys)
        world.provider.failure = lambda _: REJECTED()
        await asyncio.sleep(2 * 3600)
        requests = len(world.provider.requests)

        await world.restart()
        await asyncio.sleep(300)

        assert 1 <= len(world.provider.requests) - requests <= 20
        stalled = [world.status(key).condition(ConditionType.STALLED) for key in keys]
        assert all(stalled)


async def renewals(*, hanging: int) -> list[tuple[str, float]]:
    """When twenty resources had each of their tokens in three hours, beside so many of the same client whose tenant hangs."""
    async with World(workers=40) as world:
        started = world.clock.now()
        world.add_certificate()
        others = [world.add_resource(f"other-{n}", clientId="shared", scopes=[f"{n}"]) for n in range(20)]
        world.provider.latency_of["hanging"] = 10
        world.provider.failure = lambda spec: UNREACHABLE() if tenant_of(spec) == "hanging" else None
        for n in range(hanging):
            world.add_resource(f"hanging-{n}", tenant="hanging", clientId="shared", scopes=[f"{n}"])
        world.start()
        await all_ready(world, others)
        await asyncio.sleep(3 * 3600)
        assert (sum(tenant_of(request.spec) == "hanging" for request in world.provider.requests) > 20) == bool(hanging)
        history = world.cluster.secret_store.history
        written = [(version.key.name, round((version.at - started).total_seconds(), 3)) for version in history]
        return sorted((name, at) for name, at in written if name.startswith("other-"))


@pytest.mark.parametrize("hanging", [1, 100])
async def test_a_hanging_tenant_changes_no_lag_of_the_others(hanging: int) -> None:
    """The same run with and without resources whose tenant never answers: the others renew at the same moments."""
    alone = await renewals(hanging=0)
    assert len(alone) >= 20 * 5

    assert await renewals(hanging=hanging) == alone
