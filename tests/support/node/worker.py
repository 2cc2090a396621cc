"""The programs of a node: containerd, kubelet and kube-proxy."""

import http.client
import json
from contextlib import closing
from pathlib import Path

from support import binaries
from support.control_plane import ControlPlane
from support.node import busybox, configuration
from support.node.plan import Plan
from support.node.sandbox import PATH, Sandbox, SandboxError

START_TIMEOUT = 120
"""Seconds for each program: many times what it needs."""

PROXY_HEALTH_PORT = 10256


class Worker:
    """A node that runs pods."""

    def __init__(self, plan: Plan, sandbox: Sandbox, control_plane: ControlPlane, folder: Path) -> None:
        """Prepare, without starting.

        Args:
            plan: names and addresses.
            sandbox: where it runs.
            control_plane: whose node it is.
            folder: an existing folder for configuration and logs.
        """
        self._plan = plan
        self._sandbox = sandbox
        self._control_plane = control_plane
        self._folder = folder
        self._files = binaries.provide("kubelet", "kube-proxy")

    def start(self) -> None:
        """Start everything, and wait until pods can be run and reach Services.

        Raises:
            ProgramEndedError: if a program ends instead. The message has the end of its log.
            AssertionError: if one is not ready in time. So has this one.
        """
        containerd = self._sandbox.start_program("containerd", self._containerd())
        containerd.wait_until(self._has_runtime, START_TIMEOUT, "it answers")
        self.load_image(busybox.write_image(self._folder / "busybox.tar", PATH))
        kubelet = self._sandbox.start_program("kubelet", self._kubelet())
        kube_proxy = self._sandbox.start_program("kube-proxy", self._kube_proxy())
        kubelet.wait_until(self._is_ready, START_TIMEOUT, "its node is ready")
        kube_proxy.wait_until(self._has_services, START_TIMEOUT, "it is healthy")

    def load_image(self, archive: Path) -> None:
        """Make an image known that `docker save` has written, or who writes like it."""
        self._sandbox.run("ctr", "--namespace=k8s.io", "images", "import", archive)

    def _containerd(self) -> list[str | Path]:
        networks = self._folder / "networks"
        networks.mkdir()
        self._write("networks/pods.conflist", json.dumps(configuration.network(self._plan)))
        return ["containerd", "--config", self._write("containerd.toml", configuration.containerd(networks))]

    def _kubelet(self) -> list[str | Path]:
        name = self._plan.name
        serving = self._control_plane.authority.server(f"{name}-kubelet", str(self._plan.node))
        user = self._control_plane.authority.client(f"system:node:{name}", "system:nodes")
        settings = configuration.kubelet(self._plan, serving, self._control_plane.ca)
        return [
            self._files["kubelet"],
            f"--config={self._write('kubelet.json', json.dumps(settings))}",
            f"--kubeconfig={self._control_plane.kubeconfig('kubelet', user)}",
            f"--hostname-override={name}",
            f"--node-ip={self._plan.node}",
        ]

    def _kube_proxy(self) -> list[str | Path]:
        user = self._control_plane.authority.client("system:kube-proxy")
        settings = configuration.kube_proxy(self._plan, self._control_plane.kubeconfig("kube-proxy", user))
        return [self._files["kube-proxy"], f"--config={self._write('kube-proxy.json', json.dumps(settings))}"]

    def _write(self, name: str, content: str) -> Path:
        path = self._folder / name
        path.write_text(content)
        return path

    def _has_runtime(self) -> bool:
        try:
            self._sandbox.run("ctr", "version")
        except SandboxError:
            return False
        return True

    def _is_ready(self) -> bool:
        nodes = self._control_plane.admin.request("GET", "/api/v1/nodes")["items"]
        conditions = [condition for node in nodes for condition in node["status"].get("conditions", [])]
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

    def _has_services(self) -> bool:
        with closing(http.client.HTTPConnection(str(self._plan.node), PROXY_HEALTH_PORT, timeout=5)) as connection:
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == http.HTTPStatus.OK
            except OSError:  # it does not listen yet
                return False
