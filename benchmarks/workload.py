"""Many resources with one certificate and scopes of their own, in one namespace, and the operator that cares for them."""

import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from crowd import Request, send_all
from support.audit import AuditLog, Call
from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.entra import FakeEntra
from support.operator_process import OperatorProcess
from support.rest import JSON, MERGE_PATCH
from support.scenario import Scenario
from tokensync.resource.names import API_VERSION, PLURAL, RENEW_REQUESTED_AT


class Workload:
    """The subject of a measurement."""

    def __init__(
        self,
        *,
        control_plane: ControlPlane,
        cluster: Cluster,
        entra: FakeEntra,
        kubeconfig: Path,
        folder: Path,
        count: int,
    ) -> None:
        self.count = count
        self.entra = entra
        self.audit = AuditLog(control_plane.audit_log, control_plane.admin)
        self.scenario = Scenario(cluster, entra, cluster.create_namespace())
        self.operator = OperatorProcess(
            kubeconfig,
            {"allowed-hosts": entra.host, "ca-bundle": str(entra.write_ca(folder / "ca.pem")), "log-level": "warning"},
            log=folder / "operator.log",
        )
        self._cluster = cluster
        self._control_plane = control_plane

    def __enter__(self) -> Self:
        self.scenario.put_certificate()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.operator.stop()

    def start(self) -> None:
        """Start the operator and wait until it watches."""
        mark = self.audit.mark()
        self.operator.start()
        self.wait(lambda: sum(call.verb == "watch" for call in self.audit.calls(mark)) >= len(("secrets", PLURAL)), 30)

    def create_all(self) -> None:
        """Create every resource at once."""
        bodies = (self.scenario.body(name, scopes=self.scenario.own_scope(name)) for name in self._names)
        send_all(self._control_plane, (Request("POST", self._path, body, JSON) for body in bodies))

    def request_all(self) -> None:
        """Ask for a renewal of every resource at once."""
        patch = {"metadata": {"annotations": {RENEW_REQUESTED_AT: str(time.time())}}}
        paths = (f"{self._path}/{name}" for name in self._names)
        send_all(self._control_plane, (Request("PATCH", path, patch, MERGE_PATCH) for path in paths))

    def all_reported(self, mark: int) -> bool:
        """Whether a status was written for each since a mark. The audit log tells, at no cost to the API server."""
        return len({call.name for call in self.audit.calls(mark) if call.subresource == "status"}) == self.count

    def unready(self) -> list[str]:
        """The resources whose Ready is not True."""
        resources = self._cluster.resources.all(self.scenario.namespace)
        return [resource["metadata"]["name"] for resource in resources if not _is_ready(resource)]

    def calls(self, mark: int) -> list[Call]:
        """The operator's calls since a mark."""
        return self.audit.calls(mark)

    def memory(self) -> float:
        """The operator's resident MiB now."""
        return float(psutil.Process(self.operator.pid).memory_info().rss) / 2**20

    def processor_seconds(self) -> dict[str, float]:
        """What each part has used so far."""
        used = {"operator": 0.0, "API server and etcd": 0.0}
        for process in psutil.Process().children():
            spent = process.cpu_times()
            part = "operator" if process.pid == self.operator.pid else "API server and etcd"
            used[part] += spent.user + spent.system
        return used

    def wait(self, probe: Any, timeout: float) -> None:
        """Wait until a probe is true; looks seldom, because every look costs the API server."""
        deadline = time.monotonic() + timeout
        while not probe():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout:.0f} s\n{self.operator.tail()}")
            time.sleep(0.5)

    @property
    def _path(self) -> str:
        return f"/apis/{API_VERSION}/namespaces/{self.scenario.namespace}/{PLURAL}"

    @property
    def _names(self) -> list[str]:
        return [f"token-{number}" for number in range(self.count)]


def _is_ready(resource: dict[str, Any]) -> bool:
    conditions = resource.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
