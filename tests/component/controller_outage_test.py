"""The provider or the API server is away: what is stored stays good, attempts go on, and recovery needs nobody."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from support.simulators.api import always
from support.simulators.world import GRAPH, TOKEN, World
from tokensync.errors import ClusterError, ProviderError, Reason
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

DOWN = always(ProviderError, Reason.PROVIDER_UNAVAILABLE, "the provider answered with HTTP status 503")
REFUSED = always(ProviderError, Reason.CLIENT_UNKNOWN, "the provider does not know the application")
AWAY = always(ClusterError, Reason.CLUSTER_UNAVAILABLE, "the Kubernetes API did not answer")
BUDGET = timedelta(minutes=20)
REQUEST_TIMEOUT = timedelta(seconds=10)
ROUNDING = timedelta(microseconds=1)
"""The clock's monotonic half never shows the same time twice."""


async def sleep_until(world: World, moment: datetime) -> None:
    await asyncio.sleep((moment - world.clock.now()).total_seconds())


@pytest.mark.parametrize("failure", [DOWN, REFUSED], ids=["unavailable", "refused"])
async def test_attempts_go_on_until_the_expiry(failure: Callable[[], Exception]) -> None:
    """From the renewal time to the expiry attempts are at most a sixth of the budget and a request's timeout apart."""
    async with World() as world:
        await world.with_token()
        world.provider.failure = lambda _: failure()
        world.provider.latency = 10
        token = world.times()

        await sleep_until(world, token.expires_at)

        attempts = [token.renew_at, *world.request_times(since=token.renew_at), token.expires_at]
        assert attempts[1] == token.renew_at
        assert max(later - earlier for earlier, later in pairwise(attempts)) <= BUDGET / 6 + REQUEST_TIMEOUT + ROUNDING
        assert len(attempts) < 60


async def test_ready_stays_true_until_the_token_expires() -> None:
    """While renewals fail the stored token counts; when it expires `Ready` turns False, and the token stays."""
    async with World() as world:
        await world.with_token()
        token, before = world.times(), world.token()
        world.provider.failure = lambda _: DOWN()

        await sleep_until(world, token.expires_at - timedelta(seconds=1))
        ready, renewed = world.condition(ConditionType.READY), world.condition(ConditionType.RENEWAL_SUCCEEDED)
        assert (ready.status, ready.reason) == ("True", Reason.TOKEN_VALID)
        assert (renewed.status, renewed.reason) == ("False", Reason.PROVIDER_UNAVAILABLE)

        await asyncio.sleep(3)
        ready = world.condition(ConditionType.READY)
        assert (ready.status, ready.reason) == ("False", Reason.PROVIDER_UNAVAILABLE)
        assert world.token() == before


async def test_recovery_needs_nobody() -> None:
    """Once the provider is back the next attempt succeeds, and the status says so."""
    async with World() as world:
        await world.with_token()
        world.provider.failure = lambda _: DOWN()
        await asyncio.sleep(2 * 3600)
        world.provider.failure = lambda _: None

        await world.until(world.is_ready, within=301)

        status = world.status()
        assert (status.consecutive_failures, status.next_attempt_time) == (0, None)
        assert world.condition(ConditionType.RENEWAL_SUCCEEDED).status == "True"
        assert world.token() == world.provider.issued[-1]


async def test_failing_after_the_expiry_stays_calm() -> None:
    """A provider that is down for a day is asked every five minutes at most, with a jitter."""
    async with World() as world:
        await world.with_token()
        world.provider.failure = lambda _: DOWN()
        await asyncio.sleep(2 * 3600)
        requests = len(world.provider.requests)

        await asyncio.sleep(10 * 3600)

        hourly = (len(world.provider.requests) - requests) / 10
        assert 12 <= hourly <= 40


async def test_a_refusal_calls_a_person_after_five_minutes() -> None:
    """What a provider refuses may mend itself; after five minutes of the same answer `Stalled` is set."""
    async with World() as world:
        world.provider.failure = lambda _: REFUSED()
        world.add_certificate()
        world.add_resource()
        world.start()
        await asyncio.sleep(4 * 60)
        assert world.status().condition(ConditionType.STALLED) is None

        await asyncio.sleep(62)

        assert world.condition(ConditionType.STALLED).reason is Reason.CLIENT_UNKNOWN


async def test_retry_after_goes_before_the_sixth_of_the_budget() -> None:
    """A provider that asks for ten minutes gets them, also between the renewal time and the expiry."""
    async with World() as world:
        await world.with_token()
        token = world.times()
        world.provider.failure = lambda _: ProviderError(
            Reason.PROVIDER_THROTTLED, "throttled", retry_after=timedelta(minutes=10)
        )

        await sleep_until(world, token.expires_at)

        attempts = world.request_times(since=token.renew_at)
        assert len(attempts) == 3
        assert min(later - earlier for earlier, later in pairwise(attempts)) >= timedelta(minutes=10)


