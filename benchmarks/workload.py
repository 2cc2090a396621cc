"""Many resources that share one certificate, in one namespace, and the operator that has to care for them."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from support.audit import AuditLog, Call
from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.entra import FakeEntra
from support.operator_process import OperatorProcess
from support.scenario import Scenario

CREATORS = 4


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
        self.wait(
            lambda: sum(call.verb == "watch" for call in self.audit.calls(mark)) >= 3, 30
        )  # CRDs, Secrets, resources

    def create_all(self) -> None:
        """Create every resource, as fast as a few clients can."""
        with ThreadPoolExecutor(CREATORS) as pool:
            list(pool.map(self._create, range(self.count)))

    def request_all(self) -> None:
        """Ask for a renewal of every resource."""
        stamp = str(time.time())
        patch = {"metadata": {"annotations": {"tokensync.dev/renew-requested-at": stamp}}}
        with ThreadPoolExecutor(CREATORS) as pool:
            list(pool.map(lambda number: self.scenario.patch(patch, name=f"token-{number}"), range(self.count)))

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

    def usage(self) -> tuple[float, float]:
        """The operator's processor seconds so far, and its resident MiB now."""
        process = psutil.Process(self.operator.pid)
        spent = process.cpu_times()
        return spent.user + spent.system, process.memory_info().rss / 2**20

    def wait(self, probe: Any, timeout: float) -> None:
        """Wait until a probe is true; looks seldom, because every look costs the API server."""
        deadline = time.monotonic() + timeout
        while not probe():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout:.0f} s\n{self.operator.tail()}")
            time.sleep(0.5)

    def _create(self, number: int) -> None:
        self.scenario.create(f"token-{number}")


def _is_ready(resource: dict[str, Any]) -> bool:
    conditions = resource.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
