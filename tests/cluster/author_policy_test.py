"""Who writes a resource uses Secrets through the operator: only those that he may use without it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.example_resource import resource
from support.objects import Json
from support.waiting import eventually

RIGHTS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: author}
rules:
  - {apiGroups: [tokensync.dev], resources: [clientcredentialtokens], verbs: [get, create, update, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: author}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: author}
subjects:
  - {kind: User, name: alice}
  - {kind: User, name: bob}
  - {kind: User, name: carol}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: edit}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: User, name: bob}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
  - {apiGroups: [""], resources: [secrets], resourceNames: [graph-client-certificate, previous], verbs: [get]}
  - {apiGroups: [""], resources: [secrets], resourceNames: [graph-token], verbs: [get, update]}
  - {apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [reporter], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: User, name: carol}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: view}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: User, name: victor}]
"""

Apply = Callable[..., str]
"""Applies a resource as somebody, and returns what kubectl says."""


@pytest.fixture
def kubectl(control_plane: ControlPlane, operator_identity: Path, namespace: str) -> Apply:
    """Runs kubectl in a namespace where alice may write resources, bob everything, and carol may use what is named above."""
    assert operator_identity  # the policies come with it
    control_plane.kubectl("apply", "-n", namespace, "-f", "-", stdin=RIGHTS)

    def run(user: str, *args: str, body: Json | None = None) -> str:
        flags = f"--namespace={namespace}", f"--as={user}"
        return control_plane.kubectl(*args, *flags, stdin=yaml.safe_dump(body), check=False)

    def refused() -> bool:
        return "denied request" in run("alice", "create", "--dry-run=server", "-f", "-", body=resource())

    eventually(refused, 30, "alice's right is known and the policy in force")
    eventually(lambda: "yes" in run("bob", "auth", "can-i", "delete", "secrets"), 30, "bob's right is known")
    return run


APPLY = "apply", "--server-side", "-f", "-"


def test_credential_that_the_author_may_not_read_is_refused(kubectl: Apply, namespace: str) -> None:
    """The message names who may not do what, and how to go on."""
    answer = kubectl("alice", *APPLY, body=resource())

    assert "ValidatingAdmissionPolicy 'tokensync-authors'" in answer
    assert "is forbidden" in answer
    assert (
        f"alice may not read Secret {namespace}/graph-client-certificate, and so may not use it: "
        "ask for the verb get on it, or let somebody who has it write this"
    ) in answer


def test_credential_that_the_author_may_read_is_taken(kubectl: Apply) -> None:
    """One Secret's right is enough, and `edit` has it."""
    assert "serverside-applied" in kubectl("bob", *APPLY, body=resource())
    assert "serverside-applied" in kubectl("carol", *APPLY, body=resource() | {"metadata": {"name": "other"}})


CERTIFICATE = {"secretRef": {"name": "graph-client-certificate"}}
BUNDLE = {"caBundleRef": {"secretKeyRef": {"name": "other", "key": "ca.crt"}}}
ENTRA = {"tenantId": "contoso.onmicrosoft.com", "authorityHost": "login.example.com", **BUNDLE}
OIDC = {"issuer": "https://login.example.com", **BUNDLE}
OAUTH2 = {"tokenEndpoint": "https://login.example.com/token", **BUNDLE}
OTHERS_SECRET = "carol may not read Secret {namespace}/other, and so may not use it: ask for the verb get on it"
OTHERS_ACCOUNT = (
    "carol may not create tokens of ServiceAccount {namespace}/other, and so may not use it as a credential: "
    "ask for the verb create on its subresource token, or let somebody who has it write this"
)

USES: dict[str, tuple[Json, str]] = {
    "fallback": (
        {"credential": {"certificate": CERTIFICATE | {"fallbackSecretRef": {"name": "other"}}}},
        OTHERS_SECRET,
    ),
    "client-secret": (
        {"credential": {"clientSecret": {"secretKeyRef": {"name": "other", "key": "secret"}}}},
        OTHERS_SECRET,
    ),
    "service-account": ({"credential": {"serviceAccount": {"name": "other"}}}, OTHERS_ACCOUNT),
    "bundle-for-entra": ({"provider": {"entra": ENTRA}}, OTHERS_SECRET),
    "bundle-for-oidc": ({"provider": {"oidc": OIDC}}, OTHERS_SECRET),
    "bundle-for-oauth2": ({"provider": {"oauth2": OAUTH2}}, OTHERS_SECRET),
}
"""What a resource can use beside a certificate: its spec, and what carol is told, who may not use `other`."""


