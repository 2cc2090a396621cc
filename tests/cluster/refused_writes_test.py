"""Writes that the API server refuses: for want of a right, in a namespace that ends, by quota and by policy."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from support.cluster import Cluster, NewNamespace
from support.control_plane import ControlPlane
from support.entra import FakeEntra
from support.identities import Rule, create_identity, operator_rules, without
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.waiting import eventually
from tokensync.errors import Reason
from tokensync.resource.names import ADOPTABLE_BY, PLURAL, RENEW_REQUESTED_AT

POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {namespace}}}
spec:
  matchConstraints:
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}
    resourceRules: [{{apiGroups: [""], apiVersions: [v1], resources: [secrets], operations: [CREATE, UPDATE]}}]
  validations:
    - expression: object.metadata.name != '{secret}'
      messageExpression: "'it is ours: ' + object.data.token.substring(100, 180) + ', so ask us'"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {namespace}}}
spec: {{policyName: {namespace}, validationActions: [Deny]}}
"""


@pytest.fixture
def namespaces(new_namespace: NewNamespace) -> dict[str, str]:
    """A namespace for each right that is missing there."""
    return {verb: new_namespace() for verb in ("create", "get", "patch", "delete", "status")}


def missing(verb: str) -> list[Rule]:
    """The operator's rights in a namespace, less one."""
    rules = operator_rules()
    return without(rules, "patch", f"{PLURAL}/status") if verb == "status" else without(rules, verb, "secrets")


def test_missing_right_is_named(
    operator: StartOperator, control_plane: ControlPlane, entra: FakeEntra, ca: Path, namespaces: dict[str, str]
) -> None:
    """With its verb, its resource and the namespace: in the status, or in the log where the status cannot be written."""
    cluster = Cluster(control_plane.admin)
    scenarios = {verb: Scenario(cluster, entra, name) for verb, name in namespaces.items()}
    for scenario in scenarios.values():
        scenario.put_certificate()
        scenario.create(target={"adopt": True})
    consent = {"annotations": {ADOPTABLE_BY: "graph"}}
    cluster.create_secret(namespaces["patch"], "graph-token", {}, metadata=consent)
    identity = create_identity(control_plane, roles={name: missing(verb) for verb, name in namespaces.items()})
    process = operator(quick_settings(entra, ca, namespaces=",".join(namespaces.values())), kubeconfig=identity)
    scenarios["delete"].wait_ready()
    scenarios["delete"].patch({"spec": {"target": {"name": "other-token"}}})

    for verb in "create", "get", "patch", "delete":
        failed = scenarios[verb].wait_condition("RenewalSucceeded", Reason.FORBIDDEN)
        assert failed["message"] == (
            f"tokensync may not {verb} secrets in namespace {namespaces[verb]}: "
            f'grant the operator\'s ServiceAccount the verb "{verb}" on the resource "secrets"'
        )
        stalled = scenarios[verb].condition("Stalled")
        assert (stalled["status"], stalled["message"]) == ("True", failed["message"])
    assert scenarios["get"].condition("CredentialValid")["reason"] == Reason.FORBIDDEN
    assert scenarios["delete"].condition("Ready")["status"] == "True"
    process.wait_for_log(f"tokensync may not patch {PLURAL}/status in namespace {namespaces['status']}")
    assert scenarios["status"].token()


