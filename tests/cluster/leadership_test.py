"""Two replicas on a real API server: one works, the other follows when it ends, freezes or dies."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.audit import AuditLog, Call
from support.control_plane import ControlPlane
from support.entra.faults import Latency
from support.objects import Objects
from support.operator_process import OperatorProcess, StartOperator
from support.scenario import HeldToken, Scenario, quick_settings
from support.waiting import eventually
from tokensync.resource.names import LEASE, RENEW_REQUESTED_AT

NAMESPACE = "tokensync-system"
HOUR = timedelta(hours=1)
OUTAGE = timedelta(seconds=60)
WRITES = {"create", "update", "patch", "delete"}


class Replicas:
    """Two operators that share their work; the first one leads."""

    def __init__(self, start: StartOperator, scenario: Scenario, ca: Path) -> None:
        settings = quick_settings(scenario.entra, ca, leader_elect="true", lease_namespace=NAMESPACE)
        self._scenario = scenario
        self.leader = start(settings, environment={"POD_NAME": "first"})
        self.leader.wait_for_log('"leading"')
        self.standby = start(settings, environment={"POD_NAME": "second"})
        self.standby.wait_for_log('"started"')

    def serve(self, lifetime: timedelta = HOUR) -> HeldToken:
        """Have one resource that is served."""
        self._scenario.entra.lifetime = lifetime
        self._scenario.put_certificate()
        self._scenario.create()
        self._scenario.wait_ready()
        held = self._scenario.token()
        assert held
        return held

    def request_renewal(self, value: str) -> None:
        """Ask whoever leads for a renewal."""
        self._scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: value}}})


@pytest.fixture(autouse=True)
def _no_lease(control_plane: ControlPlane, operator_identity: Path) -> None:  # noqa: ARG001 - has the namespace made
    """Nobody holds the Lease when a test begins, whatever was killed before."""
    leases = Objects(control_plane.admin, "/apis/coordination.k8s.io/v1", "leases")
    if leases.find(NAMESPACE, LEASE):
        leases.delete(NAMESPACE, LEASE)


@pytest.fixture
def replicas(operator: StartOperator, scenario: Scenario, ca: Path) -> Replicas:
    """Two, none of which has anything to do yet."""
    return Replicas(operator, scenario, ca)


def calls_of(audit_log: AuditLog, pod: str, since: int) -> list[Call]:
    """What one replica called; the user agent tells them apart."""
    return [call for call in audit_log.calls(since) if call.user_agent.endswith(f"({pod})")]


def writes_of(audit_log: AuditLog, pod: str, since: int) -> list[Call]:
    """What one replica wrote with success."""
    return [call for call in calls_of(audit_log, pod, since) if call.verb in WRITES and call.code < 300]


def seconds_until_renewed(scenario: Scenario, before: HeldToken, timeout: float) -> float:
    """How long it takes from now until the target has another token, by the clock that wrote it."""
    began = datetime.now(UTC)
    scenario.wait_renewed(before, timeout=timeout)
    return (datetime.now(UTC) - began).total_seconds()


def test_a_standby_watches_and_writes_nothing(replicas: Replicas, scenario: Scenario, audit_log: AuditLog) -> None:
    """It looks at the Lease, and that is all, whatever there is to do."""
    mark = audit_log.mark()
    before = replicas.serve()
    replicas.request_renewal("now")
    scenario.wait_renewed(before)

    def acts() -> set[tuple[str, str]]:
        calls = calls_of(audit_log, "second", mark)
        return {(call.verb, call.resource) for call in calls if call.verb not in {"list", "watch"} and call.resource}

    eventually(acts, 20, "the standby looks at the Lease")
    assert acts() == {("get", "leases")}
    assert len(scenario.entra.issued) == 2


def test_a_killed_leader_is_followed_within_twenty_seconds(replicas: Replicas, scenario: Scenario) -> None:
    """The Lease runs out, and the standby is warm."""
    before = replicas.serve()

    replicas.leader.kill()
    replicas.request_renewal("after the kill")

    seconds = seconds_until_renewed(scenario, before, timeout=20)
    print(f"after kill -9 of the leader the other renewed a token within {seconds:.1f} s")


def test_a_leader_that_is_stopped_is_followed_within_two_seconds(replicas: Replicas, scenario: Scenario) -> None:
    """It releases the Lease, as a pod that is replaced does."""
    before = replicas.serve()
    began = datetime.now(UTC)
    assert replicas.leader.stop() == 0
    scenario.cluster.secrets.delete(scenario.namespace, "graph-token")

    renewed = scenario.wait_renewed(before)

    seconds = (renewed.issued_at - began).total_seconds()
    print(f"after SIGTERM to the leader the other asked for a token within {seconds:.1f} s")
    assert seconds < 2


def test_a_leader_that_was_frozen_writes_nothing_when_it_wakes_up(
    replicas: Replicas, scenario: Scenario, audit_log: AuditLog
) -> None:
    """Frozen while it was idle, past its Lease: it sees that its time is over, and asks for no token either."""
    before = replicas.serve(timedelta(seconds=20))
    replicas.leader.pause()
    replicas.standby.wait_for_log('"leading"', timeout=20)
    renewed = scenario.wait_renewed(before)
    mark, asked = audit_log.mark(), len(scenario.entra.requests)
    seen = writes_of(audit_log, "second", mark)
    assert seen == []

    replicas.leader.resume()
    replicas.leader.wait_for_log("not leading any more")
    scenario.wait_renewed(renewed, timeout=30)
    scenario.wait_ready()

    written = [call for call in writes_of(audit_log, "second", mark) if call.resource == "secrets"]
    assert writes_of(audit_log, "first", mark) == []
    assert len(scenario.entra.requests) - asked == len(written) > 0


def test_a_leader_frozen_in_the_middle_of_a_renewal_does_not_finish_it(
    replicas: Replicas, scenario: Scenario, audit_log: AuditLog
) -> None:
    """It had asked for a token; the answer comes to one who does not lead any more, and is not written."""
    before = replicas.serve()
    with scenario.entra.failing(Latency(2), times=1):
        replicas.request_renewal("now")
        eventually(lambda: len(scenario.entra.requests) > 1, 10, "the leader asks for a token")
        replicas.leader.pause()
    mark = audit_log.mark()

    renewed = scenario.wait_renewed(before, timeout=30)
    replicas.leader.resume()
    replicas.leader.wait_for_log("not leading any more")
    scenario.wait_for_turn()

    assert writes_of(audit_log, "first", mark) == []
    held = scenario.token()
    assert held
    assert held.value == renewed.value


def test_an_outage_of_the_api_server_restarts_nobody(
    replicas: Replicas, scenario: Scenario, control_plane: ControlPlane
) -> None:
    """For a minute nobody leads; then one of the same two processes does, and works."""
    before = replicas.serve()
    pids = [replicas.leader.pid, replicas.standby.pid]

    with control_plane.apiserver_down():
        began = scenario.entra.now()
        replicas.leader.wait_for_log("not leading any more", timeout=20)
        eventually(lambda: scenario.entra.now() - began > OUTAGE, 70, "the outage has lasted")
    replicas.request_renewal("after the outage")
    scenario.wait_renewed(before, timeout=40)

    assert [replicas.leader.running, replicas.standby.running] == [True, True]
    assert [replicas.leader.pid, replicas.standby.pid] == pids


def test_without_a_namespace_for_the_lease_it_says_what_is_missing(
    operator_identity: Path, scenario: Scenario, ca: Path, tmp_path: Path
) -> None:
    """Outside of a pod nobody knows where the Lease is to be."""
    settings = quick_settings(scenario.entra, ca, leader_elect="true")
    process = OperatorProcess(operator_identity, settings, log=tmp_path / "operator.log")
    process.start()

    assert process.wait(10) == 1
    assert "--lease-namespace" in process.log_text
