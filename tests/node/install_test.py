"""An installation of the chart: what runs, with which rights on its node, and what it takes."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support import chart
from support.entra import FakeEntra
from support.node.interface import PodCluster
from support.node.release import Release, values_for
from support.objects import Json
from support.scenario import Scenario
from support.waiting import eventually

REQUESTED = 128
"""MiB of memory that the chart requests for a pod."""

LOOK_AROUND = """
import json, os
def writable(folder):
    try:
        os.close(os.open(f"{folder}/probe", os.O_CREAT | os.O_WRONLY))
    except OSError:
        return False
    return True
status = dict(line.split(":\\t") for line in open("/proc/1/status").read().splitlines() if ":\\t" in line)
folders = ["/", "/tmp", "/opt/tokensync", "/etc/tokensync", "/home", "/var/tmp"]
print(json.dumps({"status": status, "writable": [folder for folder in folders if writable(folder)]}))
"""
"""Says what process 1 of its container may do, and which folders can be written to."""


@pytest.fixture(scope="module")
def entra(pod_cluster: PodCluster) -> Iterator[FakeEntra]:
    """One for the whole file."""
    with FakeEntra(address=pod_cluster.host_address) as running:
        yield running


@pytest.fixture(scope="module")
def release(pod_cluster: PodCluster, image: str, entra: FakeEntra) -> Iterator[Release]:
    """One for the whole file, installed as the chart comes."""
    with Release(pod_cluster, values_for(image, entra)) as installed:
        installed.install()
        yield installed


@pytest.fixture
def replicas(release: Release) -> list[Json]:
    """The operator's pods."""
    return release.replicas()


def test_two_replicas_are_ready_under_the_restricted_standard(replicas: list[Json], release: Release) -> None:
    """The namespace takes no pod that could do more than the Pod Security Standard `restricted` allows; one leads."""
    ready = [
        condition["status"]
        for pod in replicas
        for condition in pod["status"]["conditions"]
        if condition["type"] == "Ready"
    ]
    restarts = [pod["status"]["containerStatuses"][0]["restartCount"] for pod in replicas]

    assert ready == ["True", "True"]
    assert restarts == [0, 0]
    assert release.leader()["metadata"]["name"] in {pod["metadata"]["name"] for pod in replicas}


def test_helm_test_passes(release: Release) -> None:
    """The chart's own test works in the same namespace."""
    assert "Phase:          Succeeded" in release.test()


def test_process_is_nobody_and_writes_nowhere(replicas: list[Json], pod_cluster: PodCluster) -> None:
    """It has no user of the machine's, no capability, no way to more rights, and no file system to write to."""
    for pod in replicas:
        command = ("exec", f"--namespace={chart.NAMESPACE}", pod["metadata"]["name"], "--", "python", "-c", LOOK_AROUND)
        seen = json.loads(pod_cluster.kubectl(*command))

        assert "0" not in seen["status"]["Uid"].split()
        assert "0" not in seen["status"]["Gid"].split()
        assert int(seen["status"]["CapEff"], 16) == int(seen["status"]["CapBnd"], 16) == 0
        assert seen["status"]["NoNewPrivs"] == "1"
        assert seen["status"]["Seccomp"] == "2"
        assert seen["writable"] == []


def test_idle_operator_takes_less_memory_than_it_requests(
    replicas: list[Json], scenario: Scenario, pod_cluster: PodCluster, measured: Callable[[str], None]
) -> None:
    """Leader and standby, with a token that is not due for long."""
    scenario.put_certificate()
    scenario.create(clientId=scenario.register(timedelta(hours=1)).client_id)
    scenario.wait_ready(timeout=30)

    memory = {pod["metadata"]["name"]: memory_of(pod_cluster, pod) for pod in replicas}

    measured(f"idle operator: {', '.join(f'{used:.0f} MiB' for used in memory.values())} in its pods")
    assert max(memory.values()) < REQUESTED


def memory_of(cluster: PodCluster, pod: Json) -> float:
    """What the operator in a pod uses and could not give back, in MiB, as its node's kubelet counts it."""
    node, name = pod["spec"]["nodeName"], pod["metadata"]["name"]

    def used() -> float:
        metrics = cluster.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/metrics/resource")
        samples = [sample for family in text_string_to_metric_families(metrics) for sample in family.samples]
        return sum(
            sample.value / 2**20
            for sample in samples
            if sample.name == "container_memory_working_set_bytes" and sample.labels["pod"] == name
        )

    return eventually(used, 60, f"kubelet has counted the memory of {name}")
