"""A day of bad weather: people, faults, crashes and late events in any order, and all is right once it is calm."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from support.simulators.api import Fault, always
from support.simulators.world import CERTIFICATE, NAMESPACE, World
from tokensync.errors import ClusterError, ConflictError, ProviderError, Reason, TargetError
from tokensync.resource.names import OWNER_UID_LABEL
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

FOREIGN = Key(NAMESPACE, "foreign")
NAMES = ("one", "two", "three")
TARGETS = ("a", "b", "c", "d")
AWAY = always(ClusterError, Reason.CLUSTER_UNAVAILABLE, "no answer")
QUOTA = always(TargetError, Reason.TARGET_REJECTED, "exceeded quota")
STALE = always(ConflictError, "stale")
ERRORS = (
    ("", AWAY),
    ("get", AWAY),
    ("list", AWAY),
    ("create", QUOTA),
    ("patch", QUOTA),
    ("patch", STALE),
    ("delete", STALE),
)


class Weather:
    """Things that happen, in an order that a seed decides."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._cluster = world.cluster
        self._dice = random.Random(seed)  # noqa: S311  a test's order, no secret
        self._faults: list[Fault] = []
        self._happenings: tuple[Callable[[], object], ...] = (
            self._create,
            self._delete,
            self._retarget,
            self._retarget,
            self._label,
            self._request,
            self._edit_target,
            self._delete_target,
            self._replace_certificate,
            self._spoil_certificate,
            self._suspend,
            self._step,
            self._break,
            self._provider,
            self._clear,
            self._delay,
        )

    async def blow(self, happenings: int) -> None:
        """Let things happen, a few seconds apart or at once."""
        for _ in range(happenings):
            self._dice.choice(self._happenings)()
            if self._dice.random() < 0.05:
                await self._world.restart()
            if self._dice.random() < 0.05:
                self._world.operator.watch_anew()
            await asyncio.sleep(self._dice.choice((0, 0.01, 0.1, 1, 10, 100)))

    def calm(self) -> None:
        """No more faults, no more delays, and people have put right what only they can."""
        self._clear()
        self._replace_certificate()
        for resource in self._cluster.resource_store:
            self._cluster.change_resource(Key(NAMESPACE, resource["metadata"]["name"]), {"spec": {"suspend": False}})
        self._world.provider.failure = lambda _: None
        self._world.api.latency = self._world.api.answer_latency = 0.01
        for store in (self._cluster.secret_store, self._cluster.resource_store):
            store.stream.delay = 0.01

    def _resource(self) -> Key | None:
        keys = [Key(NAMESPACE, name) for name in NAMES]
        living = [key for key in keys if self._cluster.resource_store.get(key)]
        return self._dice.choice(living) if living else None

    def _target(self) -> Key | None:
        ours = [
            Key(NAMESPACE, body["metadata"]["name"])
            for body in self._cluster.secret_store
            if OWNER_UID_LABEL in body["metadata"].get("labels", {})
        ]
        return self._dice.choice(ours) if ours else None

    def _create(self) -> None:
        name = self._dice.choice(NAMES)
        if self._cluster.resource_store.get(Key(NAMESPACE, name)) is None:
            self._world.add_resource(name, target={"name": self._dice.choice(TARGETS)})

    def _delete(self) -> None:
        if key := self._resource():
            self._cluster.delete_resource(key)

    def _retarget(self) -> None:
        if key := self._resource():
            self._world.retarget(self._dice.choice(TARGETS), key)

    def _label(self) -> None:
        if key := self._resource():
            labels = {"team": self._dice.choice(TARGETS)}
            self._cluster.change_resource(key, {"spec": {"target": {"labels": labels}}})

    def _request(self) -> None:
        if key := self._resource():
            self._world.request_renewal(str(self._dice.random()), key)

    def _edit_target(self) -> None:
        if key := self._target():
            self._cluster.set_data(key, {"token": b"edited"})

    def _delete_target(self) -> None:
        if key := self._target():
            self._cluster.delete_secret(key)

    def _replace_certificate(self) -> None:
        self._world.replace_certificate()

    def _spoil_certificate(self) -> None:
        self._cluster.set_data(CERTIFICATE, {"tls.crt": b"no PEM"})

    def _suspend(self) -> None:
        if key := self._resource():
            self._cluster.change_resource(key, {"spec": {"suspend": self._dice.random() < 0.3}})

    def _step(self) -> None:
        self._world.clock.step += timedelta(seconds=self._dice.choice((-600, -1, 1, 600)))

    def _break(self) -> None:
        verb, error = self._dice.choice(ERRORS)
        written = self._dice.random() < 0.3
        times = self._dice.choice((1, 3, None))
        self._faults.append(self._world.api.refuse(error, verb, times=times, written=written))

    def _provider(self) -> None:
        failure = self._dice.choice((None, ProviderError(Reason.PROVIDER_UNAVAILABLE, "down")))
        self._world.provider.failure = lambda _: failure

    def _delay(self) -> None:
        self._world.api.latency = self._dice.choice((0, 0.01, 0.5))
        self._world.api.answer_latency = self._dice.choice((0, 0.01, 0.5))
        self._cluster.secret_store.stream.delay = self._dice.choice((0, 0.01, 2))
        self._cluster.resource_store.stream.delay = self._dice.choice((0, 0.01, 2))

    def _clear(self) -> None:
        for fault in self._faults:
            fault.lift()
        self._faults.clear()


@pytest.mark.parametrize("seed", range(20))
async def test_after_bad_weather_all_is_right(seed: int) -> None:
    """Once it is calm each target belongs to one of those that name it, nothing else of ours is left, nothing of others gone."""
    async with World(workers=4) as world:
        world.add_certificate()
        foreign = world.cluster.add_secret(FOREIGN, {"token": b"theirs"})
        weather = Weather(world, seed)
        world.start()
        with capture_logs() as logs:
            await weather.blow(150)
            weather.calm()
            await asyncio.sleep(2400)

        assert [log for log in logs if log["event"] == "defect"] == []
        told = str(logs) + str([version.body for version in world.cluster.resource_store.history])
        assert not [token for token in world.provider.issued if token in told]
        assert world.cluster.secret_store.get(FOREIGN) == foreign
        assert_settled(world)


def assert_settled(world: World) -> None:
    """Every resource has its target, unless another one has it; no Secret of ours is left that is nobody's."""
    owners = {
        secret["metadata"]["name"]: secret["metadata"]["ownerReferences"][0]["uid"]
        for secret in world.cluster.secret_store.in_namespace(NAMESPACE)
        if "ownerReferences" in secret["metadata"]
    }
    assert world.secrets() == {FOREIGN.name, *owners}
    for resource in world.cluster.resource_store:
        key, uid = Key(NAMESPACE, resource["metadata"]["name"]), resource["metadata"]["uid"]
        target = resource["spec"]["target"]["name"]
        if owners[target] == uid:
            assert world.is_ready(key)
            assert world.token(Key(NAMESPACE, target)) in world.provider.issued
            assert {name for name, owner in owners.items() if owner == uid} == {target}
        else:
            assert world.condition(ConditionType.READY, key).reason is Reason.TARGET_CLAIMED
    assert set(owners.values()) <= {resource["metadata"]["uid"] for resource in world.cluster.resource_store}
