"""`kill -9` for processes in pods, on whatever node they are."""

from pathlib import Path

from support.node import killer_program, pods
from support.node.interface import PodCluster
from support.objects import Json

NAME = "killer"
IDLE = "import signal; signal.pause()"


class Killer:
    """A pod on a node that can kill processes of others there; it goes with its namespace."""

    def __init__(self, cluster: PodCluster, namespace: str, image: str) -> None:
        """Start none yet.

        Args:
            cluster: where.
            namespace: one that takes pods which share the process ids of their node.
            image: the operator's.
        """
        self._cluster = cluster
        self._namespace = namespace
        self._image = image

    def start(self, node: str) -> None:
        """Start it on a node."""
        pod = pods.python_pod(NAME, self._image, IDLE, securityContext={"runAsUser": 0})
        pod["spec"] |= {"hostPID": True, "nodeName": node}
        pods.start(self._cluster, self._namespace, pod)

    def kill(self, victim: Json) -> None:
        """Kill the operator in a pod of the same node."""
        program = Path(killer_program.__file__).read_text()
        command = ("python", "-c", program, victim["metadata"]["uid"])
        killed = self._cluster.kubectl("exec", f"--namespace={self._namespace}", NAME, "--", *command)
        assert killed.strip() == "1", f"{killed.strip()} processes of the operator in {victim['metadata']['name']}"
