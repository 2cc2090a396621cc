"""The election: never two leaders, and hardly ever none."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest
import structlog
from pytest_mock import MockerFixture

from support.simulators.clock import LoopClock
from support.simulators.lease import LeaseServer, Line
from tokensync.controller.leadership import LEASE_SECONDS, TRUST_SECONDS, Election
from tokensync.errors import ClusterError, NotLeadingError, Reason

pytestmark = pytest.mark.looptime(noop_cycles=0)

TAKEN_AFTER = LEASE_SECONDS + 3.0
"""Seconds after which an abandoned Lease is held by another, at the latest."""


class Replica:
    """A process that takes part, over a line of its own; it notes its terms."""

    def __init__(self, server: LeaseServer, name: str) -> None:
        self.line = Line(server)
        self.election = Election(self.line, name, LoopClock())
        self.terms: list[bool] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def leading(self) -> bool:
        return self.election.leading

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self.election.run()), asyncio.create_task(self._note_terms())]

    async def stop(self) -> None:
        """End as after SIGTERM."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def kill(self) -> None:
        """End without a word to anybody."""
        self.line.cut = True
        await self.stop()

    async def _note_terms(self) -> None:
        async for anew in self.election.terms():
            self.terms.append(anew)


@contextlib.asynccontextmanager
async def replicas(number: int) -> AsyncIterator[list[Replica]]:
    """Some that share one Lease; the first leads."""
    server = LeaseServer()
    all_of_them = [Replica(server, f"replica-{index}") for index in range(number)]
    try:
        for replica in all_of_them:
            replica.start()
            await asyncio.sleep(0.1)
        assert [replica.leading for replica in all_of_them] == [True, *[False] * (number - 1)]
        yield all_of_them
    finally:
        for replica in all_of_them:
            await replica.stop()


async def seconds_until(replica: Replica, *, leads: bool) -> float:
    """Let time pass until a replica leads, or does not."""
    began = asyncio.get_running_loop().time()
    for _ in range(12_000):
        if replica.leading is leads:
            return asyncio.get_running_loop().time() - began
        await asyncio.sleep(0.01)
    raise AssertionError("not within two minutes")


async def test_the_leader_goes_on_leading() -> None:
    """An hour without trouble is one term, and the other never works."""
    async with replicas(2) as (leader, standby):
        for _ in range(3600):
            await asyncio.sleep(1)
            assert leader.leading
            assert not standby.leading

        assert leader.terms == [True]
        assert standby.terms == []
        with pytest.raises(NotLeadingError):
            standby.election.require()
        leader.election.require()


async def test_a_leader_that_ends_is_followed_within_two_seconds() -> None:
    """It lets go of the Lease, so nobody has to wait for its end."""
    async with replicas(2) as (leader, standby):
        await leader.stop()

        assert not leader.leading
        assert await seconds_until(standby, leads=True) < 2
        assert standby.terms == [True]


async def test_a_leader_that_is_killed_is_followed_within_twenty_seconds() -> None:
    """The Lease is taken when it was not renewed for its length, and not before."""
    async with replicas(2) as (leader, standby):
        await leader.kill()

        assert TRUST_SECONDS < await seconds_until(standby, leads=True) < TAKEN_AFTER < 20


async def test_a_leader_that_is_cut_off_stops_before_another_begins() -> None:
    """What it may not renew it trusts for a shorter time than the other one waits."""
    async with replicas(2) as (leader, standby):
        leader.line.cut = True

        assert await seconds_until(leader, leads=False) <= TRUST_SECONDS
        assert not standby.leading
        assert await seconds_until(standby, leads=True) > 0

        leader.line.cut = False
        await asyncio.sleep(60)
        assert not leader.leading
        assert standby.terms == [True]


