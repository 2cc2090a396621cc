"""Credentials that are encrypted: when they are opened, and what becomes of who needs one that cannot be."""

import asyncio
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from support.simulators.sealed import add_sealed, sealed_data
from support.simulators.world import NAMESPACE, World
from tokensync.credentials import opening
from tokensync.credentials.opener import Sealed
from tokensync.credentials.opening import MOST_AT_ONCE
from tokensync.errors import Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType
from tokensync.rotation.attempts import LONGEST_RETRY

pytestmark = pytest.mark.looptime(noop_cycles=0)

LONGEST = 900 + LONGEST_RETRY.total_seconds() + 60


@pytest.fixture(autouse=True)
def _openings_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as much as a step of virtual time."""

    async def at_once(function: Callable[[], object]) -> object:
        return function()

    monkeypatch.setattr(asyncio, "to_thread", at_once)


class Program:
    """Stands between the operator and the program that opens.

    Attributes:
        ends: the exit status with which it ends, whatever it is to open; None to have it open that.
        runs: how often it was started.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ends: int | None = None
        self.runs = 0
        self._run = opening._run
        monkeypatch.setattr(opening, "_run", self)

    def __call__(self, sealed: Sealed, message: bytes) -> tuple[int | None, bytes]:
        self.runs += 1
        return (self.ends, b"") if self.ends else self._run(sealed, message)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    """The one that opens."""
    return Program(monkeypatch)


def credential_valid(world: World, key: Key) -> tuple[str, Reason]:
    condition = world.condition(ConditionType.CREDENTIAL_VALID, key)
    return condition.status, condition.reason


async def test_a_restart_opens_nothing_before_the_next_renewal() -> None:
    """It costs lists only; then each Secret is read and opened once, and kept."""
    async with World() as world:
        keys = [add_sealed(world, f"sealed-{number}") for number in range(3)]
        world.start()
        await world.until(lambda: all(map(world.is_ready, keys)), within=10)
        renew_at = {key: world.times(key).renew_at for key in keys}
        await world.crash()
        calls = len(world.api.calls)
        world.start()
        await asyncio.sleep(60)
        assert {(call.verb, call.plural) for call in world.api.calls[calls:]} == {("list", "secrets")}
        assert len(world.provider.requests) == 3

        await asyncio.sleep(3 * 3600)

        assert world.api.count("get", "secrets", since=calls) == 3
        for key in keys:
            assert len(world.request_times(key)) > 2
            assert timedelta(0) <= world.request_times(key)[1] - renew_at[key] < timedelta(seconds=1)


async def test_a_killed_opening_is_tried_again(program: Program) -> None:
    """It is nobody's fault, is said so, and costs a few processes in hours; when it works there is a token."""
    async with World() as world:
        program.ends = -signal.SIGKILL
        key = add_sealed(world, "sealed")
        world.start()
        await world.until(lambda: world.status(key).conditions, within=5)
        assert credential_valid(world, key) == ("False", Reason.INTERNAL_ERROR)
        assert world.status(key).condition(ConditionType.STALLED) is None

        await asyncio.sleep(3 * 3600)
        assert 5 < program.runs < 25
        program.ends = None

        await world.until(lambda: world.is_ready(key), within=LONGEST)


async def test_a_killed_opening_keeps_the_token(program: Program) -> None:
    """After a restart it is a renewal that needs it: the stored token stays, and the next one comes when it works."""
    async with World() as world:
        key = add_sealed(world, "sealed")
        world.start()
        await world.until(lambda: world.is_ready(key), within=5)
        await world.crash()
        program.ends = -signal.SIGKILL
        world.start()
        world.request_renewal("now", key)

        await world.until(lambda: world.status(key).consecutive_failures > 0, within=120)
        assert world.condition(ConditionType.RENEWAL_SUCCEEDED, key).reason is Reason.INTERNAL_ERROR
        assert world.is_ready(key)
        program.ends = None

        await world.until(lambda: len(world.provider.issued) == 2, within=LONGEST)


async def test_a_defect_in_an_opening_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is logged with its place, as any other, and what comes after it is opened."""

    def broken(*_: object) -> tuple[int | None, bytes]:
        raise ValueError("hunter2")

    async with World() as world:
        key = add_sealed(world, "sealed")
        with monkeypatch.context() as patch, capture_logs() as lines:
            patch.setattr(opening, "_run", broken)
            world.start()
            await world.until(lambda: world.status(key).conditions, within=5)
        assert world.condition(ConditionType.READY, key).reason is Reason.INTERNAL_ERROR
        (defect, *_) = [line for line in lines if line["event"] == "defect"]
        assert defect["at"].startswith("broken (")
        assert "hunter2" not in str(lines) + str(world.resource(key))
        other = add_sealed(world, "other")

        await world.until(lambda: world.is_ready(other), within=5)
        await world.until(lambda: world.is_ready(key), within=120)


async def test_a_read_that_was_cut_off_is_done_again() -> None:
    """As Kopf does when it ends by itself; as often as there are places, none of which is lost."""
    async with World() as world:
        key = add_sealed(world, "sealed")
        world.api.refuse(asyncio.CancelledError, "get", "secrets", times=MOST_AT_ONCE)
        world.start()

        await world.until(lambda: world.is_ready(key), within=5)


async def test_a_file_that_costs_too_much_is_opened_once(program: Program) -> None:
    """However often its resource is looked at, while the Secret stays; a good file in its place is opened at once."""
    async with World() as world:
        program.ends = -signal.SIGXCPU
        key = add_sealed(world, "sealed")
        world.start()
        await asyncio.sleep(7200)
        assert credential_valid(world, key) == ("False", Reason.CREDENTIAL_MALFORMED)
        assert program.runs == 1

        program.ends = None
        world.cluster.set_data(Key(NAMESPACE, "sealed"), sealed_data())
        await world.until(lambda: world.is_ready(key), within=5)


async def test_a_burst_of_its_users_opens_a_file_once(program: Program) -> None:
    """A hundred resources of one Secret wait for one opening, and none of them asks the provider twice."""
    async with World() as world:
        keys = [add_sealed(world, "sealed")]
        keys += [
            world.add_resource(f"other-{number}", credential=world.resource(keys[0])["spec"]["credential"])
            for number in range(99)
        ]
        world.start()
        await world.until(lambda: all(map(world.is_ready, keys)), within=30)
        await asyncio.sleep(60)

        assert program.runs == world.api.count("get", "secrets") == 1
        assert len(world.provider.requests) == 100


async def test_a_secret_that_is_created_later_is_opened_at_once() -> None:
    """That it is missing is said before."""
    async with World() as world:
        key = add_sealed(world, "sealed")
        world.cluster.delete_secret(Key(NAMESPACE, "sealed"))
        world.start()
        await world.until(lambda: world.status(key).conditions, within=5)
        assert credential_valid(world, key) == ("False", Reason.CREDENTIAL_NOT_FOUND)
        await asyncio.sleep(3600)
        world.cluster.add_secret(Key(NAMESPACE, "sealed"), sealed_data())

        await world.until(lambda: world.is_ready(key), within=2)


async def test_what_was_opened_for_nobody_is_not_kept() -> None:
    """Its resource was deleted while it was read."""
    async with World() as world:
        key = add_sealed(world, "sealed")
        held = world.api.hold("get", "secrets")
        world.start()
        await held.reached.wait()
        world.cluster.delete_resource(key)
        await asyncio.sleep(5)
        held.lift()
        await asyncio.sleep(5)

        assert not world.operator.reconciler._keyring._entries
