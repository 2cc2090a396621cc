"""The operator's identity, stolen and given every right in the cluster: admission policies hold it to its business."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import chart
from support.cluster import Cluster, NewNamespace
from support.control_plane import ControlPlane
from support.example_resource import resource
from support.identities import install_identity
from support.objects import Json
from support.waiting import eventually
from tokensync.resource.names import ADOPTABLE_BY, ADOPTED, API_VERSION, ISSUED_AT, KIND, OWNER_UID_LABEL

EVERYTHING = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {name}-has-everything}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}
subjects: [{{kind: ServiceAccount, name: {name}, namespace: {namespace}}}]
"""


class Thief:
    """Somebody with an operator's token, and every right. Each write is tried, and none stored."""

    def __init__(self, control_plane: ControlPlane, kubeconfig: Path) -> None:
        self._run = control_plane.kubectl
        self._flags = (f"--kubeconfig={kubeconfig}", "--dry-run=server")

    def kubectl(self, *args: str, body: Json | None = None) -> str:
        """What kubectl prints, complaints included."""
        return self._run(*args, *self._flags, stdin=yaml.safe_dump(body), check=False)

    def create(self, body: Json) -> str:
        """Try to create an object."""
        return self.kubectl("create", "--filename=-", body=body)

    def patch(self, namespace: str, patch: Json) -> str:
        """Try to change the Secret `graph-token`."""
        return self.kubectl("patch", "secret", "graph-token", f"-n={namespace}", "--type=merge", "-p", yaml.dump(patch))

    def delete(self, namespace: str) -> str:
        """Try to delete that Secret."""
        return self.kubectl("delete", "secret", "graph-token", f"-n={namespace}")


def wait_until_bound(thief: Thief) -> None:
    """Wait until the API server knows of policies what it was told."""
    attempt = "create", "configmap", "attempt", "--namespace=default"
    eventually(lambda: "denied request" in thief.kubectl(*attempt), 30, "the policies are in force")


@pytest.fixture(scope="module")
def thief(control_plane: ControlPlane, operator_identity: Path) -> Iterator[Thief]:
    """With the token of the operator: what is refused now, a policy refuses."""
    binding = EVERYTHING.format(name="tokensync", namespace="tokensync-system")
    control_plane.kubectl("apply", "-f", "-", stdin=binding)
    thief = Thief(control_plane, operator_identity)
    wait_until_bound(thief)
    yield thief
    control_plane.kubectl("delete", "-f", "-", stdin=binding)


@dataclass(frozen=True)
class Place:
    """A namespace with two resources and something else that may control a Secret.

    What a Secret refers to is there: it would be collected otherwise.

    Attributes:
        label: what a Secret of the first resource carries.
        token: the owner reference of a Secret of the first resource.
        other_token: that of a Secret of the second one.
        foreign: that of a Secret of somebody else.
    """

    namespace: str
    label: dict[str, str]
    token: Json
    other_token: Json
    foreign: Json

    def secret(
        self,
        *owners: Json,
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
        kind: str = "Opaque",
    ) -> Json:
        """The Secret `graph-token`."""
        metadata: Json = {"name": "graph-token", "namespace": self.namespace, "ownerReferences": list(owners)}
        metadata |= {"labels": labels or {}, "annotations": annotations or {}}
        return {"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": metadata}


@pytest.fixture
def place(cluster: Cluster, control_plane: ControlPlane, namespace: str) -> Place:
    """Somewhere to try."""
    graph, other = (
        cluster.resources.create(namespace, resource("metadata.name", name))["metadata"]["uid"]
        for name in ("graph", "other")
    )
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    config = control_plane.admin.request("POST", path, {"metadata": {"name": "graph"}})["metadata"]["uid"]
    token = {"apiVersion": API_VERSION, "kind": KIND, "name": "graph", "uid": graph, "controller": True}
    foreign = token | {"apiVersion": "v1", "kind": "ConfigMap", "uid": config}
    return Place(namespace, {OWNER_UID_LABEL: graph}, token, token | {"name": "other", "uid": other}, foreign)


Secret = Callable[[Place], Json]

