"""What other people's Secrets cost: a cluster of its own is filled with them, and the operator's memory measured."""

import base64
import secrets
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from support.audit import AuditLog
from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.identities import operator_kubeconfig
from support.objects import Json
from support.operator_process import OperatorProcess, StartOperator
from support.scenario import Scenario, quick_settings
from support.waiting import eventually

LARGE = 300
"""Of a mebibyte each: as large as a Secret can be."""
SMALL = 30_000
AT_ONCE = 100
BOUND = 60
"""MiB."""
PATIENCE = 180
"""Seconds until all is seen, on a busy machine."""


@pytest.fixture
def control_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """One that nobody else has to live with afterwards."""
    folder = tmp_path / "control-plane"
    folder.mkdir()
    with ControlPlane(folder) as running:
        yield running


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Cluster:
    """Its objects."""
    return Cluster(control_plane.admin)


@pytest.fixture
def operator_identity(control_plane: ControlPlane) -> Path:
    """The operator's, there."""
    return operator_kubeconfig(control_plane)


def foreign(namespace: str, name: str, value: str) -> Json:
    """A Secret as a Helm chart makes it, stored."""
    written = {
        "f:data": {".": {}, "f:password": {}},
        "f:metadata": {
            "f:annotations": {".": {}, "f:meta.helm.sh/release-name": {}},
            "f:labels": {".": {}, "f:app": {}},
        },
        "f:type": {},
    }
    time = "2026-01-01T00:00:00Z"
    entry = {"manager": "helm", "operation": "Update", "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": time,
            "labels": {"app": name},
            "annotations": {"meta.helm.sh/release-name": name},
            "managedFields": [entry | {"fieldsV1": written}],
        },
        "data": {"password": value},
    }


def fill(control_plane: ControlPlane, namespace: str) -> None:
    """Have all those Secrets."""
    mebibyte = base64.b64encode(secrets.token_bytes(2**20)).decode()
    for number in range(LARGE):
        name = f"large-{number}"
        control_plane.store_secrets(namespace, {name: foreign(namespace, name, mebibyte)})
    for first in range(0, SMALL, AT_ONCE):
        names = [f"small-{number}" for number in range(first, first + AT_ONCE)]
        control_plane.store_secrets(namespace, {name: foreign(namespace, name, "c21hbGw=") for name in names})


def start(process: OperatorProcess, audit_log: AuditLog) -> None:
    """Start the operator, and wait until it has listed everything."""
    mark = audit_log.mark()
    process.start()

    def watches() -> bool:
        return any((call.verb, call.resource) == ("watch", "secrets") for call in audit_log.calls(mark))

    eventually(watches, PATIENCE, "all Secrets are listed")


def wait_until_all_is_seen(scenario: Scenario) -> None:
    """Delete the target: it is restored when everything was seen that happened to Secrets before."""
    before = scenario.token()
    scenario.cluster.secrets.delete(scenario.namespace, "graph-token")
    scenario.wait_renewed(before, timeout=PATIENCE)


def resident(process: OperatorProcess) -> float:
    """MiB of memory that the operator has."""
    return float(psutil.Process(process.pid).memory_info().rss) / 2**20


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_other_peoples_secrets_cost_little_memory(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """300 Secrets of 1 MiB and 30,000 small ones cost at most 60 MiB, whether they are watched coming or listed."""
    scenario.entra.lifetime = timedelta(hours=1)
    scenario.put_certificate()
    scenario.create()
    process = operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready()
    wait_until_all_is_seen(scenario)
    without = resident(process)

    fill(control_plane, scenario.cluster.create_namespace())
    wait_until_all_is_seen(scenario)
    watched = resident(process) - without
    process.stop()
    start(process, AuditLog(control_plane.audit_log, control_plane.admin))
    wait_until_all_is_seen(scenario)
    listed = resident(process) - without

    print(f"{without:.0f} MiB without them; {watched:+.0f} MiB when they came, {listed:+.0f} MiB after a restart")
    assert max(watched, listed) <= BOUND
