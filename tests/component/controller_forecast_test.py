"""A certificate nears its end: the status says so in stages, an Event tells of each, and nothing else is written."""

import asyncio
import re
from datetime import timedelta

import pytest

from support.certificates import make_certificate
from support.simulators.clock import START
from support.simulators.world import CERTIFICATE, World
from tokensync.errors import Reason
from tokensync.rotation.forecast import STAGES

pytestmark = pytest.mark.looptime(noop_cycles=0)

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
END = START + 32 * DAY


def put_certificate(world: World) -> None:
    """Have a certificate that expires at `END`."""
    pair = make_certificate(not_before=START - DAY, not_after=END)
    world.cluster.add_secret(CERTIFICATE, pair.secret_data(), secret_type="kubernetes.io/tls")


async def live(time: timedelta) -> None:
    """Let time pass."""
    await asyncio.sleep(time.total_seconds())


def told(world: World) -> list[tuple[Reason, str]]:
    """Reason of each Event, and in how many days it says that the certificate expires."""
    return [
        (event.transition.reason, "".join(re.findall("expires within [^,]+", event.transition.note)))
        for event in world.cluster.events.told
    ]


async def test_each_stage_is_told_of_once_at_its_moment() -> None:
    """It costs a status write and an Event, and no token. Who restarts the operator hears nothing twice."""
    async with World() as world:
        world.provider.lifetime = 90 * DAY
        put_certificate(world)
        world.add_resource()
        world.start()
        await world.until(world.is_ready, within=5)
        calls = len(world.api.calls)
        for number, within in enumerate(STAGES):
            await world.crash()
            await live(END - within - world.clock.now() - MINUTE)
            world.start()
            await live(MINUTE / 2)
            assert len(told(world)) == number
            await live(MINUTE)
            assert len(told(world)) == number + 1
            await world.restart()
            await live(10 * MINUTE)

        assert told(world) == [
            (Reason.CREDENTIAL_EXPIRES_SOON, f"expires within {words}")
            for words in ("30 days", "14 days", "7 days", "a day")
        ]
        made = [(call.verb, call.plural) for call in world.api.calls[calls:] if call.verb != "list"]
        assert [plural for _, plural in made] == ["clientcredentialtokens/status", "events"] * len(STAGES)
        assert len(world.provider.requests) == 1


async def test_a_stage_that_was_missed_is_told_of_at_the_start() -> None:
    """The operator was away for weeks: the last stage is what counts."""
    async with World() as world:
        world.provider.lifetime = 90 * DAY
        put_certificate(world)
        world.add_resource()
        world.start()
        await world.until(world.is_ready, within=5)
        await world.crash()
        await live(END - 5 * DAY - world.clock.now())
        world.start()
        await live(MINUTE)

        assert told(world) == [(Reason.CREDENTIAL_EXPIRES_SOON, "expires within 7 days")]
