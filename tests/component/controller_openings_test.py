"""Who is next to be opened, and what becomes of who failed: in virtual time, without processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from support.certificates import make_form
from support.simulators.clock import LoopClock
from support.simulators.cluster import SimulatedCluster
from tokensync.controller.inventory import Inventory, Record
from tokensync.controller.openings import LONGEST_RETRY_SECONDS, NotOpenedYetError, Openings
from tokensync.credentials.opening import MOST_AT_ONCE
from tokensync.errors import ClusterError, CredentialError, Reason
from tokensync.resource.credential import CertificateCredential
from tokensync.resource.spec import Key
from tokensync.target.metadata import SecretMetadata

pytestmark = pytest.mark.looptime(noop_cycles=0)

FORM = make_form(pkcs12Key="client.pfx")
SECONDS = 5.0
STOPPED = CredentialError(Reason.INTERNAL_ERROR, "stopped")
AWAY = ClusterError(Reason.CLUSTER_UNAVAILABLE, "away")


class Desk:
    """Openings with Secrets to open, each of which takes five seconds.

    Attributes:
        begun: what was opened, in its order, and when.
        woken: the resources that were told, each of the name of its Secret.
        failure: what an opening fails of; None for nothing.
    """

    def __init__(self) -> None:
        self.inventory = Inventory()
        self.openings = Openings(self._open, self.inventory, LoopClock())
        self.begun: list[tuple[Key, float]] = []
        self.woken: list[Key] = []
        self.openings.wake = self.woken.extend
        self.failure: Exception | None = None
        self.cluster = SimulatedCluster()

    def add(self, *names: str, namespace: str = "crowd") -> list[Key]:
        """Resources, each with a Secret of its name."""
        keys = [Key(namespace, name) for name in names]
        for key in keys:
            self.cluster.add_secret(key, {})
            self.cluster.add_resource(
                key, {"target": {"name": "t"}, "credential": {"certificate": {"secretRef": {"name": key.name}}}}
            )
            self.inventory.put_resource(Record.of(self.cluster.resource_store.get(key) or {}))
            self.inventory.put_secret(SecretMetadata.parse(self.cluster.secret_store.get(key) or {}))
        return keys

    def ask(self, *secrets: Key, form: CertificateCredential = FORM) -> None:
        """Ask for all of them, none of which is there."""
        for secret in secrets:
            with pytest.raises(NotOpenedYetError):
                self.openings.require(secret, form)

    async def _open(self, secret: Key, _: CertificateCredential) -> None:
        self.begun.append((secret, asyncio.get_running_loop().time()))
        await asyncio.sleep(SECONDS)
        if self.failure:
            raise self.failure


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """With as many at work as the operator has."""
    made = Desk()
    tasks = [asyncio.create_task(made.openings.work()) for _ in range(MOST_AT_ONCE)]
    try:
        yield made
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_namespaces_take_turns() -> None:
    """Whoever comes behind a crowd of another namespace is opened at once; whoever comes behind two, after one of each."""
    async with desk() as d:
        crowd = d.add(*[f"file-{number}" for number in range(50)])
        d.ask(*crowd)
        await asyncio.sleep(1)
        (other,) = d.add("other", namespace="other")
        d.ask(other)
        await asyncio.sleep(0.1)
        assert [key for key, _ in d.begun] == [crowd[0], other]

        mob = d.add(*[f"file-{number}" for number in range(50)], namespace="mob")
        (last,) = d.add("last", namespace="last")
        d.ask(*mob, last)
        await asyncio.sleep(2 * SECONDS)

        assert last in {key for key, _ in d.begun}
        assert [key for key, _ in d.begun if key in crowd] == crowd[: sum(key in crowd for key, _ in d.begun)]


async def test_one_namespace_is_opened_one_by_one() -> None:
    """Its files take no more than one place, in the order in which they were asked for."""
    async with desk() as d:
        crowd = d.add(*[f"file-{number}" for number in range(4)])
        d.ask(*crowd, *crowd)
        await asyncio.sleep(1)
        d.ask(*crowd)
        await asyncio.sleep(10 * SECONDS)

        assert [key for key, _ in d.begun] == crowd
        starts = [start for _, start in d.begun]
        assert starts == [starts[0] + number * SECONDS for number in range(4)]
        assert d.woken == crowd


async def test_what_nobody_names_any_more_is_not_opened() -> None:
    """Its resource was deleted while it waited."""
    async with desk() as d:
        first, second = d.add("first", "second")
        d.ask(first, second)
        await asyncio.sleep(1)
        d.inventory.remove_resource(second, "")
        record = d.inventory.resource(second)
        assert record
        d.inventory.remove_resource(second, record.uid)
        await asyncio.sleep(2 * SECONDS)

        assert [key for key, _ in d.begun] == [first]


async def test_a_failure_is_told_to_all_who_wait() -> None:
    """It is tried again once for all of them, and not at once."""
    async with desk() as d:
        d.failure = AWAY
        (secret,) = d.add("file")
        d.ask(secret)
        await asyncio.sleep(SECONDS + 1)
        for _ in range(3):
            with pytest.raises(ClusterError) as told:
                d.openings.require(secret, FORM)
            assert told.value is AWAY
        await asyncio.sleep(2)
        d.ask(secret)


async def test_what_was_stopped_is_tried_again_more_and_more_rarely() -> None:
    """Somebody who asks all the time has it tried a few times, then every quarter of an hour, for ever."""
    async with desk() as d:
        d.failure = STOPPED
        (secret,) = d.add("file")
        for _ in range(4 * 3600):
            with pytest.raises((NotOpenedYetError, CredentialError)):
                d.openings.require(secret, FORM)
            await asyncio.sleep(1)

        starts = [start for _, start in d.begun]
        pauses = [later - earlier - SECONDS for earlier, later in pairwise(starts)]
        assert pauses[:4] == [pytest.approx(10 * 2**number, abs=2) for number in range(4)]
        assert pauses[-1] == pytest.approx(LONGEST_RETRY_SECONDS, abs=2)
        assert len(starts) < 25
        d.failure = None
        await asyncio.sleep(LONGEST_RETRY_SECONDS)
        d.ask(secret)
        await asyncio.sleep(SECONDS + 1)
        d.failure = STOPPED
        d.ask(secret)


async def test_another_version_is_tried_at_once() -> None:
    """Whatever the former one failed of; and in another form, too."""
    async with desk() as d:
        d.failure = STOPPED
        (secret,) = d.add("file")
        d.ask(secret)
        await asyncio.sleep(SECONDS + 1)
        with pytest.raises(CredentialError):
            d.openings.require(secret, FORM)
        d.ask(secret, form=make_form(pkcs12Key="other.pfx"))
        known = d.inventory.secret(secret)
        assert known
        d.inventory.put_secret(replace(known, resource_version=str(int(known.resource_version) + 1)))
        d.ask(secret)