CONSENT = {ADOPTABLE_BY: "graph"}
TAKEN = {ADOPTED: "true"}
NOT_OURS = "is not tokensync's: it writes only those whose label tokensync.dev/owner-uid and controller"
UNMARKED = "would outlive its ClientCredentialToken without being adopted or retained"


def refused(answer: str, policy: str, why: str) -> bool:
    """Whether that policy refused it, and said why."""
    return f"ValidatingAdmissionPolicy '{policy}'" in answer and "is forbidden" in answer and why in answer


CREATIONS: dict[str, tuple[Secret, str]] = {
    "of nobody": (lambda at: at.secret(), NOT_OURS),
    "without our label": (lambda at: at.secret(at.token), NOT_OURS),
    "of another resource": (lambda at: at.secret(at.other_token, labels=at.label), NOT_OURS),
    "of somebody else": (lambda at: at.secret(at.foreign | {"uid": at.token["uid"]}, labels=at.label), NOT_OURS),
    "that nobody will delete": (lambda at: at.secret(labels=at.label), UNMARKED),
    "that ends with what was adopted": (
        lambda at: at.secret(at.token, labels=at.label, annotations=TAKEN),
        "was adopted, and tokensync may not have it deleted",
    ),
    "token of a ServiceAccount": (
        lambda at: at.secret(
            at.token,
            labels=at.label,
            annotations={"kubernetes.io/service-account.name": "default"},
            kind="kubernetes.io/service-account-token",
        ),
        "of type kubernetes.io/service-account-token: it writes those of the types Opaque, kubernetes.io/basic-auth",
    ),
    "of a type that nobody allowed": (
        lambda at: at.secret(at.token, labels=at.label, kind="example.com/token"),
        "of type example.com/token: it writes those of the types",
    ),
}


@pytest.mark.parametrize("case", CREATIONS)
def test_secret_that_is_none_of_its_own_is_not_created(thief: Thief, place: Place, case: str) -> None:
    """Nor one of a type that means something to the cluster, whatever it carries."""
    body, why = CREATIONS[case]
    answer = thief.create(body(place))
    assert refused(answer, "tokensync-operator-secrets", why), answer


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda at: at.secret(at.token, labels=at.label), id="controlled"),
        pytest.param(lambda at: at.secret(labels=at.label, annotations=CONSENT), id="retained"),
        pytest.param(
            lambda at: (
                at.secret(at.token, labels=at.label, kind="kubernetes.io/basic-auth") | {"data": {"username": ""}}
            ),
            id="basic-auth",
        ),
        pytest.param(
            lambda at: (
                at.secret(at.token, labels=at.label, kind="kubernetes.io/dockerconfigjson")
                | {"stringData": {".dockerconfigjson": "{}"}}
            ),
            id="dockerconfigjson",
        ),
    ],
)
def test_own_secret_is_created(thief: Thief, place: Place, body: Secret) -> None:
    """With a controller, or with the consent that a retained one has."""
    assert "secret/graph-token created" in thief.create(body(place))


RENEWAL: Json = {"data": {"token": "bmV3"}}


def labelled(at: Place) -> Json:
    """What makes a Secret the first resource's."""
    return {"metadata": {"labels": at.label}}


def adopted(at: Place, **more: Any) -> Json:
    """What adoption writes."""
    return {"metadata": {"labels": at.label, "annotations": TAKEN, **more}} | RENEWAL


