"""The operator needs the rights that it has, all of them and no others; and it ends when it is asked to."""

from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support.audit import AuditLog, Call
from support.certificates import make_certificate
from support.chart import NAMESPACE
from support.cluster import NewNamespace
from support.control_plane import ControlPlane
from support.entra.faults import Hang
from support.identities import Rule, install_identity, lease_rules, operator_rules
from support.operator_process import StartOperator
from support.scenario import CERTIFICATE_SECRET, Scenario, quick_settings
from support.service_accounts import AUDIENCE, federated_credential
from support.waiting import eventually
from tokensync.errors import Reason
from tokensync.resource.names import ADOPTABLE_BY, LEASE, RENEW_REQUESTED_AT

FORBIDDEN = 403


ACCOUNT = "reporter"


@pytest.fixture(autouse=True)
def long_lived(control_plane: ControlPlane, scenario: Scenario) -> None:
    """Tokens that are not due within a test, a certificate, and a ServiceAccount that the provider knows."""
    scenario.entra.lifetime = timedelta(hours=1)
    scenario.put_certificate()
    scenario.cluster.service_accounts.create(scenario.namespace, {"metadata": {"name": ACCOUNT}})
    scenario.application.federated.append(federated_credential(control_plane.kubectl, scenario.namespace, ACCOUNT))


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
    cluster.secrets.delete(namespace, CERTIFICATE_SECRET)
    scenario.wait_condition("CredentialValid", Reason.CREDENTIAL_NOT_FOUND)
    replacement = make_certificate()
    scenario.application.add_certificate(replacement.certificate_pem)
    scenario.put_certificate(replacement)
    scenario.wait_renewed(renewed)
    consent = {"annotations": {ADOPTABLE_BY: "graph"}}
    cluster.create_secret(namespace, "adopted-token", {}, metadata=consent)
    scenario.patch({"spec": {"target": {"name": "adopted-token", "adopt": True, "labels": {"team": "reports"}}}})
    scenario.wait_ready()
    eventually(lambda: cluster.secrets.find(namespace, "graph-token") is None, 10, "the former target is gone")
    federated = {"serviceAccount": {"name": ACCOUNT, "audience": AUDIENCE}, "certificate": None}
    scenario.patch({"spec": {"credential": federated}})
    scenario.wait_ready()
    bundle = {"metadata": {"name": "company-ca"}, "data": {"ca.crt": scenario.entra.ca_pem.decode()}}
    cluster.config_maps.create(namespace, bundle)
    reference = {"caBundleRef": {"configMapKeyRef": {"name": "company-ca", "key": "ca.crt"}}}
    scenario.patch({"spec": {"provider": {"entra": reference}}})
    scenario.wait_ready()
    scenario.patch({"spec": {"suspend": True}})
    scenario.wait_condition("RenewalSucceeded", "Suspended")
    cluster.resources.delete(namespace, "graph")
    scenario.put_certificate()


def forbidden(calls: list[Call]) -> list[Call]:
    """Those that were refused for want of a right."""
    return [call for call in calls if call.code == FORBIDDEN]


def rights_of(rules: list[Rule]) -> set[tuple[str, str]]:
    """Verbs with the resources that rules give them for."""
    return {(verb, resource) for rule in rules for verb in rule["verbs"] for resource in rule["resources"]}


def uses_of(calls: list[Call]) -> set[tuple[str, str]]:
    """Verbs with the resources that they were called for."""
    return {(call.verb, "/".join(filter(None, (call.resource, call.subresource)))) for call in calls if call.resource}


def electing(scenario: Scenario, ca: Path, namespace: str, **others: str) -> dict[str, Any]:
    """Settings of a replica among others."""
    return quick_settings(scenario.entra, ca, leader_elect="true", lease_namespace=namespace, **others)


@pytest.fixture
def _no_lease(control_plane: ControlPlane, operator_identity: Path) -> None:  # noqa: ARG001 - has the namespace made
    """The Lease of replicas before is gone, so that the next one makes it."""
    control_plane.kubectl("delete", "lease", LEASE, f"--namespace={NAMESPACE}", "--ignore-not-found")


@pytest.mark.usefixtures("_no_lease")
def test_rights_are_enough_and_none_is_idle(
    operator: StartOperator, scenario: Scenario, ca: Path, audit_log: AuditLog
) -> None:
    """A resource's whole life, and the election of who looks after it, need each right of the roles, and no other."""
    mark = audit_log.mark()
    operator(electing(scenario, ca, NAMESPACE))
    live_a_whole_life(scenario)
    scenario.wait_for_turn()
    renewal = ("patch", "leases")
    eventually(lambda: renewal in uses_of(audit_log.calls(mark)), 10, "the Lease is renewed")

    here = {"", NAMESPACE, scenario.namespace}
    calls = [call for call in audit_log.calls(mark) if call.namespace in here]  # other tests' are ending

    of_lease = [call for call in calls if call.resource == "leases"]
    assert forbidden(calls) == []
    assert uses_of(calls) == rights_of(operator_rules() + lease_rules())
    assert {call.namespace for call in of_lease} == {NAMESPACE}
    assert {call.name for call in of_lease if call.verb != "create"} == {LEASE}


class Places(NamedTuple):
    """Where an installation for some namespaces works, and where not."""

    worked_in: tuple[Scenario, Scenario]
    left_alone: Scenario
    home: str


@pytest.fixture
def places(scenario: Scenario, new_namespace: NewNamespace) -> Places:
    """Each a namespace of its own."""
    other, ignored = (Scenario(scenario.cluster, scenario.entra, new_namespace()) for _ in range(2))
    return Places((scenario, other), ignored, new_namespace())


def test_roles_of_its_namespaces_are_enough(
    operator: StartOperator,
    control_plane: ControlPlane,
    places: Places,
    ca: Path,
    audit_log: AuditLog,
) -> None:
    """Without any right in the cluster it works where it is told to, leaves the rest alone, and calls nothing in vain."""
    (scenario, other), ignored, home = places
    for each in other, ignored:
        each.put_certificate()
        each.create()
    namespaces = [scenario.namespace, other.namespace]
    identity = install_identity(control_plane, f"tokensync-{home}", home, {"namespaces": namespaces})
    mark = audit_log.mark()
    process = operator(electing(scenario, ca, home, namespaces=",".join(namespaces)), kubeconfig=identity)
    live_a_whole_life(scenario)
    other.wait_ready()
    scenario.wait_for_turn()

    calls = audit_log.calls(mark)

    assert forbidden(calls) == []
    assert {call.namespace for call in calls if call.resource} == {*namespaces, home}
    assert {call.resource for call in calls if call.namespace == home} == {"leases"}
    assert ignored.token() is None
    assert ignored.status() == {"observedGeneration": -1}
    assert not [line for line in process.log_text.splitlines() if '"warning"' in line or '"error"' in line]


PATIENCE = 2
"""Seconds from SIGTERM to the end."""


def test_it_ends_at_once_while_requests_are_under_way(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """Nobody waits for a provider that does not answer."""
    process = operator(quick_settings(scenario.entra, ca))
    with scenario.entra.failing(Hang()):
        for number in range(10):
            scenario.create(f"hanging-{number}", clientId=scenario.register().client_id)
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
