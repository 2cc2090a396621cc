"""Events: one for each transition, none for what goes on, and nothing waits for them."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from support.simulators.api import always
from support.simulators.clock import START, LoopClock
from support.simulators.cluster import SimulatedCluster
from support.simulators.world import CERTIFICATE, GRAPH, World
from tokensync.controller.announcer import AGAIN_AFTER, LONGEST_QUEUE, Announcer
from tokensync.controller.inventory import Record
from tokensync.errors import ClusterError, NotLeadingError, ProviderError, Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import Condition, ConditionType, Status

pytestmark = pytest.mark.looptime(noop_cycles=0)

DOWN = always(ProviderError, Reason.PROVIDER_UNAVAILABLE, "the provider answered with HTTP status 503")
THROTTLED = always(ProviderError, Reason.PROVIDER_THROTTLED, "too many requests")
FORBIDDEN = always(ClusterError, Reason.FORBIDDEN, "tokensync may not create events", remedy="grant it")
MINUTE = timedelta(minutes=1)


FAILING = Status(
    conditions=(
        Condition(
            type=ConditionType.RENEWAL_SUCCEEDED,
            status="False",
            reason=Reason.PROVIDER_UNAVAILABLE,
            message="503",
            observed_generation=1,
            last_transition_time=START,
        ),
    )
)


def told(world: World) -> list[tuple[str, Reason]]:
    """Type and reason of each Event."""
    return [(event.transition.type, event.transition.reason) for event in world.cluster.events.told]


async def try_renewal(world: World, *, fails: bool) -> None:
    """Ask for a renewal that fails or not, and wait until the status tells of it."""
    world.provider.failure = lambda _: DOWN() if fails else None
    world.request_renewal(f"{world.clock.now().timestamp()}")
    await world.until(lambda: (world.status().consecutive_failures > 0) is fails, within=120)


async def test_a_first_token_and_renewals_make_none() -> None:
    """Nor does a restart."""
    async with World() as world:
        await world.with_token()
        await asyncio.sleep(24 * 3600)
        await world.restart()
        await asyncio.sleep(3600)

        assert len(world.provider.issued) > 24
        assert told(world) == []


async def test_an_outage_makes_three() -> None:
    """Renewals begin to fail, the token expires, there is one again: nothing for all the attempts in between."""
    async with World() as world:
        await world.with_token()
        times = world.times()
        world.provider.failure = lambda _: DOWN()
        await asyncio.sleep(6 * 3600)
        world.provider.failure = lambda _: None
        await world.until(world.is_ready, within=301)
        await asyncio.sleep(6 * 3600)

        assert told(world) == [
            ("Warning", Reason.PROVIDER_UNAVAILABLE),
            ("Warning", Reason.TOKEN_EXPIRED),
            ("Normal", Reason.TOKEN_VALID),
        ]
        began, expired, ended = world.cluster.events.told
        assert timedelta(0) <= began.at - times.renew_at < MINUTE
        assert timedelta(0) <= expired.at - times.expires_at < MINUTE
        assert began.key == GRAPH
        assert ended.uid == world.resource()["metadata"]["uid"]
        assert (
            int(began.resource_version)
            < int(ended.resource_version)
            < int(world.resource()["metadata"]["resourceVersion"])
        )


async def test_a_restart_in_an_outage_makes_none() -> None:
    """What was so before is so still."""
    async with World() as world:
        await world.with_token()
        world.provider.failure = lambda _: DOWN()
        await asyncio.sleep(3000)
        before = told(world)

        await world.restart()
        await asyncio.sleep(300)

        assert before == told(world) == [("Warning", Reason.PROVIDER_UNAVAILABLE)]


async def test_a_provider_that_flaps_is_told_of_now_and_then() -> None:
    """A failure that returns within ten minutes is held back, and so is its end; later it is told of again."""
    async with World() as world:
        await world.with_token()
        began = asyncio.get_running_loop().time()
        for _ in range(4):
            await try_renewal(world, fails=True)
            await try_renewal(world, fails=False)
        assert asyncio.get_running_loop().time() - began < AGAIN_AFTER
        once = [("Warning", Reason.PROVIDER_UNAVAILABLE), ("Normal", Reason.RENEWED)]
        assert told(world) == once

        await asyncio.sleep(AGAIN_AFTER)
        await try_renewal(world, fails=True)
        await try_renewal(world, fails=False)

        assert told(world) == 2 * once


async def test_a_failure_that_was_held_back_and_lasts_is_told_of() -> None:
    """The last Event never says that all is well while it is not."""
    async with World() as world:
        await world.with_token()
        for fails in (True, False, True):
            await try_renewal(world, fails=fails)
        once = [("Warning", Reason.PROVIDER_UNAVAILABLE), ("Normal", Reason.RENEWED)]
        assert told(world) == once

        await asyncio.sleep(2 * AGAIN_AFTER)

        assert told(world) == [*once, ("Warning", Reason.PROVIDER_UNAVAILABLE)]


async def test_another_reason_is_told_of_at_once() -> None:
    """What is held back is the repetition, for one resource."""
    async with World() as world:
        await world.with_token()
        await try_renewal(world, fails=True)
        world.provider.failure = lambda _: THROTTLED()
        world.request_renewal("again")
        await world.until(lambda: len(told(world)) == 2, within=120)

        assert told(world) == [("Warning", Reason.PROVIDER_UNAVAILABLE), ("Warning", Reason.PROVIDER_THROTTLED)]


async def test_what_was_held_back_is_forgotten_with_all_else() -> None:
    """Where another replica may have worked meanwhile, it may have told of it."""
    async with World() as world:
        await world.with_token()
        for fails in (True, False, True):
            await try_renewal(world, fails=fails)
        world.operator.reconciler.forget()
        await asyncio.sleep(2 * AGAIN_AFTER)

        assert told(world) == [("Warning", Reason.PROVIDER_UNAVAILABLE), ("Normal", Reason.RENEWED)]


@pytest.mark.parametrize(
    ("error", "level"), [(FORBIDDEN, "warning"), (NotLeadingError, "debug"), (RuntimeError, "warning")]
)
async def test_an_event_that_cannot_be_written_changes_nothing(error: Callable[[], Exception], level: str) -> None:
    """It is one line in the log; the status is written, and the next Event is tried."""
    async with World() as world:
        await world.with_token()
        refused = world.api.refuse(error, "create", "events")
        with capture_logs() as lines:
            await try_renewal(world, fails=True)
            await world.until(refused.reached.is_set, within=1)
            await asyncio.sleep(1)
        complaints = [line for line in lines if line["event"] == "event not written"]
        assert [(line["log_level"], line["reason"]) for line in complaints] == [(level, "ProviderUnavailable")]
        assert told(world) == []

        refused.lift()
        await try_renewal(world, fails=False)
        await world.until(lambda: told(world) == [("Normal", Reason.RENEWED)], within=5)


async def test_nothing_waits_for_an_event() -> None:
    """While one hangs, all else goes on."""
    async with World() as world:
        world.add_certificate()
        for number in range(50):
            world.add_resource(f"graph-{number}")
        held = world.api.hold("create", "events")
        world.provider.failure = lambda _: DOWN()
        world.start()
        statuses = world.cluster.resource_store
        await world.until(lambda: all(body["status"].get("consecutiveFailures") for body in statuses), within=60)
        assert told(world) == []

        held.lift()
        await world.until(lambda: len(told(world)) == 50, within=5)


async def test_what_the_queue_cannot_hold_is_dropped_and_counted() -> None:
    """A provider that fails everybody is told of often enough."""
    cluster, clock = SimulatedCluster(), LoopClock()
    announcer = Announcer(cluster.events, clock)
    writing = asyncio.create_task(announcer.run())
    with capture_logs() as lines:
        for number in range(LONGEST_QUEUE + 19):
            body = cluster.add_resource(Key("reports", f"graph-{number}"), {})
            announcer.announce(Record.of(body), Status(), FAILING)
        await asyncio.sleep(1)
        announcer.announce(Record.of(cluster.add_resource(GRAPH, {})), Status(), FAILING)
        await asyncio.sleep(1)
    writing.cancel()

    assert len(cluster.events.told) == LONGEST_QUEUE + 1
    assert lines == [{"event": "events dropped", "log_level": "warning", "count": 19}]


async def test_a_credential_is_told_of_once_however_many_conditions_turn() -> None:
    """Broken and mended again, while the token is good."""
    async with World() as world:
        await world.with_token()
        world.cluster.set_data(CERTIFICATE, {"tls.crt": b"nonsense"})
        await world.until(lambda: told(world), within=5)
        world.replace_certificate()
        await world.until(lambda: len(told(world)) == 2, within=5)
        await asyncio.sleep(60)

        assert told(world) == [("Warning", Reason.CREDENTIAL_MALFORMED), ("Normal", Reason.CREDENTIAL_USABLE)]