CHANGES: dict[str, tuple[Secret, Secret, str]] = {
    "foreign": (lambda at: at.secret(), lambda _: RENEWAL, NOT_OURS),
    "foreign, taken over": (
        lambda at: at.secret(),
        adopted,
        "has no annotation tokensync.dev/adoptable-by: add it, with the name of the ClientCredentialToken",
    ),
    "foreign with consent, of a controller": (
        lambda at: at.secret(at.foreign, annotations=CONSENT),
        lambda at: adopted(at, ownerReferences=[]),
        NOT_OURS,
    ),
    "foreign with consent, to be deleted": (
        lambda at: at.secret(annotations=CONSENT),
        lambda at: {"metadata": {"labels": at.label, "ownerReferences": [at.token]}},
        "may not take over",
    ),
    "of another resource": (
        lambda at: at.secret(labels={OWNER_UID_LABEL: at.other_token["uid"]}, annotations={ISSUED_AT: "then"}),
        adopted,
        "may not take over",
    ),
    "controlled by another resource": (
        lambda at: at.secret(at.other_token, labels={OWNER_UID_LABEL: at.other_token["uid"]}),
        lambda at: {"metadata": {"labels": at.label, "ownerReferences": [at.token]}},
        NOT_OURS,
    ),
    "adopted, forgotten": (
        lambda at: at.secret(labels=at.label, annotations=TAKEN),
        lambda at: {"metadata": {"annotations": {ADOPTED: None}, "ownerReferences": [at.token]}},
        "was adopted, and tokensync may not forget that",
    ),
    "retained, given nobody": (
        lambda at: at.secret(labels=at.label, annotations=CONSENT),
        lambda _: {"metadata": {"annotations": {ADOPTABLE_BY: None}}},
        UNMARKED,
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_secret_that_is_none_of_its_own_is_not_changed(thief: Thief, cluster: Cluster, place: Place, case: str) -> None:
    """Neither what it holds, nor whose it is."""
    body, patch, why = CHANGES[case]
    cluster.secrets.create(place.namespace, body(place))
    answer = thief.patch(place.namespace, patch(place))
    assert refused(answer, "tokensync-operator-secrets", why), answer


@pytest.mark.parametrize(
    ("body", "patch"),
    [
        pytest.param(lambda at: at.secret(at.token, labels=at.label), lambda _: RENEWAL, id="controlled"),
        pytest.param(lambda at: at.secret(at.token), labelled, id="controlled, label lost"),
        pytest.param(lambda at: at.secret(annotations=TAKEN | {ISSUED_AT: "then"}), labelled, id="adopted, label lost"),
        pytest.param(lambda at: at.secret(annotations=CONSENT), adopted, id="foreign with consent"),
        pytest.param(
            lambda at: at.secret(labels=at.label, annotations=CONSENT),
            lambda at: {"metadata": {"annotations": {ADOPTABLE_BY: None}, "ownerReferences": [at.token]}},
            id="retained, to be deleted after all",
        ),
    ],
)
def test_own_secret_is_changed(thief: Thief, cluster: Cluster, place: Place, body: Secret, patch: Secret) -> None:
    """Also one that lost the label, and one whose owner consents."""
    cluster.secrets.create(place.namespace, body(place))
    assert "secret/graph-token patched" in thief.patch(place.namespace, patch(place))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(lambda at: at.secret(), "may not delete", id="foreign"),
        pytest.param(lambda at: at.secret(at.foreign, labels=at.label), "may not delete", id="of somebody else"),
        pytest.param(lambda at: at.secret(labels=at.label, annotations=CONSENT), "may not delete", id="retained"),
        pytest.param(lambda at: at.secret(labels=at.label, annotations=TAKEN), "was adopted", id="adopted"),
    ],
)
def test_secret_without_our_controller_is_not_deleted(
    thief: Thief, cluster: Cluster, place: Place, body: Secret, why: str
) -> None:
    """Whatever label it carries."""
    cluster.secrets.create(place.namespace, body(place))
    answer = thief.delete(place.namespace)
    assert refused(answer, "tokensync-operator-secrets", why), answer


@pytest.mark.parametrize("labels", [True, False], ids=["labelled", "label lost"])
def test_own_secret_is_deleted(thief: Thief, cluster: Cluster, place: Place, labels: bool) -> None:
    """By its controller it is known, as the operator knows its former targets."""
    cluster.secrets.create(place.namespace, place.secret(place.token, labels=place.label if labels else {}))
    assert 'secret "graph-token" deleted' in thief.delete(place.namespace)


