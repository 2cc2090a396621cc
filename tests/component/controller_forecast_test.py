"""A certificate nears its end: the status says so in stages, an Event tells of each, and nothing else is written."""

import asyncio
import re
from datetime import timedelta

import pytest

from support.certificates import make_certificate
from support.simulators.clock import START
from support.simulators.world import CERTIFICATE, NAMESPACE, World
from tokensync.clock import rfc3339
from tokensync.errors import Reason
from tokensync.resource.spec import Key
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


async def test_a_replacement_in_time_is_told_of_once() -> None:
    """By an Event that says until when the new certificate is valid."""
    async with World() as world:
        world.provider.lifetime = 90 * DAY
        put_certificate(world)
        world.add_resource()
        world.start()
        await world.until(world.is_ready, within=5)
        await live(4 * DAY)
        pair = make_certificate(not_before=START, not_after=END + 365 * DAY)
        world.cluster.set_data(CERTIFICATE, pair.secret_data())
        await live(DAY)

        assert told(world) == [
            (Reason.CREDENTIAL_EXPIRES_SOON, "expires within 30 days"),
            (Reason.CREDENTIAL_USABLE, ""),
        ]
        ended = world.cluster.events.told[-1].transition
        assert ended.type == "Normal"
        assert ended.note == (
            f"The certificate with SHA-1 thumbprint {pair.thumbprint_sha1} is valid until {rfc3339(END + 365 * DAY)}"
        )


async def test_a_stage_is_told_of_though_the_previous_certificate_is_gone() -> None:
    """Both happened while no operator was there: it is still the same certificate that expires."""
    previous = Key(NAMESPACE, "previous")
    async with World() as world:
        world.provider.lifetime = 90 * DAY
        put_certificate(world)
        world.cluster.add_secret(previous, make_certificate().secret_data())
        references = {"secretRef": {"name": CERTIFICATE.name}, "fallbackSecretRef": {"name": previous.name}}
        world.add_resource(credential={"certificate": references})
        world.start()
        await world.until(world.is_ready, within=5)
        await live(10 * DAY)
        await world.crash()
        world.cluster.delete_secret(previous)
        await live(10 * DAY)
        world.start()
        await live(MINUTE)

        assert [words for _, words in told(world)] == ["expires within 30 days", "expires within 14 days"]


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
