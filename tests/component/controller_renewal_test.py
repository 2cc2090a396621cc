"""A token's life at the default settings: renewed at the formula's time, at the promised price, never expired."""

import asyncio
import hashlib
from datetime import datetime, timedelta

import pytest

from support.simulators.clock import true_time
from support.simulators.world import GRAPH, TOKEN, World
from tokensync.clock import to_milliseconds
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

A_DAY = 24 * 3600
PROPAGATION, CLOCK_SKEW, RETRY_BUDGET = timedelta(minutes=2), timedelta(minutes=1), timedelta(minutes=20)


def renewal_time(issued_at: datetime, uid: str) -> datetime:
    """The contract's formula at the default settings, for a token of an hour: the sum decides."""
    fraction = int.from_bytes(hashlib.sha256(uid.encode()).digest()[:8]) / 2**64
    latest = issued_at + timedelta(hours=1) - (PROPAGATION + CLOCK_SKEW + RETRY_BUDGET)
    return to_milliseconds(latest - fraction * timedelta(minutes=5))


async def test_an_hours_token_is_renewed_at_the_formulas_time_for_a_day() -> None:
    """Over 24 hours each renewal starts at the millisecond that the formula names for the token before it."""
    async with World() as world:
        await world.with_token()
        uid = world.cluster.resource_store.get(GRAPH)["metadata"]["uid"]

        await asyncio.sleep(A_DAY)

        requests = world.request_times()
        assert len(requests) > 24 * 60 / 37
        assert requests[1:] == [renewal_time(issued_at, uid) for issued_at in requests[:-1]]


async def test_the_secret_never_holds_an_expired_token() -> None:
    """Over 24 hours the token in the Secret always has more life left than a pod needs to see the next one."""
    async with World() as world:
        await world.with_token()

        await asyncio.sleep(A_DAY)

        assert world.worst_remaining_life() > PROPAGATION + CLOCK_SKEW + RETRY_BUDGET - timedelta(seconds=1)
        assert world.condition(ConditionType.GAP_FREE).status == "True"


async def test_a_renewal_costs_one_request_and_two_writes() -> None:
    """After the first token each renewal costs a token request, a Secret write, a status write, and no read at all."""
    async with World() as world:
        await world.with_token()
        requests, calls = len(world.provider.requests), len(world.api.calls)

        await asyncio.sleep(A_DAY)

        renewals = len(world.provider.requests) - requests
        assert renewals > 0
        assert world.api.count("patch", "secrets", since=calls) == renewals
        assert world.api.count("patch", "clientcredentialtokens/status", since=calls) == renewals
        listed = world.api.count("list", since=calls)
        assert len(world.api.calls) - calls == 2 * renewals + listed
        assert listed == 2 * 24


async def test_an_idle_hour_costs_nothing_but_the_lists() -> None:
    """Between two renewals nothing is asked of the API server but the hourly lists."""
    async with World() as world:
        world.provider.lifetime = timedelta(hours=24)
        await world.with_token()
        calls = len(world.api.calls)

        await asyncio.sleep(3 * 3600)

        assert [call.verb for call in world.api.calls[calls:]] == ["list", "list"] * 3


async def test_the_first_token_costs_one_read_and_two_writes() -> None:
    """A new resource costs the read of its credential, a token request, the Secret and one status."""
    async with World() as world:
        await world.with_token()

        assert [(call.verb, call.plural) for call in world.api.calls] == [
            ("list", "secrets"),
            ("get", "secrets"),
            ("create", "secrets"),
            ("patch", "clientcredentialtokens/status"),
        ]
        assert world.token(TOKEN) == world.provider.issued[-1]
        assert true_time() < world.status().token.renew_at
