"""What holds of the chart's objects, whatever the values: labels, namespaces, selectors, and the security of pods."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from support.chart import NAMESPACE, RELEASE, Object, objects, rendered
from support.chart_snapshots import names, values_of
from tokensync.credentials.opener import MOST_MEMORY
from tokensync.credentials.opening import MOST_AT_ONCE

CLUSTER_SCOPED = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}

SETS = pytest.mark.parametrize("name", names())


def values(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(values_of(name).read_text())
    return found


def made(name: str) -> list[Object]:
    """The objects of a value set that are the chart's own."""
    return objects(values(name) | {"extraObjects": []})


def pods(name: str) -> dict[str, Object]:
    """Metadata and spec of each kind of pod."""
    found = {each["kind"]: each for each in made(name) if each["kind"] in {"Deployment", "Pod"}}
    return found | {"Deployment": found["Deployment"]["spec"]["template"]}


def mebibytes(quantity: str) -> int:
    """A quantity of Kubernetes, such as `64Mi`."""
    number, unit = quantity[:-2], quantity[-2:]
    assert unit == "Mi"
    return int(number)


def selectors(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The labels by which objects find the operator's pods."""
    for each in made(name):
        match each["kind"]:
            case "Service":
                yield "Service", each["spec"]["selector"]
            case "Deployment" | "PodDisruptionBudget" | "PodMonitor":
                yield each["kind"], each["spec"]["selector"]["matchLabels"]
            case "NetworkPolicy":
                yield each["kind"], each["spec"]["podSelector"]["matchLabels"]


@SETS
def test_every_object_is_labelled(name: str) -> None:
    """With the labels that Kubernetes recommends, those of Helm, and those that the administrator wants."""
    wanted = values(name).get("commonLabels", {})
    for each in made(name):
        labels = each["metadata"]["labels"]
        assert labels.keys() >= {
            "app.kubernetes.io/name",
            "app.kubernetes.io/version",
            "app.kubernetes.io/part-of",
            "helm.sh/chart",
        }
        assert (labels["app.kubernetes.io/instance"], labels["app.kubernetes.io/managed-by"]) == (RELEASE, "Helm")
        assert labels.items() >= wanted.items(), each["kind"]


@SETS
def test_every_object_is_annotated(name: str) -> None:
    """With what the administrator wants on all of them."""
    wanted = values(name).get("commonAnnotations", {})

    assert not [each for each in made(name) if not each["metadata"].get("annotations", {}).items() >= wanted.items()]


def test_common_labels_change_no_selector() -> None:
    """A Deployment's selector can never be changed, and a Service has to find the pods."""
    labels = {"app.kubernetes.io/name": "other", "app.kubernetes.io/instance": "other", "team": "identity"}
    chosen = rendered("Deployment", {"commonLabels": labels, "podLabels": labels})

    assert chosen["spec"]["selector"] == rendered("Deployment")["spec"]["selector"]
    assert chosen["spec"]["template"]["metadata"]["labels"].items() >= {"team": "identity"}.items()
    assert chosen["spec"]["template"]["metadata"]["labels"].items() >= chosen["spec"]["selector"]["matchLabels"].items()


@SETS
def test_every_object_is_where_it_belongs(name: str) -> None:
    """In the release's namespace; only Roles, and what binds them, are where the operator works."""
    chosen = values(name)
    home = chosen.get("namespaceOverride", NAMESPACE)
    for each in made(name):
        namespace = each["metadata"].get("namespace")
        if each["kind"] in CLUSTER_SCOPED:
            assert namespace is None
        elif each["kind"] in {"Role", "RoleBinding"}:
            assert namespace in {home, chosen.get("leaseNamespace"), *chosen.get("namespaces", [])}
        else:
            assert namespace == home, each["kind"]


@SETS
def test_no_two_objects_are_the_same(name: str) -> None:
    """One would overwrite the other."""
    identities = [
        (each["apiVersion"], each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
        for each in objects(values(name))
    ]

    assert len(identities) == len(set(identities))


@SETS
def test_selectors_find_the_operators_pods_alone(name: str) -> None:
    """And not that of `helm test`, which answers no scrape and counts in no budget."""
    operator = pods(name)["Deployment"]["metadata"]["labels"]
    others = [pod["metadata"]["labels"] for kind, pod in pods(name).items() if kind != "Deployment"]
    for kind, selector in selectors(name):
        assert selector.items() <= operator.items(), kind
        assert not [labels for labels in others if selector.items() <= labels.items()], kind


def test_the_service_monitor_finds_the_service() -> None:
    """By the Service's labels and the port's name."""
    values = {"metrics": {"serviceMonitor": {"enabled": True}, "service": {"labels": {"team": "identity"}}}}
    service, monitor = rendered("Service", values), rendered("ServiceMonitor", values)

    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [each["port"] for each in monitor["spec"]["endpoints"]] == [
        each["name"] for each in service["spec"]["ports"]
    ]


@SETS
def test_pods_meet_the_restricted_standard(name: str) -> None:
    """Pod Security Standards, profile Restricted."""
    for pod in pods(name).values():
        spec = pod["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert all({"configMap", "secret", "emptyDir"} & volume.keys() for volume in spec.get("volumes", []))
        for container in spec["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert not [port for port in container.get("ports", []) if "hostPort" in port]


@SETS
def test_containers_cannot_write_their_file_system(name: str) -> None:
    """Those of the chart itself; the operator needs no folder to write to."""
    for pod in pods(name).values():
        assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_memory_limit_has_room_for_hostile_files() -> None:
    """Those that are opened at once may take all that they may, beside an operator that takes what it requests.

    The program that opens them takes 40 MiB by itself (in the image, of address space).
    """
    (container,) = rendered("Deployment")["spec"]["template"]["spec"]["containers"]
    requested, most = (container["resources"][each]["memory"] for each in ("requests", "limits"))

    assert mebibytes(most) >= mebibytes(requested) + MOST_AT_ONCE * (40 + MOST_MEMORY / 2**20)


@SETS
def test_a_token_is_mounted_only_where_it_is_wanted(name: str) -> None:
    """Each pod says so for itself, and the ServiceAccount gives none to a stranger."""
    wanted = values(name).get("serviceAccount", {}).get("automount", True)

    assert {kind: pod["spec"]["automountServiceAccountToken"] for kind, pod in pods(name).items()} in (
        {"Deployment": wanted, "Pod": False},
        {"Deployment": wanted},
    )
    assert all(each["automountServiceAccountToken"] is False for each in made(name) if each["kind"] == "ServiceAccount")


def test_one_pod_is_always_there() -> None:
    """Neither an upgrade nor the drain of a node takes both."""
    assert rendered("Deployment")["spec"]["replicas"] == 2
    assert rendered("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert rendered("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_without_a_leader_no_two_pods_overlap() -> None:
    """Both would work, even if only while one replaces the other."""
    assert rendered("Deployment", {"leaderElect": False, "replicaCount": 1})["spec"]["strategy"] == {"type": "Recreate"}


def test_a_spread_constraint_keeps_its_own_selector() -> None:
    """One without a selector would count no pod, and gets that of the operator's."""
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    own = {"matchLabels": {"team": "identity"}}
    chosen = rendered("Deployment", {"topologySpreadConstraints": [constraint, constraint | {"labelSelector": own}]})[
        "spec"
    ]

    assert [each["labelSelector"] for each in chosen["template"]["spec"]["topologySpreadConstraints"]] == [
        chosen["selector"],
        own,
    ]


def test_the_probes_ask_the_metrics_port() -> None:
    """Wherever it is."""
    container = rendered("Deployment", {"metricsAddress": ":9090"})["spec"]["template"]["spec"]["containers"][0]
    paths = {"livenessProbe": "/healthz", "readinessProbe": "/readyz", "startupProbe": "/healthz"}

    assert container["ports"] == [{"name": "metrics", "containerPort": 9090, "protocol": "TCP"}]
    assert {probe: container[probe]["httpGet"] for probe in paths} == {
        probe: {"path": path, "port": "metrics"} for probe, path in paths.items()
    }


def test_a_closed_network_lets_the_test_in() -> None:
    """`helm test` reads the same port as Prometheus."""
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    values = {"networkPolicy": {"enabled": True, "metrics": {"from": [peer]}}}
    test, prometheus = rendered("NetworkPolicy", values)["spec"]["ingress"][0]["from"]

    assert test["podSelector"]["matchLabels"].items() <= rendered("Pod", values)["metadata"]["labels"].items()
    assert prometheus == peer
