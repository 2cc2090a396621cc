"""The operator, installed by Helm from the chart into a cluster that runs pods."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from support import chart
from support.control_plane import CRDS
from support.entra import FakeEntra
from support.node.interface import PodCluster
from support.objects import Json, Objects

SELECTOR = f"app.kubernetes.io/instance={chart.RELEASE}"

Values = Mapping[str, Any]
"""The chart's, by name."""


def values_for(image: str, entra: FakeEntra) -> dict[str, Any]:
    """Values for an operator that may ask a provider and trusts its authority."""
    name, tag = image.rsplit(":", 1)
    registry, repository = name.split("/", 1)
    return {
        "image": {"registry": registry, "repository": repository, "tag": tag},
        "allowedHosts": [entra.host],
        "caBundle": {"inline": entra.ca_pem.decode()},
    }


class Release:
    """A release of the chart, in a namespace that takes nothing but pods as restricted as can be.

    A context manager: nothing of it is left at its end, the kind and its resources included.

    Attributes:
        pods: of its namespace.
    """

    def __init__(self, cluster: PodCluster, values: Values) -> None:
        """Prepare, without installing.

        Args:
            cluster: where.
            values: those that every version of it has.
        """
        self._cluster = cluster
        self._values = values
        self.pods = Objects(cluster.rest, "/api/v1", "pods")

    def __enter__(self) -> Self:
        kinds = self._cluster.kubectl("get", "customresourcedefinitions", "--output=name")
        assert "tokensync" not in kinds, "tokensync is in this cluster already, and would be removed in the end"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if chart.RELEASE in chart.helm("list", "--short", *self._where):
            self.uninstall()
        self._cluster.kubectl("delete", "-f", CRDS, "--ignore-not-found")
        self._cluster.kubectl("delete", "namespace", chart.NAMESPACE, "--ignore-not-found", "--timeout=90s")

    def install(self, values: Values | None = None, *, folder: Path = chart.CHART) -> None:
        """Install it in a new namespace, and wait until all its pods are ready.

        Raises:
            ChartError: if that fails or takes minutes.
        """
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": chart.NAMESPACE, "labels": labels}}
        self._cluster.kubectl("create", "-f", "-", stdin=json.dumps(namespace))
        self.reinstall(values, folder=folder)

    def reinstall(self, values: Values | None = None, *, folder: Path = chart.CHART) -> None:
        """Install it where it was installed before, and wait until all its pods are ready."""
        self._helm("install", chart.RELEASE, str(folder), "--wait", "--timeout=3m", values=values)

    def upgrade(self, values: Values | None = None, *, folder: Path = chart.CHART) -> None:
        """Upgrade it, and wait until all its pods are new and ready."""
        self._helm("upgrade", chart.RELEASE, str(folder), "--wait", "--timeout=3m", values=values)

    def uninstall(self) -> None:
        """Uninstall it, and wait until its pods are gone."""
        chart.helm("uninstall", chart.RELEASE, "--wait", "--timeout=2m", *self._where)

    def test(self) -> str:
        """Run the tests of the chart and return what Helm says."""
        return chart.helm("test", chart.RELEASE, *self._where)

    def objects(self) -> list[Json]:
        """The objects that it consists of, as Helm applied them."""
        return [each for each in yaml.safe_load_all(chart.helm("get", "manifest", chart.RELEASE, *self._where)) if each]

    def replicas(self) -> list[Json]:
        """The operator's pods that are not on their way out."""
        pods = self.pods.all(chart.NAMESPACE)
        return [
            pod
            for pod in pods
            if "deletionTimestamp" not in pod["metadata"] and "pod-template-hash" in pod["metadata"]["labels"]
        ]

    def leader(self) -> Json:
        """The pod that holds the Lease."""
        leases = Objects(self._cluster.rest, "/apis/coordination.k8s.io/v1", "leases")
        holder = leases.get(chart.NAMESPACE, chart.RELEASE)["spec"]["holderIdentity"]
        return self.pods.get(chart.NAMESPACE, holder.split("_")[0])

    def wait_until_available(self) -> None:
        """Wait until all pods that there should be are ready."""
        self._cluster.kubectl(
            "rollout", "status", f"deployment/{chart.RELEASE}", f"--namespace={chart.NAMESPACE}", "--timeout=90s"
        )

    def evict(self, pod: Json) -> None:
        """Ask the cluster to let a pod end, as whoever drains a node does."""
        where, name = chart.NAMESPACE, pod["metadata"]["name"]
        self._cluster.rest.request(
            "POST",
            f"/api/v1/namespaces/{where}/pods/{name}/eviction",
            {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": where}},
        )

    @property
    def _where(self) -> tuple[str, str]:
        return f"--namespace={chart.NAMESPACE}", f"--kubeconfig={self._cluster.kubeconfig}"

    def _helm(self, *arguments: str, values: Values | None) -> None:
        given = json.dumps({**self._values, **(values or {})})
        try:
            chart.helm(*arguments, "--values=-", *self._where, given=given)
        except chart.ChartError as error:
            raise chart.ChartError(f"{error}\n{self._state()}") from error

    def _state(self) -> str:
        """What its pods say, for messages."""
        where = f"--namespace={chart.NAMESPACE}"
        pods = self._cluster.kubectl("get", "pods,events", where, check=False)
        return pods + self._cluster.kubectl("logs", where, f"--selector={SELECTOR}", "--prefix", check=False)
