"""The operator needs the rights that it has, all of them and no others; and it ends when it is asked to."""

from datetime import timedelta
from pathlib import Path

import pytest

from support.audit import AuditLog, Call
from support.certificates import make_certificate
from support.control_plane import ControlPlane
from support.entra.faults import Hang
from support.identities import create_identity, operator_rules
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.waiting import eventually
from tokensync.resource.names import ADOPTABLE_BY, RENEW_REQUESTED_AT

FORBIDDEN = 403


@pytest.fixture(autouse=True)
def long_lived(scenario: Scenario) -> None:
    """Tokens that are not due within a test, and a certificate."""
    scenario.entra.lifetime = timedelta(hours=1)
    scenario.put_certificate()


def live_a_whole_life(scenario: Scenario) -> None:
    """Let a resource meet all that can happen to one."""
    cluster, namespace = scenario.cluster, scenario.namespace
    scenario.create()
    scenario.wait_ready()
    renewed = scenario.token()
    scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: "now"}}})
    renewed = scenario.wait_renewed(renewed)
    cluster.secrets.patch(namespace, "graph-token", {"data": {"token": "ZWRpdGVk"}})
    renewed = scenario.wait_renewed(renewed)
    cluster.secrets.delete(namespace, "graph-token")
    renewed = scenario.wait_renewed(renewed)
    replacement = make_certificate()
    scenario.application.add_certificate(replacement.certificate_pem)
    scenario.put_certificate(replacement)
    scenario.wait_renewed(renewed)
    consent = {"annotations": {ADOPTABLE_BY: "graph"}}
    cluster.create_secret(namespace, "adopted-token", {}, metadata=consent)
    scenario.patch({"spec": {"target": {"name": "adopted-token", "adopt": True, "labels": {"team": "reports"}}}})
    scenario.wait_ready()
    eventually(lambda: cluster.secrets.find(namespace, "graph-token") is None, 10, "the former target is gone")
    scenario.patch({"spec": {"suspend": True}})
    scenario.wait_condition("RenewalSucceeded", "Suspended")
    cluster.resources.delete(namespace, "graph")
    scenario.put_certificate()


def forbidden(calls: list[Call]) -> list[Call]:
    """Those that were refused for want of a right."""
    return [call for call in calls if call.code == FORBIDDEN]


def test_rights_are_enough_and_none_is_idle(
    operator: StartOperator, scenario: Scenario, ca: Path, audit_log: AuditLog
) -> None:
    """A resource's whole life needs each right of the role, and no other."""
    mark = audit_log.mark()
    operator(quick_settings(scenario.entra, ca))
    live_a_whole_life(scenario)
    scenario.wait_for_turn()

    calls = audit_log.calls(mark)

    given = {(verb, resource) for rule in operator_rules() for verb in rule["verbs"] for resource in rule["resources"]}
    used = {(call.verb, "/".join(filter(None, (call.resource, call.subresource)))) for call in calls if call.resource}
    assert forbidden(calls) == []
    assert used == given


def test_roles_of_its_namespaces_are_enough(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path, audit_log: AuditLog
) -> None:
    """Without any right in the cluster it works where it is told to, leaves the rest alone, and calls nothing in vain."""
    other, ignored = (Scenario(scenario.cluster, scenario.entra, scenario.cluster.create_namespace()) for _ in range(2))
    for each in other, ignored:
        each.put_certificate()
        each.create()
    namespaces = [scenario.namespace, other.namespace]
    identity = create_identity(control_plane, roles=dict.fromkeys(namespaces, operator_rules()))
    mark = audit_log.mark()
    process = operator(quick_settings(scenario.entra, ca, namespaces=",".join(namespaces)), kubeconfig=identity)
    live_a_whole_life(scenario)
    other.wait_ready()
    scenario.wait_for_turn()

    calls = audit_log.calls(mark)

    assert forbidden(calls) == []
    assert {call.namespace for call in calls if call.resource} == set(namespaces)
    assert ignored.token() is None
    assert ignored.status() == {"observedGeneration": -1}
    assert not [line for line in process.log_text.splitlines() if '"warning"' in line or '"error"' in line]
    for each in other, ignored:
        scenario.cluster.delete_namespace(each.namespace)


PATIENCE = 2
"""Seconds from SIGTERM to the end."""


def test_it_ends_at_once_while_requests_are_under_way(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """Nobody waits for a provider that does not answer."""
    process = operator(quick_settings(scenario.entra, ca))
    with scenario.entra.failing(Hang()):
        for number in range(10):
            scenario.create(f"hanging-{number}")
        eventually(lambda: scenario.entra.token_requests == 10, 15, "all are asked for")

        assert process.stop(PATIENCE) == 0

    assert '"stopped"' in process.log_text
    assert '"error"' not in process.log_text


def test_it_ends_at_once_while_the_api_server_is_away(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """Neither the lists nor the watches that it tries again hold it up, nor those of one that never had any."""
    settings = quick_settings(scenario.entra, ca)
    running = operator(settings)
    scenario.create()
    scenario.wait_ready()
    with control_plane.apiserver_down():
        starting = operator(settings)
        starting.wait_for_log("cannot list")

        assert running.stop(PATIENCE) == 0
        assert starting.stop(PATIENCE) == 0