@pytest.mark.parametrize("use", USES)
def test_whatever_a_resource_uses_its_author_may_use(kubectl: Apply, namespace: str, use: str) -> None:
    """Pairs to fall back to, client secrets, ServiceAccounts and CA bundles are asked for as certificates are."""
    spec, refusal = USES[use]
    body = resource()
    body["spec"] |= spec

    by_carol, by_bob = (kubectl(user, *APPLY, "--dry-run=server", body=body) for user in ("carol", "bob"))

    assert "ValidatingAdmissionPolicy 'tokensync-authors'" in by_carol
    assert refusal.format(namespace=namespace) in by_carol
    assert "serverside-applied" in by_bob, by_bob


@pytest.mark.parametrize(
    "credential",
    [
        {"serviceAccount": {"name": "reporter"}},
        {"clientSecret": {"secretKeyRef": {"name": "graph-client-certificate", "key": "secret"}}},
        {"certificate": CERTIFICATE | {"fallbackSecretRef": {"name": "previous"}}},
    ],
    ids=lambda credential: next(iter(credential)),
)
def test_right_to_what_is_named_is_enough(kubectl: Apply, credential: Json) -> None:
    """Of a ServiceAccount it is the right to create its tokens, of a Secret the one to read it."""
    body = resource("spec.credential", credential)

    assert "serverside-applied" in kubectl("carol", *APPLY, body=body)
    assert "alice may not" in kubectl("alice", *APPLY, body=body | {"metadata": {"name": "by-alice"}})


@pytest.mark.parametrize("adopt", [True, False])
def test_adoption_takes_the_rights_to_update_and_delete(kubectl: Apply, namespace: str, adopt: bool) -> None:
    """Who may only update the Secret may only have it made."""
    adopting = resource("spec.target.adopt", adopt)

    by_carol, by_bob = (kubectl(user, *APPLY, "--dry-run=server", body=adopting) for user in ("carol", "bob"))

    assert "serverside-applied" in by_bob
    assert ("serverside-applied" in by_carol) is not adopt
    refusal = (
        f"carol may not update and delete Secret {namespace}/graph-token, and so may not have it adopted: "
        "ask for both verbs on it, or remove target.adopt"
    )
    assert (refusal in by_carol) is adopt


def test_what_uses_nothing_anew_is_left_alone(kubectl: Apply) -> None:
    """Metadata, such as a request to renew, and an apply of what is there, as tools for GitOps do it again and again."""
    kubectl("bob", *APPLY, body=resource())

    assert "annotated" in kubectl("alice", "annotate", "cct", "graph", "tokensync.dev/renew-requested-at=now")
    assert "labeled" in kubectl("alice", "label", "cct", "graph", "team=reports")
    assert "serverside-applied" in kubectl("alice", *APPLY, body=resource())
    assert "configured" in kubectl("alice", "apply", "-f", "-", body=resource())


@pytest.mark.parametrize(("path", "value"), [("clientId", "another"), ("target", {"name": "other"}), ("suspend", True)])
def test_changed_spec_is_looked_at_again(kubectl: Apply, path: str, value: object) -> None:
    """Whoever changes it, not only who wrote it first, is responsible for what it uses."""
    kubectl("bob", *APPLY, body=resource())
    change = "patch", "cct", "graph", "--type=merge", "-p", yaml.safe_dump({"spec": {path: value}})

    assert "alice may not read Secret" in kubectl("alice", *change)
    assert "patched" in kubectl("bob", *change)


def test_whoever_views_sees_resources_and_changes_none(kubectl: Apply, cluster: Cluster, namespace: str) -> None:
    """The chart adds them to the role `view`, and to nothing that writes."""
    cluster.resources.create(namespace, resource())

    eventually(lambda: "graph" in kubectl("victor", "get", "cct", "-o", "name"), 30, "victor sees it")

    assert "cannot patch" in kubectl("victor", "label", "cct", "graph", "a=b")
    assert kubectl("bob", "auth", "can-i", "create", "cct").strip() == "yes"  # by the role of authors
    assert kubectl("bob", "auth", "can-i", "delete", "cct").strip() == "no"
