"""Who the operator is in the cluster, and what it may do there: what the chart gives it."""

import functools
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from support import chart
from support.chart import NAMESPACE, RELEASE
from support.chart_snapshots import snapshot_of
from support.control_plane import ControlPlane
from support.objects import Json

RBAC = "/apis/rbac.authorization.k8s.io/v1"

RIGHTS = frozenset(
    {
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
)
"""The kinds of objects in the chart by which the operator is somebody."""

Rule = dict[str, list[str]]
"""A rule of a Role or a ClusterRole."""


def operator_kubeconfig(control_plane: ControlPlane) -> Path:
    """The operator's own identity, with exactly the rights that the chart gives it, and under its admission policies."""
    return _install(control_plane, RELEASE, NAMESPACE, _default_rights())


def install_identity(
    control_plane: ControlPlane, release: str, namespace: str, values: Mapping[str, Any] | None = None
) -> Path:
    """Create what makes the operator of a release somebody, its namespace included.

    Args:
        control_plane: where.
        release: its name, with the chart's in it, so that it is the ServiceAccount's too.
        namespace: the release's.
        values: in place of the chart's own.

    Returns:
        A kubeconfig of the ServiceAccount.
    """
    return _install(
        control_plane, release, namespace, _rights(chart.objects(values, release=release, namespace=namespace))
    )


def _install(control_plane: ControlPlane, release: str, namespace: str, rights: Iterable[Json]) -> Path:
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all([home, *rights]))
    return service_account_kubeconfig(control_plane, namespace, release)


def _default_rights() -> list[Json]:
    """Those of the chart as it comes, from its snapshot: the demo needs no Helm."""
    return _rights(yaml.safe_load_all(snapshot_of("default").read_text()))


def _rights(objects: Iterable[Json]) -> list[Json]:
    return [each for each in objects if each["kind"] in RIGHTS]


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
    """What the operator may do wherever its resources are."""
    return _rules("ClusterRole", RELEASE)


def lease_rules() -> list[Rule]:
    """What it may do in the namespace of its Lease."""
    return _rules("Role", f"{RELEASE}-lease")


@functools.cache
def _rules(kind: str, name: str) -> list[Rule]:
    roles = (each for each in _default_rights() if each["kind"] == kind)
    rules: list[Rule] = next(role["rules"] for role in roles if role["metadata"]["name"] == name)
    return rules


def without(rules: Sequence[Rule], verb: str, resource: str) -> list[Rule]:
    """The rules less one right."""
    reduced = (
        rule | {"verbs": [given for given in rule["verbs"] if given != verb]} if resource in rule["resources"] else rule
        for rule in rules
    )
    return [rule for rule in reduced if rule["verbs"]]
