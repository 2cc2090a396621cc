"""Who the operator is in the cluster, and what it may do there."""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from support.control_plane import ControlPlane

MANIFEST = Path(__file__).parent / "manifests" / "rbac.yaml"
"""The operator's ServiceAccount and its rights."""

RBAC = "/apis/rbac.authorization.k8s.io/v1"

Rule = dict[str, list[str]]
"""A rule of a ClusterRole."""


def operator_kubeconfig(control_plane: ControlPlane) -> Path:
    """The operator's own identity, with exactly the rights that it needs."""
    control_plane.kubectl("apply", "--server-side", "-f", MANIFEST)
    return service_account_kubeconfig(control_plane, "tokensync-system", "tokensync")


def service_account_kubeconfig(control_plane: ControlPlane, namespace: str, name: str) -> Path:
    """A kubeconfig for a ServiceAccount, with a token that outlasts any test run."""
    token = control_plane.kubectl("create", "token", name, f"--namespace={namespace}", "--duration=24h")
    return control_plane.kubeconfig(f"{namespace}-{name}", token.strip())


def create_identity(
    control_plane: ControlPlane, rules: Sequence[Rule] = (), *, roles: Mapping[str, Sequence[Rule]] | None = None
) -> Path:
    """Create a ServiceAccount that may do this and nothing else; returns its kubeconfig.

    Args:
        control_plane: where.
        rules: in all namespaces.
        roles: by namespace, what it may do there alone.
    """
    namespace, name = "default", f"test-{uuid.uuid4().hex[:8]}"
    control_plane.admin.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})
    subject = {"kind": "ServiceAccount", "namespace": namespace, "name": name}
    if rules:
        _grant(control_plane, "Cluster", RBAC, subject, rules)
    for where, granted in (roles or {}).items():
        _grant(control_plane, "", f"{RBAC}/namespaces/{where}", subject, granted)
    return service_account_kubeconfig(control_plane, namespace, name)


def _grant(
    control_plane: ControlPlane, scope: str, path: str, subject: Mapping[str, str], rules: Sequence[Rule]
) -> None:
    """Bind a role of its own to a ServiceAccount. `scope` is `Cluster`, or empty for a namespace's role."""
    metadata = {"metadata": {"name": subject["name"]}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": f"{scope}Role", "name": subject["name"]}
    roles, bindings = f"{path}/{scope.lower()}roles", f"{path}/{scope.lower()}rolebindings"
    control_plane.admin.request("POST", roles, metadata | {"rules": rules})
    control_plane.admin.request("POST", bindings, metadata | {"roleRef": role, "subjects": [subject]})


def operator_rules() -> list[Rule]:
    """The rules that the operator has."""
    documents = yaml.safe_load_all(MANIFEST.read_text())
    rules: list[Rule] = next(document["rules"] for document in documents if document["kind"] == "ClusterRole")
    return rules


def without(rules: Sequence[Rule], verb: str, resource: str) -> list[Rule]:
    """The rules less one right."""
    reduced = (
        rule | {"verbs": [given for given in rule["verbs"] if given != verb]} if resource in rule["resources"] else rule
        for rule in rules
    )
    return [rule for rule in reduced if rule["verbs"]]
