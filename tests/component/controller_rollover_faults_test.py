"""In the middle of a rollover: the one that asks for all goes, hangs or is suspended, or another replica takes over."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from support.certificates import ClientCertificate
from support.simulators.api import always
from support.simulators.provider import tenant_of
from support.simulators.switch import Switch
from support.simulators.world import CERTIFICATE, NAMESPACE, World, valid_certificate
from tokensync.errors import ProviderError, Reason
from tokensync.resource.spec import Key

pytestmark = pytest.mark.looptime(noop_cycles=0)

MANY = 30
HANGING = always(ProviderError, Reason.PROVIDER_UNREACHABLE, "no answer within 10 s")


def delete(world: World, key: Key) -> None:
    world.cluster.delete_resource(key)


def suspend(world: World, key: Key) -> None:
    world.cluster.change_resource(key, {"spec": {"suspend": True}})


leaving = pytest.mark.parametrize("leave", [delete, suspend], ids=["deleted", "suspended"])


async def with_followers(world: World) -> list[Key]:
    """Start with resources that share a certificate and no request, all with their tokens."""
    first = world.add_certificate()
    world.provider.known = {first.thumbprint_sha256}
    keys = [world.add_resource(f"graph-{n}", clientId="shared", scopes=[f"{n}"]) for n in range(MANY)]
    world.start()
    await world.until(lambda: all(map(world.is_ready, keys)), within=30)
    return keys


async def all_follow(world: World, keys: list[Key], to: ClientCertificate, *, within: float = 2700) -> None:
    """Until each has asked with the new certificate; none was ever short of life."""

    def offered() -> int:
        return sum(request.fingerprint == to.thumbprint_sha256 for request in world.provider.requests)

    before = offered()
    world.provider.known = {to.thumbprint_sha256}
    await world.until(lambda: offered() - before >= len(keys), within=within)
    lives = [world.worst_remaining_life(Key(NAMESPACE, f"{key.name}-token")) for key in keys]
    assert min(lives) > timedelta(minutes=15)


async def asker_of(world: World, keys: list[Key]) -> Key:
    """The one that found the new certificate refused."""
    await world.until(lambda: any(world.status(key).consecutive_failures for key in keys), within=5)
    return next(key for key in keys if world.status(key).consecutive_failures)


@leaving
async def test_another_asks_in_place_of_one_that_is_gone(leave: Callable[[World, Key], None]) -> None:
    """The one that was refused asks no more: the others do not wait for it."""
    async with World() as world:
        keys = await with_followers(world)
        second = world.replace_certificate()
        asker = await asker_of(world, keys)
        leave(world, asker)
        requests = len(world.provider.requests)
        await asyncio.sleep(300)
        assert 1 <= len(world.provider.requests) - requests <= 5

        await all_follow(world, [key for key in keys if key != asker], second)


@leaving
async def test_one_that_goes_while_it_asks_keeps_nobody_waiting(leave: Callable[[World, Key], None]) -> None:
    """Its request ends all the same, and what came of it is known to the others."""
    async with World() as world:
        await with_followers(world)
        world.provider.latency = 5
        requests = len(world.provider.requests)
        second = valid_certificate()
        world.provider.known = {second.thumbprint_sha256}
        world.cluster.set_data(CERTIFICATE, second.secret_data())
        await world.until(lambda: len(world.provider.requests) > requests, within=1)
        asker = world.provider.requests[requests]
        leave(world, Key(NAMESPACE, f"graph-{asker.spec.scopes[0]}"))

        await asyncio.sleep(1500)

        assert len(world.provider.requests) - requests > MANY / 3
        await world.until(lambda: len(world.provider.requests) - requests >= MANY, within=1200)


async def test_one_that_hangs_costs_the_others_nothing() -> None:
    """The first to ask with a new certificate gets no answer for ten seconds, again and again: the tokens stay, then all follow."""
    async with World() as world:
        keys = await with_followers(world)
        requests = len(world.provider.requests)
        world.provider.latency, world.provider.failure = 10, lambda _: HANGING()
        second = world.replace_certificate()
        await asyncio.sleep(600)
        assert len(world.provider.requests) - requests <= 20
        assert sum(world.status(key).consecutive_failures > 0 for key in keys) <= 20
        assert all(map(world.is_ready, keys))
        world.provider.latency, world.provider.failure = 0.25, lambda _: None

        await all_follow(world, keys, second)


async def test_another_replica_goes_on_with_the_rollover() -> None:
    """It knows nothing of what the provider answered: one asks again, and the others follow."""
    switch = Switch()
    async with World(leadership=switch) as world:
        switch.begin(anew=True)
        keys = await with_followers(world)
        second = world.replace_certificate()
        await asyncio.sleep(900)
        requests = len(world.provider.requests)
        switch.end()
        await asyncio.sleep(30)
        switch.begin(anew=True)
        await asyncio.sleep(5)
        assert 1 <= len(world.provider.requests) - requests <= 3

        await all_follow(world, keys, second)


async def test_each_tenant_is_asked_by_one_of_its_own() -> None:
    """What one tenant knows says nothing of another: where it is registered all follow, elsewhere one goes on asking."""
    async with World() as world:
        first = world.add_certificate()
        world.provider.known = {first.thumbprint_sha256}
        tenants = ("contoso", "fabrikam")
        keys = [
            world.add_resource(f"{tenant}-{n}", tenant=tenant, clientId="shared", scopes=[f"{n}"])
            for tenant in tenants
            for n in range(MANY)
        ]
        world.start()
        await world.until(lambda: all(map(world.is_ready, keys)), within=30)
        world.provider.known = None
        world.provider.failure = lambda spec: (
            ProviderError(Reason.CREDENTIAL_REJECTED, "not registered") if tenant_of(spec) == "fabrikam" else None
        )
        requests = len(world.provider.requests)
        world.replace_certificate()
        await asyncio.sleep(1500)

        asked = [tenant_of(request.spec) for request in world.provider.requests[requests:]]
        assert asked[0] != asked[1]
        assert asked.count("contoso") > MANY / 3
        assert asked.count("fabrikam") <= 8
