"""The promise, in a pod: whoever mounts the Secret and reads the file again never reads an expired token."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from support import chart
from support.node.interface import PodCluster
from support.node.killer import Killer
from support.node.reader import Reader, Reading
from support.node.release import Release
from support.scenario import HeldToken, Scenario
from support.waiting import eventually
from tokensync.clock import parse_rfc3339

LIFETIME = timedelta(seconds=180)
SETTINGS = {"propagation": "95s", "clockSkew": "2s", "retryBudget": "20s"}
"""Kubelet brings a Secret to a file within 90 seconds and the time that it takes to write it."""
BUDGET = timedelta(seconds=20)
OUTAGE = timedelta(seconds=19.5)
BEFORE_OUTAGE = timedelta(seconds=16)
"""So long does the outage last after the renewal time: the next attempt is a sixth of the budget later, within it."""
READING = timedelta(minutes=9)
SOON = timedelta(seconds=1)


def renewal_time(scenario: Scenario) -> datetime:
    return parse_rfc3339(scenario.status()["token"]["renewAt"])


def wait_for_renewal(scenario: Scenario, before: timedelta) -> tuple[datetime, HeldToken]:
    """Wait until so long before the next renewal; returns its time, and what the target holds until then."""

    def near() -> datetime | None:
        due = renewal_time(scenario)
        return due if timedelta() < due - datetime.now(UTC) <= before else None

    due = eventually(near, LIFETIME.total_seconds(), f"a renewal is due in {before}")
    held = scenario.token()
    assert held
    return due, held


def kill_the_leader(release: Release, killer: Killer) -> None:
    """Kill it wherever it is in its work, and wait until its container is started again."""
    leader = release.leader()
    name = leader["metadata"]["name"]
    killer.kill(leader)

    def restarts() -> int:
        status = release.pods.get(chart.NAMESPACE, name)["status"]["containerStatuses"][0]
        return int(status["restartCount"])

    eventually(lambda: restarts() == 1, 30, f"the killed container of {name} is started again")


@pytest.mark.timeout(900)
def test_pod_never_reads_an_expired_token(
    release: Release,
    scenario: Scenario,
    pod_cluster: PodCluster,
    image: str,
    measured: Callable[[str], None],
) -> None:
    """Not while tokens are renewed, nor when the leader is killed, its pod evicted, or the provider away for its budget.

    Each of them is placed on a renewal. Kubelet has its own timings, and the pod reads twice a second.
    """
    release.install(SETTINGS)
    scenario.put_certificate()
    scenario.create(clientId=scenario.register(LIFETIME).client_id)
    scenario.wait_ready(timeout=30)
    assert scenario.condition("GapFree")["status"] == "True"
    reader, killer = Reader(pod_cluster, scenario.namespace), Killer(pod_cluster, scenario.namespace, image)
    reader.start(image, "graph-token")
    killer.start(release.leader()["spec"]["nodeName"])

    due, before = wait_for_renewal(scenario, SOON)
    kill_the_leader(release, killer)
    delays = {"leader killed": scenario.wait_renewed(before, timeout=60).issued_at - due}
    release.wait_until_available()

    due, before = wait_for_renewal(scenario, SOON)
    evicted = release.leader()
    release.evict(evicted)
    delays["leader evicted"] = scenario.wait_renewed(before, timeout=60).issued_at - due
    release.wait_until_available()

    due, before = wait_for_renewal(scenario, OUTAGE - BEFORE_OUTAGE)
    with scenario.entra.unreachable():
        scenario.wait_condition("RenewalSucceeded", "ProviderUnreachable")
        eventually(lambda: datetime.now(UTC) > due + BEFORE_OUTAGE, 20, "the outage is over")
    delays["provider away"] = scenario.wait_renewed(before, timeout=60).issued_at - due

    began = datetime.fromtimestamp(reader.samples()[0].at, UTC)
    rest = (READING - (datetime.now(UTC) - began)).total_seconds()
    eventually(lambda: datetime.now(UTC) - began > READING, rest + 5, "the pod has read for long enough")
    reading = Reading(reader.samples())
    measured(
        f"reader pod: {len(reading.samples)} samples in {reading.duration.total_seconds():.0f} s, {reading.tokens} tokens"
        f" of {LIFETIME.total_seconds():.0f} s, worst remaining lifetime {reading.worst.total_seconds():.1f} s"
    )
    for what, delay in delays.items():
        measured(f"reader pod: {what}: renewed {delay.total_seconds():.1f} s after the renewal time")
    assert reading.worst > timedelta()
    assert reading.missed == 0
    assert reading.duration > READING - SOON
    assert reading.longest_pause < timedelta(seconds=5)
    assert reading.tokens >= READING / LIFETIME * 2
    assert max(delays.values()) < BUDGET
    assert release.pods.find(chart.NAMESPACE, evicted["metadata"]["name"]) is None
    assert scenario.condition("GapFree")["status"] == "True"


def test_tokens_that_live_too_short_are_said_to_leave_a_gap(release: Release, scenario: Scenario) -> None:
    """With tokens of a minute there is no time for all that the settings ask for, and `GapFree` shows the sum."""
    release.install(SETTINGS)
    scenario.put_certificate()
    scenario.create(clientId=scenario.register(timedelta(seconds=60)).client_id)

    found = scenario.wait_condition("GapFree", "LifetimeTooShort", timeout=30)

    assert found["status"] == "False"
    assert "1m35s + clock skew 2s + consumer hold 0s + retry budget 20s = 1m57s" in found["message"]
    assert "a token of 1m leaves 40s" in found["message"]