async def test_retry_after_outlives_a_restart() -> None:
    """What the provider asked for is in the status, and a new process keeps to it."""
    async with World() as world:
        world.provider.failure = lambda _: ProviderError(
            Reason.PROVIDER_THROTTLED, "throttled", retry_after=timedelta(minutes=10)
        )
        world.add_certificate()
        world.add_resource()
        world.start()
        await world.until(lambda: world.status().consecutive_failures == 1, within=5)

        await world.restart()
        await world.until(lambda: len(world.provider.requests) == 2, within=700)

        first, second = world.request_times()
        assert second - first >= timedelta(minutes=10)


async def test_a_renew_request_goes_past_our_back_off() -> None:
    """While we wait out a failure a request of a user is tried within two seconds, and echoed."""
    async with World() as world:
        await world.with_token()
        world.provider.failure = lambda _: REFUSED()
        world.request_renewal("first")
        await world.until(lambda: world.status().consecutive_failures == 1, within=2)
        await asyncio.sleep(31)
        world.provider.failure = lambda _: None

        world.request_renewal("second")
        await world.until(lambda: world.status().last_handled_renew_request == "second", within=2)

        assert world.status().consecutive_failures == 0
        assert world.token() == world.provider.issued[-1] != world.provider.issued[0]


async def test_a_renew_request_does_not_go_past_retry_after() -> None:
    """A request of a user waits for what the provider asked for."""
    async with World() as world:
        await world.with_token()
        world.provider.failure = lambda _: ProviderError(
            Reason.PROVIDER_THROTTLED, "throttled", retry_after=timedelta(minutes=10)
        )
        world.request_renewal("first")
        await world.until(lambda: world.status().consecutive_failures == 1, within=2)
        world.provider.failure = lambda _: None
        await asyncio.sleep(60)
        world.request_renewal("second")

        await world.until(lambda: world.status().last_handled_renew_request == "second", within=700)

        _, throttled, last = world.request_times()
        assert last - throttled >= timedelta(minutes=10)


async def test_a_failed_request_is_tried_until_it_works() -> None:
    """A renewal that was asked for and failed is not forgotten, though the stored token would do for long."""
    async with World() as world:
        await world.with_token()
        world.provider.failure = lambda _: DOWN()
        world.request_renewal("now")
        await world.until(lambda: world.status().consecutive_failures == 1, within=2)
        world.provider.failure = lambda _: None

        await world.until(lambda: world.status().consecutive_failures == 0, within=5)

        assert world.token() == world.provider.issued[1]


async def test_requests_within_thirty_seconds_share_one_renewal() -> None:
    """Of requests that follow each other at once the first is answered, and the last of the others 30 s later."""
    async with World() as world:
        await world.with_token()
        for number in range(20):
            world.request_renewal(f"request-{number}")
            await asyncio.sleep(1)

        await world.until(lambda: world.status().last_handled_renew_request == "request-19", within=60)
        await asyncio.sleep(120)

        first, second = world.request_times()[1:]
        assert timedelta(seconds=30) <= second - first <= timedelta(seconds=31)


async def test_an_answered_request_is_not_open_after_a_crash() -> None:
    """The Secret remembers which request its token answers, though the status was never written."""
    async with World() as world:
        await world.with_token()
        crash_at = world.api.hold("patch", "clientcredentialtokens/status")
        world.request_renewal("now")
        await asyncio.wait_for(crash_at.reached.wait(), timeout=5)
        await world.restart()

        await asyncio.sleep(120)

        assert len(world.provider.requests) == 2


async def test_an_outage_of_the_api_server_costs_no_token() -> None:
    """With the API server away over a renewal the token is bought once, and written when it is back."""
    async with World() as world:
        await world.with_token()
        token = world.times()
        await sleep_until(world, token.renew_at - timedelta(seconds=30))
        fault = world.api.refuse(AWAY)
        await asyncio.sleep(600)
        assert len(world.provider.requests) == 2
        fault.lift()

        await world.until(lambda: world.token() == world.provider.issued[-1], within=201)
        await world.until(lambda: world.times().issued_at >= token.renew_at, within=6)

        assert len(world.provider.requests) == 2
        assert world.worst_remaining_life(TOKEN) > timedelta(minutes=3)


async def test_an_outage_at_the_start_is_waited_out() -> None:
    """Before the list of Secrets is complete nothing is decided; once it is, all goes its way."""
    async with World() as world:
        world.add_certificate()
        world.add_resource()
        fault = world.api.refuse(AWAY)
        world.start()
        await asyncio.sleep(120)
        assert not world.provider.requests
        assert world.status().observed_generation == -1
        fault.lift()

        await world.until(world.is_ready, within=11)

        assert len(world.provider.requests) == 1


async def test_a_status_that_cannot_be_written_is_written_later() -> None:
    """A status write that fails costs neither a token request nor a Secret write when it is done again."""
    async with World() as world:
        fault = world.api.refuse(AWAY, "patch", "clientcredentialtokens/status")
        world.add_certificate()
        world.add_resource()
        world.start()
        await asyncio.sleep(60)
        assert world.status(GRAPH).observed_generation == -1
        fault.lift()

        await world.until(world.is_ready, within=6)

        assert len(world.provider.requests) == 1
        assert [call.verb for call in world.api.calls if call.plural == "secrets"] == ["list", "get", "create"]