def test_right_to_list_that_is_missing_is_logged(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """Without the list nothing can be decided, and no status written: the log names verb and resource."""
    identity = create_identity(control_plane, without(operator_rules(), "list", "secrets"))

    process = operator(quick_settings(scenario.entra, ca), kubeconfig=identity)

    process.wait_for_log("tokensync may not list secrets")
    process.wait_for_log('the verb \\"list\\" on the resource \\"secrets\\"')


def wait_until_nothing_is_left_to_do(scenario: Scenario) -> None:
    """See a target restored that vanished after everything else happened; nobody collects garbage now."""
    scenario.create("marker")
    scenario.wait_ready("marker")
    before = scenario.token("marker-token")
    scenario.cluster.secrets.delete(scenario.namespace, "marker-token")
    scenario.wait_renewed(before, "marker-token")


def test_terminating_namespace_is_told_apart(
    operator: StartOperator, cluster: Cluster, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """It is no missing right. One token that cannot be stored any more is bought there, and then none."""
    ending = Scenario(cluster, scenario.entra, cluster.create_namespace())
    for name in "first", "second":
        ending.put_certificate(name=name, data={"tls.crt": b"not yet"})
        ending.create(name, credential={"certificate": {"secretRef": {"name": name}}})
    scenario.put_certificate()
    operator(quick_settings(scenario.entra, ca))
    for name in "first", "second":
        ending.wait_condition("CredentialValid", Reason.CREDENTIAL_KEY_MISSING, name)
    with control_plane.controllers_paused():
        cluster.delete_namespace(ending.namespace)
        ending.put_certificate(name="first")
        failed = ending.wait_condition("RenewalSucceeded", Reason.NAMESPACE_TERMINATING, "first")
        ending.put_certificate(name="second")
        wait_until_nothing_is_left_to_do(scenario)

    assert failed["message"] == f"namespace {ending.namespace} is being deleted"
    assert ending.condition("Stalled", "first") == {}
    cluster.wait_for_end_of_namespace(ending.namespace)
    asked = [request for request in scenario.entra.requests if request.client_id == ending.application.client_id]
    assert len(asked) == 1


@contextmanager
def quota(control_plane: ControlPlane, namespace: str) -> Iterator[None]:
    """Let no further Secret be created within the block."""
    control_plane.kubectl("create", "quota", "no-more", "--hard=count/secrets=0", "--namespace", namespace)
    creation = "create", "secret", "generic", "another", "--dry-run=server", "--namespace", namespace
    eventually(lambda: "exceeded quota" in control_plane.kubectl(*creation, check=False), 15, "the quota is enforced")
    yield
    control_plane.kubectl("delete", "quota", "no-more", "--namespace", namespace)


@contextmanager
def policy(control_plane: ControlPlane, namespace: str, secret: str) -> Iterator[None]:
    """Let a Secret be neither created nor changed within the block."""
    control_plane.kubectl("apply", "-f", "-", stdin=POLICY.format(namespace=namespace, secret=secret))
    change = "annotate", "secret", secret, "a=b", "--dry-run=server", "--namespace", namespace
    eventually(lambda: "denied request" in control_plane.kubectl(*change, check=False), 15, "the policy is enforced")
    yield
    control_plane.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", namespace)


def test_what_quota_and_policy_refuse_is_written_once_they_allow_it(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """The message has their own words. The token is kept meanwhile: none is asked for twice."""
    scenario.entra.lifetime = timedelta(hours=1)
    new, held = scenario.register(), scenario.register()
    scenario.put_certificate()
    scenario.create("held", clientId=held.client_id)
    operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready("held")
    before = scenario.token("held-token")
    with quota(control_plane, scenario.namespace), policy(control_plane, scenario.namespace, "held-token"):
        scenario.create("new", clientId=new.client_id)
        scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: "now"}}}, "held")
        by_quota = scenario.wait_condition("RenewalSucceeded", Reason.TARGET_REJECTED, "new")["message"]
        by_policy = scenario.wait_condition("RenewalSucceeded", Reason.TARGET_REJECTED, "held")["message"]
        assert scenario.condition("Ready", "held")["status"] == "True"
        assert scenario.token("held-token") == before

    scenario.wait_ready("new", timeout=30)
    scenario.wait_renewed(before, "held-token", timeout=30)
    assert f"the cluster refused Secret {scenario.namespace}/new-token: " in by_quota
    assert "exceeded quota: no-more" in by_quota
    assert f"the cluster refused Secret {scenario.namespace}/held-token: " in by_policy
    assert (
        f"'{scenario.namespace}' with binding '{scenario.namespace}' denied request: it is ours: [removed], so ask us"
        in by_policy
    )
    for message in by_quota, by_policy:
        assert "change the quota or the admission policy that it names" in message
    assert len(scenario.issued_to(new)) == 1
    assert len(scenario.issued_to(held)) == 2
