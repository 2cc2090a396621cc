"""A thousand resources share a certificate: one asks whether the provider knows the next, and the others follow."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from support.certificates import ClientCertificate
from support.simulators.world import CERTIFICATE, World, valid_certificate
from tokensync.errors import Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

TEAMS = [f"team-{number}" for number in range(20)]
"""Namespaces."""


def put_everywhere(world: World) -> ClientCertificate:
    """Put one certificate into a Secret of each namespace, or in the place of the one that is there."""
    certificate = valid_certificate()
    for namespace in TEAMS:
        key = Key(namespace, CERTIFICATE.name)
        if world.cluster.secret_store.get(key):
            world.cluster.set_data(key, certificate.secret_data())
        else:
            world.cluster.add_secret(key, certificate.secret_data(), secret_type="kubernetes.io/tls")
    return certificate


def offered(world: World, *, since: int) -> list[str]:
    """What was offered, in order."""
    return [request.fingerprint for request in world.provider.requests[since:]]


def worst(world: World, keys: list[Key]) -> timedelta:
    """How much life the token had left that had least."""
    return min(world.worst_remaining_life(Key(key.namespace, f"{key.name}-token")) for key in keys)


async def with_a_thousand(world: World) -> list[Key]:
    """Start with a thousand resources that share a client and a certificate, and no request, a minute after their first token."""
    first = put_everywhere(world)
    world.provider.known = {first.thumbprint_sha256}
    keys = [
        world.add_resource(f"graph-{n}", namespace=TEAMS[n % len(TEAMS)], clientId="shared", scopes=[f"{n}"])
        for n in range(1000)
    ]
    world.start()
    await world.until(lambda: all(map(world.is_ready, keys)), within=120)
    await asyncio.sleep(60)
    return keys


async def test_an_unknown_key_is_found_by_one_of_a_thousand() -> None:
    """A thousand resources share a replaced certificate: while it is refused one asks, then the others follow, spread.

    Each has its own namespace or scope, so that none has another's token. Nobody is without one, and the others say nothing.
    """
    async with World() as world:
        keys = await with_a_thousand(world)
        replaced_at, requests, calls = world.clock.now(), len(world.provider.requests), len(world.api.calls)
        second = put_everywhere(world)
        await asyncio.sleep(600)

        asked = offered(world, since=requests)
        assert set(asked) == {second.thumbprint_sha256}
        assert len(asked) <= 12
        assert world.provider.requests[requests].at - replaced_at < timedelta(seconds=5)
        told = [call for call in world.api.calls[calls:] if call.verb not in ("get", "list")]
        assert len({call.key for call in told}) <= len(asked)

        world.provider.known = {second.thumbprint_sha256}
        requests = len(world.provider.requests)
        await world.until(lambda: len(world.provider.requests) > requests, within=900)
        accepted_at = world.clock.now()
        await asyncio.sleep(60)
        assert len(world.provider.requests) - requests < 200
        await world.until(lambda: len(world.provider.requests) - requests >= 1000, within=2400)

        at = sorted(request.at for request in world.provider.requests[requests:][:1000])
        assert at[500] - accepted_at > timedelta(minutes=4)
        assert max(later - earlier for earlier, later in pairwise(at)) < timedelta(minutes=2)
        assert worst(world, keys[:50]) > timedelta(minutes=15)


async def test_an_hour_of_refusal_costs_few_requests() -> None:
    """A thousand without a previous pair: one asks, also when all are due; who finds it registered at last is in time for all."""
    async with World() as world:
        keys = await with_a_thousand(world)
        requests = len(world.provider.requests)
        second = put_everywhere(world)
        await asyncio.sleep(30 * 60)
        assert len(world.provider.requests) - requests <= 10
        await asyncio.sleep(25 * 60)
        assert len(world.provider.requests) - requests <= 30
        assert {world.condition(ConditionType.STALLED, key).reason for key in keys} == {Reason.CREDENTIAL_REJECTED}
        world.provider.known = {second.thumbprint_sha256}

        await asyncio.sleep(290)

        assert offered(world, since=requests)[-1000:] == [second.thumbprint_sha256] * 1000
        assert worst(world, keys) > timedelta(0)