async def test_a_lease_that_somebody_deletes_makes_no_second_leader() -> None:
    """Its holder trusts it for a while, so the others wait as if it had not been renewed."""
    async with replicas(2) as (leader, standby):
        leader.line.delay = 1.4
        await asyncio.sleep(10)
        leader.line.server.lease = None
        for _ in range(600):
            await asyncio.sleep(0.1)
            assert not (leader.leading and standby.leading)

        assert leader.leading or standby.leading


async def test_an_outage_for_all_makes_the_same_one_lead_on() -> None:
    """It begins again, but nobody else can have worked meanwhile, so what it remembers is true."""
    async with replicas(1) as (leader,):
        leader.line.cut = True
        await asyncio.sleep(60)
        assert not leader.leading

        leader.line.cut = False
        await seconds_until(leader, leads=True)

        await asyncio.sleep(1)
        assert leader.terms == [True, False]


async def test_a_renewal_whose_answer_is_lost_is_found_to_be_done() -> None:
    """The next write meets our own, which is no reason to stop."""
    async with replicas(2) as (leader, standby):
        leader.line.loses_answers = True
        await asyncio.sleep(3)
        leader.line.loses_answers = False

        for _ in range(600):
            await asyncio.sleep(0.1)
            assert leader.leading
            assert not standby.leading
        assert leader.terms == [True]


async def test_a_slow_answer_counts_from_when_it_was_asked_for() -> None:
    """A renewal that took a second and a half is worth so much less: who waits saw it when it was written."""
    async with replicas(2) as (leader, _):
        leader.line.delay = 0.7
        await asyncio.sleep(30)
        await leader.line.read()
        leader.line.cut = True

        assert await seconds_until(leader, leads=False) < TRUST_SECONDS - leader.line.delay


async def test_of_many_that_wait_one_follows() -> None:
    """They see the Lease fall free at the same moment, and all but one find it taken."""
    async with replicas(5) as (leader, *others):
        await leader.stop()
        await asyncio.sleep(2)

        assert sum(other.leading for other in others) == 1


async def test_a_request_that_is_cut_off_ends_nobodys_part(mocker: MockerFixture) -> None:
    """Kopf cuts off what began after it when it ends by itself; the election goes on."""
    async with replicas(1) as (leader,):
        cut_off = mocker.patch.object(leader.line, "write", side_effect=asyncio.CancelledError)
        await asyncio.sleep(60)
        assert not leader.leading
        mocker.stop(cut_off)

        await seconds_until(leader, leads=True)


async def test_each_cause_is_told_of_once(mocker: MockerFixture) -> None:
    """An outage of a minute is one line, and a right that is missing afterwards another."""
    with structlog.testing.capture_logs() as lines:
        async with replicas(1) as (leader,):
            leader.line.cut = True
            await asyncio.sleep(60)
            forbidden = ClusterError(Reason.FORBIDDEN, "tokensync may not patch leases", remedy="grant it")
            mocker.patch.object(leader.line, "write", side_effect=forbidden)
            await asyncio.sleep(60)

    told = [line["reason"] for line in lines if line["event"] == "lease out of reach"]
    assert told == ["ClusterUnavailable", "Forbidden"]


@pytest.mark.parametrize("seed", range(20))
async def test_in_any_weather_there_are_never_two(seed: int) -> None:
    """Lines are cut, slow down and lose answers at random for an hour; afterwards one leads."""
    weather = random.Random(seed)  # noqa: S311 - no secret
    async with replicas(3) as all_of_them:
        for _ in range(3600 * 2):
            await asyncio.sleep(0.5)
            assert sum(replica.leading for replica in all_of_them) <= 1
            if weather.random() < 0.05:
                line = weather.choice(all_of_them).line
                line.cut = weather.random() < 0.4
                line.loses_answers = weather.random() < 0.2
                line.delay = weather.choice([0.0, 0.1, 1.0, 2.5])
        for replica in all_of_them:
            replica.line.cut = replica.line.loses_answers = False
            replica.line.delay = 0.0
        await asyncio.sleep(TAKEN_AFTER)

        assert sum(replica.leading for replica in all_of_them) == 1
