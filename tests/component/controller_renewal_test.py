"""A token's life at the default settings: renewed at the formula's time, at the promised price, never expired."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from support.simulators.clock import true_time
from support.simulators.world import TOKEN, World
from tokensync.clock import to_milliseconds
from tokensync.errors import Reason
from tokensync.resource.status import ConditionType
from tokensync.rotation.schedule import Margins

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
        uid = world.resource()["metadata"]["uid"]

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


@pytest.mark.parametrize("delay", [0, 0.01, 30])
@pytest.mark.parametrize("answer_latency", [0, 0.05])
async def test_a_renewal_costs_one_request_and_two_writes(delay: float, answer_latency: float) -> None:
    """After the first token each renewal costs a token request, a Secret write, a status write, and no read at all.

    That holds whether events come before the answers or long after them.
    """
    async with World() as world:
        await world.with_token()
        world.api.answer_latency = answer_latency
        world.cluster.secret_store.stream.delay = world.cluster.resource_store.stream.delay = delay
        requests, calls = len(world.provider.requests), len(world.api.calls)

        await asyncio.sleep(A_DAY)

        renewals = len(world.provider.requests) - requests
        assert renewals > 0
        assert world.api.count("patch", "secrets", since=calls) == renewals
        assert world.api.count("patch", "clientcredentialtokens/status", since=calls) == renewals
        assert len(world.api.calls) - calls == 2 * renewals + world.api.count("list", since=calls)


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
        assert true_time() < world.times().renew_at


async def test_a_short_token_is_renewed_after_a_third() -> None:
    """Where the sum does not fit, a token is renewed when a third of its life has passed, and the arithmetic is shown."""
    async with World() as world:
        world.provider.lifetime = timedelta(seconds=60)
        world.provider.latency = 0
        await world.with_token()

        await asyncio.sleep(600)

        gaps = {round((later - earlier).total_seconds(), 3) for earlier, later in pairwise(world.request_times())}
        assert gaps == {20}
        gap_free = world.condition(ConditionType.GAP_FREE)
        assert (gap_free.status, gap_free.reason) == ("False", Reason.LIFETIME_TOO_SHORT)
        assert "propagation 2m + clock skew 1m + consumer hold 0s + retry budget 20s = 3m20s" in gap_free.message
        assert world.is_ready()


async def test_a_token_that_hardly_lives_does_not_make_a_loop() -> None:
    """A token of a second is written and said to be too short; the next one is asked for five seconds after it."""
    async with World() as world:
        world.provider.lifetime = timedelta(seconds=1)
        await world.with_token()

        await asyncio.sleep(60)

        gaps = {round((later - earlier).total_seconds(), 3) for earlier, later in pairwise(world.request_times())}
        assert gaps == {5}
        assert world.condition(ConditionType.GAP_FREE).reason is Reason.LIFETIME_TOO_SHORT


async def test_with_small_margins_a_token_of_twenty_seconds_has_no_gap() -> None:
    """Where propagation and clock skew are a second each, the formula decides for short tokens too."""
    async with World(margins=Margins(timedelta(seconds=1), timedelta(seconds=1))) as world:
        world.provider.lifetime = timedelta(seconds=20)
        await world.with_token()

        await asyncio.sleep(3600)

        assert world.condition(ConditionType.GAP_FREE).status == "True"
        assert world.worst_remaining_life() > timedelta(seconds=8)
        assert len(world.provider.requests) > 3600 / 13.4


async def test_the_status_tells_the_scope_that_was_granted() -> None:
    """A provider may grant another scope than was asked for; a restart does not forget it."""
    async with World() as world:
        world.provider.scope = "https://graph.microsoft.com/Mail.Read"
        await world.with_token()
        assert world.times().scope == "https://graph.microsoft.com/Mail.Read"
        await world.restart()
        await asyncio.sleep(60)
        assert world.times().scope == "https://graph.microsoft.com/Mail.Read"
