"""Upgrading, rolling and uninstalling: tokens stay where they are, and none is bought for it."""

import io
import subprocess
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest

from support import chart
from support.node.interface import PodCluster
from support.node.release import Release
from support.objects import Json
from support.scenario import HeldToken, Scenario

REPOSITORY = Path(__file__).parents[2]
PARTS = ("charts/tokensync", "crds")
"""Of the repository: the chart, and what it takes from elsewhere."""

NAMES = [f"token-{number}" for number in range(5)]
CHANGED = {"logLevel": "debug", "workers": 8}


def git(*arguments: str) -> bytes:
    return subprocess.run(["/usr/bin/env", "git", *arguments], cwd=REPOSITORY, capture_output=True, check=True).stdout  # noqa: S603


def previous_chart(folder: Path) -> Path:
    """The chart of the newest commit that has another one than the checkout.

    Where there is none, because this is the first chart of all, or the history is not here: the checkout's own.
    """
    for commit in git("log", "--format=%H", "--", *PARTS).decode().split():
        has_chart = git("ls-tree", commit, f"{PARTS[0]}/Chart.yaml")
        if has_chart and git("diff", "--name-only", commit, "--", *PARTS):
            with tarfile.open(fileobj=io.BytesIO(git("archive", commit, *PARTS))) as archive:
                archive.extractall(folder, filter="data")
            return folder / PARTS[0]
    return chart.CHART


def create_all(scenario: Scenario) -> dict[str, HeldToken | None]:
    """Create the resources, wait until all are Ready, and return what their targets hold."""
    scenario.put_certificate()
    client_id = scenario.register(timedelta(hours=1)).client_id
    for name in NAMES:
        scenario.create(name, clientId=client_id)
    for name in NAMES:
        scenario.wait_ready(name, timeout=60)
    return held_by_all(scenario)


def held_by_all(scenario: Scenario) -> dict[str, HeldToken | None]:
    return {name: scenario.token(f"{name}-token") for name in NAMES}


def wait_for_turn(scenario: Scenario) -> None:
    """Wait until the operator that runs now has had its turn at everything: a newcomer comes last."""
    scenario.create("newcomer", clientId=scenario.register(timedelta(hours=2)).client_id)
    scenario.wait_ready("newcomer", timeout=60)


@pytest.mark.timeout(600)
def test_upgrade_and_restart_leave_every_token_as_it_is(
    release: Release, scenario: Scenario, pod_cluster: PodCluster, tmp_path: Path
) -> None:
    """From the previous chart to this one with other settings, then all pods once more: not one request for it."""
    release.install(folder=previous_chart(tmp_path))
    before = create_all(scenario)
    requests, pods = scenario.entra.token_requests, names(release.replicas())

    release.upgrade(CHANGED)
    upgraded = names(release.replicas())
    pod_cluster.kubectl("rollout", "restart", f"deployment/{chart.RELEASE}", f"--namespace={chart.NAMESPACE}")
    release.wait_until_available()
    restarted = names(release.replicas())
    wait_for_turn(scenario)

    assert pods.isdisjoint(upgraded)
    assert upgraded.isdisjoint(restarted)
    assert held_by_all(scenario) == before
    assert scenario.entra.token_requests == requests + 1, "the newcomer's alone"
    assert all(scenario.condition("Ready", name)["status"] == "True" for name in NAMES)


@pytest.mark.timeout(600)
def test_uninstalling_leaves_tokens_and_nothing_that_hangs(
    release: Release, scenario: Scenario, pod_cluster: PodCluster
) -> None:
    """Of what Helm installed the kind alone stays, with all resources and their Secrets.

    Without an operator a resource can be deleted, and its Secret goes with it. The next installation goes on with the
    others.
    """
    release.install()
    before = create_all(scenario)
    requests, installed = scenario.entra.token_requests, release.objects()

    release.uninstall()

    left = [each["kind"] for each in installed if is_there(pod_cluster, each)]
    assert left == ["CustomResourceDefinition"]
    assert held_by_all(scenario) == before
    gone = NAMES[0]
    where = f"--namespace={scenario.namespace}"
    pod_cluster.kubectl("delete", "clientcredentialtoken", gone, where, "--timeout=30s")
    pod_cluster.kubectl("wait", "--for=delete", f"secret/{gone}-token", where, "--timeout=90s")

    release.reinstall()
    wait_for_turn(scenario)

    assert held_by_all(scenario) == before | {gone: None}
    assert scenario.entra.token_requests == requests + 1, "the newcomer's alone"


def names(pods: list[Json]) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods}


def is_there(cluster: PodCluster, each: Json) -> bool:
    """Whether an object that Helm applied exists."""
    group, _, version = each["apiVersion"].rpartition("/")
    kind = f"{each['kind']}.{version}.{group}" if group else each["kind"]
    namespace = each["metadata"].get("namespace", chart.NAMESPACE)
    found = cluster.kubectl(
        "get", kind, each["metadata"]["name"], f"--namespace={namespace}", "--ignore-not-found", "--output=name"
    )
    return bool(found.strip())
