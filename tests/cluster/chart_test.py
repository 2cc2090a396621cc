"""What the chart renders is taken by a real API server, to the last field."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import yaml

from support import binaries, chart, chart_snapshots
from support.control_plane import ControlPlane
from support.kubectl import KubectlError
from support.objects import Json
from support.waiting import eventually

MONITORING = ("servicemonitors", "podmonitors", "prometheusrules")
"""The kinds of the Prometheus operator that the chart has."""

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
"""Labels of a namespace. A Deployment whose pods would be refused there is warned of."""

POLICY = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"

RUNTIME = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "gvisor"}, "handler": "runsc"}
"""What a value set's pods ask for."""

NAMESPACED: dict[str, Any] = {"namespaces": ["billing", "reports"]}
OWN_SETS: dict[str, dict[str, Any]] = {
    "namespaced with what belongs to the cluster": NAMESPACED
    | {
        "rbac": {"aggregateToView": True},
        "admissionPolicies": {"operator": {"enabled": True}, "authors": {"enabled": True}},
    }
}
"""Values beside the chart's own sets of them."""


@pytest.fixture(scope="module")
def furnished(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """A control plane with the kinds of the Prometheus operator, and a RuntimeClass."""
    folder = binaries.monitoring_crds()
    kinds = [f"--filename={folder / f'monitoring.coreos.com_{kind}.yaml'}" for kind in MONITORING]
    control_plane.kubectl("apply", "--server-side", *kinds)
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *kinds)
    control_plane.kubectl("create", "--filename=-", stdin=yaml.safe_dump(RUNTIME))
    yield control_plane
    control_plane.kubectl("delete", "--filename=-", stdin=yaml.safe_dump(RUNTIME))
    control_plane.kubectl("delete", *kinds)


def objects(name: str) -> list[Json]:
    """What is rendered from a value set."""
    if name in OWN_SETS:
        return chart.objects(OWN_SETS[name])
    return chart.objects(None, f"--values={chart_snapshots.values_of(name)}")


def put_namespaces(control_plane: ControlPlane, names: set[str]) -> None:
    """Have namespaces in which nothing but restricted pods may run, each with the ServiceAccount that it gets."""
    bodies = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}} for name in names
    ]
    control_plane.kubectl("apply", "--server-side", "--filename=-", stdin=yaml.safe_dump_all(bodies))
    for name in names:
        account = "get", "serviceaccount", "default", f"--namespace={name}", "--output=name", "--ignore-not-found"
        eventually(partial(control_plane.kubectl, *account), 30, f"{name} has its ServiceAccount")


def try_out(control_plane: ControlPlane, manifests: list[Json]) -> list[str]:
    """Apply everything without storing it; a field that is not known, or anything to be warned of, is an error.

    Returns:
        A line for each object.
    """
    strict = "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--warnings-as-errors"
    answer = control_plane.kubectl("apply", *strict, "--filename=-", stdin=yaml.safe_dump_all(manifests))
    return answer.splitlines()


@pytest.mark.parametrize("name", [*chart_snapshots.names(), *OWN_SETS])
def test_objects_are_taken(furnished: ControlPlane, name: str) -> None:
    """All fields are known, no warning is given, and pods keep to the restricted Pod Security Standard."""
    manifests = objects(name)
    put_namespaces(furnished, {each["metadata"]["namespace"] for each in manifests if "namespace" in each["metadata"]})

    answers = try_out(furnished, manifests)

    assert len(answers) == len(manifests) > 0
    assert all(answer.endswith("serverside-applied (server dry run)") for answer in answers), answers


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [("replica", 2, r"unknown field|field not declared"), ("hostNetwork", True, "would violate PodSecurity")],
)
def test_what_is_wrong_would_be_found(furnished: ControlPlane, field: str, value: object, complaint: str) -> None:
    """Of a Deployment with a field that does not exist, and of one whose pods want too much."""
    (deployment,) = (each for each in objects("default") if each["kind"] == "Deployment")
    put_namespaces(furnished, {deployment["metadata"]["namespace"]})
    pod = deployment["spec"]["template"]["spec"]
    (pod if field == "hostNetwork" else deployment["spec"])[field] = value

    with pytest.raises(KubectlError, match=complaint):
        try_out(furnished, [deployment])


def test_installation_for_namespaces_has_nothing_of_the_cluster() -> None:
    """Who may do everything in some namespaces, and nothing elsewhere, can install it once the CRD is there."""
    manifests = chart.objects(NAMESPACED | {"crds": {"enabled": False}})

    places = {each["metadata"].get("namespace") for each in manifests}

    assert places == {chart.NAMESPACE, "billing", "reports"}
    assert not [each["kind"] for each in manifests if each["kind"].startswith(("Cluster", "Validating"))]


@pytest.mark.parametrize(
    ("known", "policies"),
    [
        pytest.param([], True, id="no cluster at hand"),
        pytest.param(["v1/Secret", POLICY], True, id="a cluster with policies"),
        pytest.param(["v1/Secret"], False, id="a cluster without"),
    ],
)
def test_policies_are_there_unless_the_cluster_has_no_such_kind(known: list[str], policies: bool) -> None:
    """Who renders for a cluster that Helm cannot ask gets what every supported version has."""
    kinds = [f"--api-versions={kind}" for kind in known]
    text = chart.helm("template", chart.RELEASE, str(chart.CHART), "--kube-version=1.31.0", *kinds)
    assert ("kind: ValidatingAdmissionPolicyBinding" in text) is policies


def test_nobody_is_given_more_than_reading() -> None:
    """The chart adds to the role `view`, never to `edit` or `admin`, and only what reads resources."""
    roles = [each for each in chart.objects() if each["kind"] == "ClusterRole"]

    aggregated = {
        label: role["rules"]
        for role in roles
        for label in role["metadata"]["labels"]
        if label.startswith("rbac.authorization.k8s.io/aggregate-to-")
    }

    rule = {"apiGroups": ["tokensync.dev"], "resources": ["clientcredentialtokens"], "verbs": ["get", "list", "watch"]}
    assert aggregated == {"rbac.authorization.k8s.io/aggregate-to-view": [rule]}