@pytest.mark.parametrize(
    ("command", "write"),
    [
        ("create configmap attempt -n default", "CREATE configmaps"),
        ("create namespace attempt", "CREATE namespaces"),
        ("run attempt --image=attempt -n default", "CREATE pods"),
        ("create role attempt --verb=get --resource=secrets -n default", "CREATE roles.rbac.authorization.k8s.io"),
        ("label clusterrole tokensync attempt=made", "UPDATE clusterroles.rbac.authorization.k8s.io"),
        ("delete clusterrolebinding tokensync", "DELETE clusterrolebindings.rbac.authorization.k8s.io"),
        ("label crd clientcredentialtokens.tokensync.dev a=b", "UPDATE customresourcedefinitions.apiextensions.k8s.io"),
        ("label cct graph attempt=made -n {namespace}", "UPDATE clientcredentialtokens.tokensync.dev"),
        ("delete cct graph -n {namespace}", "DELETE clientcredentialtokens.tokensync.dev"),
        ("delete configmaps --all -n {namespace}", "DELETE configmaps"),
    ],
)
def test_nothing_else_is_written(thief: Thief, place: Place, command: str, write: str) -> None:
    """Neither its own roles, nor the resources that it reads, nor anything that it has no business with."""
    answer = thief.kubectl(*command.format(namespace=place.namespace).split())
    assert refused(answer, "tokensync-operator", f"the identity of tokensync may not {write}: it writes Secrets"), (
        answer
    )
    assert "find out who used this one" in answer


ENTRA = "api://AzureADTokenExchange"
REQUESTS: dict[str, tuple[str, Json, str]] = {
    "for the API server": ("default", {}, "may not request a token of a ServiceAccount for "),
    "for its default by name": (
        "default",
        {"audiences": ["https://kubernetes.default.svc.cluster.local"]},
        "may not request a token of a ServiceAccount for https://kubernetes.default.svc.cluster.local: it requests",
    ),
    "for somebody else": (
        "default",
        {"audiences": ["api://elsewhere"]},
        "for api://elsewhere: it requests each for one",
    ),
    "for others too": (
        "default",
        {"audiences": [ENTRA, "https://kubernetes.default.svc.cluster.local"]},
        f"for {ENTRA}, https://kubernetes.default.svc.cluster.local: it requests each for one",
    ),
    "for long": ("default", {"audiences": [ENTRA], "expirationSeconds": 601}, "for more than 600 s, and never does"),
    "by default for long": ("default", {"audiences": [ENTRA], "expirationSeconds": None}, "for more than 600 s"),
    "of the cluster": (
        "kube-system",
        {"audiences": [ENTRA]},
        "may not request tokens of ServiceAccounts in namespace kube",
    ),
    "its own": (
        "tokensync-system",
        {"audiences": [ENTRA]},
        "in namespace tokensync-system, where those of the cluster or",
    ),
}
"""Where, with what in its spec, and why a token of a ServiceAccount is not to be had."""


TokenOf = Callable[..., str]


@pytest.fixture
def token_of(control_plane: ControlPlane, operator_identity: Path, thief: Thief) -> TokenOf:
    """Requests a token of a namespace's ServiceAccount `default` as the thief, and returns what the API server says."""
    assert thief

    def request(namespace: str, **spec: Any) -> str:
        given = {name: value for name, value in {"expirationSeconds": 600, **spec}.items() if value is not None}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": given}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
        flags = f"--raw={path}", "--filename=-", f"--kubeconfig={operator_identity}"
        return control_plane.kubectl("create", *flags, stdin=json.dumps(body), check=False)

    return request


@pytest.mark.parametrize("case", REQUESTS)
def test_it_becomes_nobody_else(token_of: TokenOf, case: str) -> None:
    """No other ServiceAccount lends it a token that is good in the cluster: that one would be bound by no policy of ours."""
    namespace, spec, why = REQUESTS[case]
    answer = token_of(namespace, **spec)
    assert refused(answer, "tokensync-operator-tokenrequests", why), answer


def test_it_requests_tokens_for_providers(token_of: TokenOf, namespace: str) -> None:
    """Of any ServiceAccount elsewhere, for one of the audiences that are listed."""
    for audience in (ENTRA, f"{ENTRA}USGov", f"{ENTRA}China"):
        answer = token_of(namespace, audiences=[audience])
        assert json.loads(answer)["spec"]["audiences"] == [audience], answer


def test_installation_without_audiences_requests_no_tokens() -> None:
    """Who needs no federated credentials takes the right, and the exception from the policy, away."""
    without = chart.objects({"allowedAudiences": []})

    assert "serviceaccounts/token" in str(chart.objects())
    assert "serviceaccounts/token" not in str(without)
    assert "tokensync-operator-tokenrequests" not in {each["metadata"]["name"] for each in without}


