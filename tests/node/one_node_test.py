"""The node that the other tests stand on where no cluster is given: it runs pods, and leaves nothing behind."""

import json
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from support.cluster import Cluster
from support.node import busybox, first_process
from support.node.cgroups import ControlGroups
from support.node.cluster import NodeCluster
from support.node.plan import Plan, claim
from support.node.sandbox import Sandbox
from support.objects import Json
from support.waiting import eventually

TESTS = Path(__file__).parents[1]

PORT = 8080

USED_FOLDERS = ("/etc/cni", "/etc/cni/net.d", "/run", "/usr/libexec", "/var/lib", "/var/log")
"""Of the machine: containerd, kubelet and the network plugins would write there."""

HOLDER = """
import sys
from pathlib import Path
from support.node.plan import claim
from support.node.sandbox import Sandbox
from support.processes import _reaper
with claim() as plan:
    sandbox = Sandbox(plan, Path(sys.argv[1]))
    sandbox.start()
    sandbox.start_program("sleep", ["sleep", "612.5"])
    print(plan.number, _reaper()._process.pid, flush=True)
    sys.stdin.read()
"""
"""A test run with a node that has only just begun."""


def pod(name: str, secret: str, command: str) -> Json:
    """A pod that has a Secret as its folder `/secret`, as restricted as a pod can be."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "containers": [
                {
                    "name": "reader",
                    "image": busybox.NAME,
                    "command": ["sh", "-c", command],
                    "volumeMounts": [{"name": "secret", "mountPath": "/secret"}],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "runAsUser": 1000,
                        "runAsNonRoot": True,
                        "capabilities": {"drop": ["ALL"]},
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                }
            ],
            "volumes": [{"name": "secret", "secret": {"secretName": secret}}],
            "terminationGracePeriodSeconds": 0,
        },
    }


def run_pod(cluster: NodeCluster, namespace: str) -> None:
    """Run a pod until it has read a Secret."""
    Cluster(cluster.rest).create_secret(namespace, "secret", {"word": b"open sesame"})
    body = pod("reader", "secret", f"cat /secret/word; echo; while :; do busybox nc -l -p {PORT} </dev/null; done")
    cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", stdin=json.dumps(body))
    where = f"--namespace={namespace}"
    eventually(
        lambda: "open sesame" in cluster.kubectl("logs", where, "reader", check=False),
        60,
        "the pod says what it has read",
        explain=lambda: cluster.kubectl("describe", where, "pod/reader"),
    )


def connects(address: str, port: int) -> bool:
    """Whether anybody listens there."""
    with suppress(OSError), socket.create_connection((address, port), timeout=5):
        return True
    return False


def of_machine() -> set[str]:
    """What a node might leave on the machine, or change there; but not what other nodes have there meanwhile."""
    commands = (
        ["ip", "-brief", "address"],
        ["ip", "route", "show", "table", "all"],
        ["ip", "netns", "list"],
        ["nft", "list", "ruleset"],
    )
    lines = [line for command in commands for line in subprocess.check_output(command, text=True).splitlines()]  # noqa: S603
    lines += Path("/proc/self/mounts").read_text().splitlines()
    parameters = [Path("/proc/sys", name) for name in (*first_process.TUNED, *first_process.TUNED_KEYS)]
    lines += [f"{parameter} {parameter.read_text()}" for parameter in parameters]
    lines += [str(path) for folder in USED_FOLDERS for path in Path(folder).glob("*")]
    return {line for line in lines if " tokensync-" not in line}


def processes_of(mark: str) -> list[str]:
    """The commands of all processes that name something."""
    commands = (" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    return [command for command in commands if mark in command]


@pytest.fixture
def node(pod_cluster: object) -> NodeCluster:
    """The cluster of the run."""
    assert isinstance(pod_cluster, NodeCluster)
    return pod_cluster


def test_pod_reads_a_mounted_secret(node: NodeCluster, namespace: str) -> None:
    """A pod is scheduled, its volumes are mounted, it runs, and its log can be read."""
    run_pod(node, namespace)


def test_pod_is_reached_from_here_and_reaches_nothing_beyond(node: NodeCluster, namespace: str) -> None:
    """This machine has a way to every pod; no pod has one to the networks that this machine is in."""
    run_pod(node, namespace)
    address = node.rest.request("GET", f"/api/v1/namespaces/{namespace}/pods/reader")["status"]["podIP"]
    connect = ("busybox", "nc", "-w5", "192.0.2.1", "53")

    eventually(lambda: connects(address, PORT), 20, "the pod is reached")
    assert "unreachable" in node.kubectl("exec", f"--namespace={namespace}", "reader", "--", *connect, check=False)


def test_second_node_stands_beside_the_first_and_leaves_nothing(node: NodeCluster, tmp_path: Path) -> None:
    """It has names and addresses of its own; after its end the machine is as it was, and the first runs pods as before."""
    before = of_machine()

    with NodeCluster(tmp_path) as second:
        plan = second.plan
        assert plan != node.plan
        second.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
        run_pod(second, "default")

    assert of_machine() == before
    assert plan.name not in psutil.net_if_addrs()
    assert not ControlGroups(plan.name).exist
    assert not plan.data.exists()
    assert processes_of(str(tmp_path)) == processes_of(plan.name) == []
    assert "Ready" in node.kubectl("get", "nodes")


@pytest.mark.parametrize("reaped", [True, False], ids=["alone", "with its reaper"])
def test_what_a_killed_run_left_is_tidied_up_by_the_next(tmp_path: Path, *, reaped: bool) -> None:
    """Its processes end at the latest then, and its number, names and addresses are used again."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", HOLDER, tmp_path], cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        number, reaper = map(int, holder.stdout.readline().split())
        if not reaped:
            psutil.Process(reaper).kill()
        holder.kill()
    left = Plan(number)
    assert ControlGroups(left.name).exist
    logs = tmp_path / "next"
    logs.mkdir()

    with claim() as plan:
        sandbox = Sandbox(plan, logs)
        sandbox.start()
        try:
            assert plan == left
            eventually(lambda: not processes_of("sleep 612.5"), 10, "what ran in the first node has ended")
            assert len(processes_of(left.name)) == 2  # the first process, and who waits for its end
        finally:
            sandbox.stop()

    assert processes_of(left.name) == []
    assert not ControlGroups(left.name).exist
    assert not left.data.exists()
