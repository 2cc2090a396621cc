"""Pods that tests run Python in, with the operator's image: no other is sure to be there."""

import json
from collections.abc import Sequence
from typing import Any

from support.node.interface import PodCluster
from support.objects import Json
from support.waiting import eventually

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""A container's security context, as restricted as can be."""


def python_pod(name: str, image: str, program: str, *arguments: str, **container: Any) -> Json:
    """A pod that runs a program.

    Args:
        name: the pod's.
        image: the operator's.
        program: the text of it.
        arguments: for it.
        container: further members of the container.
    """
    main = {
        "name": "main",
        "image": image,
        "command": ["python", "-c", program, *arguments],
        "securityContext": RESTRICTED,
        **container,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "containers": [main],
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
        },
    }


def start(cluster: PodCluster, namespace: str, pod: Json, *, timeout: float = 60) -> None:
    """Create a pod and wait until it runs."""
    name = pod["metadata"]["name"]
    cluster.kubectl("create", f"--namespace={namespace}", "-f", "-", stdin=json.dumps(pod))

    def running() -> bool:
        found = cluster.rest.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")
        return bool(found["status"]["phase"] == "Running")

    def seen() -> str:
        return cluster.kubectl("describe", f"--namespace={namespace}", f"pod/{name}", check=False)

    eventually(running, timeout, f"pod {name} runs", explain=seen)


def logs(cluster: PodCluster, namespace: str, name: str) -> Sequence[str]:
    """The lines that a pod has printed so far."""
    return cluster.kubectl("logs", f"--namespace={namespace}", name).splitlines()