LEASE = "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {{name: {name}, namespace: {namespace}}}"
EVENT = """
apiVersion: events.k8s.io/v1
kind: Event
metadata: {{name: attempt, namespace: {namespace}}}
eventTime: "2026-11-23T13:45:00.000000Z"
reportingController: tokensync
reportingInstance: test
action: Renew
reason: Renewed
type: Normal
regarding: {{apiVersion: tokensync.dev/v1alpha1, kind: ClientCredentialToken, name: graph, namespace: {namespace}}}
"""


@pytest.mark.parametrize(("name", "namespace"), [("other", "tokensync-system"), ("tokensync", "default")])
def test_other_leases_are_not_written(thief: Thief, name: str, namespace: str) -> None:
    """Another operator's leader stays leader."""
    answer = thief.create(yaml.safe_load(LEASE.format(name=name, namespace=namespace)))
    assert refused(answer, "tokensync-operator", "may write no other Lease than tokensync-system/tokensync"), answer


def test_what_it_needs_is_written(thief: Thief, place: Place) -> None:
    """Its Lease, Events, and the status of resources."""
    status = ["--subresource=status", "--type=merge", '-p={"status":{"observedGeneration":1}}']
    lease = yaml.safe_load(LEASE.format(name="tokensync", namespace="tokensync-system"))

    apply = "apply", "--server-side", "--force-conflicts", "--filename=-"
    assert "lease.coordination.k8s.io/tokensync serverside-applied" in thief.kubectl(*apply, body=lease)
    event = thief.create(yaml.safe_load(EVENT.format(namespace=place.namespace)))
    assert "event.events.k8s.io/attempt created" in event
    assert "graph patched" in thief.kubectl("patch", "cct", "graph", f"-n={place.namespace}", *status)


def test_others_are_not_bound(control_plane: ControlPlane, thief: Thief) -> None:
    """The policies are about one identity."""
    assert "denied" in thief.kubectl("create", "configmap", "attempt", "-n=default")
    assert "created" in control_plane.kubectl("create", "configmap", "attempt", "-n=default", "--dry-run=server")


def test_installation_with_values_of_its_own_is_held_to_those(
    control_plane: ControlPlane, namespace: str, place: Place, new_namespace: NewNamespace
) -> None:
    """Where its policies are wanted they know its namespaces, the one of its Lease, and the types that it may write."""
    values = {
        "namespaces": [namespace],
        "allowedSecretTypes": ["example.com/token"],
        "admissionPolicies": {"operator": {"enabled": True}},
    }
    other = new_namespace()
    kubeconfig = install_identity(control_plane, "tokensync-scoped", other, values)
    binding = EVERYTHING.format(name="tokensync-scoped", namespace=other)
    control_plane.kubectl("apply", "-f", "-", stdin=binding)
    thief = Thief(control_plane, kubeconfig)
    wait_until_bound(thief)

    outside = thief.create(yaml.safe_load(EVENT.format(namespace=other)))

    why = f"may not write in namespace {other}: add it to the chart's value namespaces if it should"
    assert refused(outside, "tokensync-scoped-operator", why), outside
    assert "created" in thief.create(yaml.safe_load(EVENT.format(namespace=namespace)))
    assert "created" in thief.create(yaml.safe_load(LEASE.format(name="tokensync", namespace=other)))
    assert "created" in thief.create(place.secret(place.token, labels=place.label, kind="example.com/token"))
    control_plane.kubectl("delete", "-f", "-", stdin=binding)
    kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings"
    control_plane.kubectl("delete", kinds, "-l=app.kubernetes.io/instance=tokensync-scoped")


def test_policies_are_sound(control_plane: ControlPlane, operator_identity: Path) -> None:
    """The types in their expressions fit, says the API server, which looks at nothing else before they are used."""
    assert operator_identity
    group = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"

    def checked() -> list[Json]:
        policies = control_plane.admin.request("GET", group)["items"]
        ours = [policy for policy in policies if policy["metadata"]["name"].startswith("tokensync-")]
        return ours if all("typeChecking" in policy.get("status", {}) for policy in ours) else []

    policies = eventually(checked, 30, "all policies are checked")

    assert len(policies) >= 4
    assert [policy["status"]["typeChecking"] for policy in policies] == [{}] * len(policies)
