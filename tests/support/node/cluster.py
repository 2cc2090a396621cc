"""A whole cluster on this machine: a control plane and one node."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from support import binaries, components
from support.components import Site
from support.control_plane import ControlPlane
from support.node import requirements
from support.node.plan import Plan, claim
from support.node.sandbox import Sandbox
from support.node.worker import Worker
from support.ports import free_port
from support.processes import Program
from support.rest import Rest

CONTROLLERS = (
    "*",
    "-persistentvolume-attach-detach-controller",
    "-persistentvolume-binder-controller",  # would make a folder for plugins in /usr/libexec
    "-persistentvolume-expander-controller",
)
"""All that are on by default, as in any cluster, but those that look after disks: there are none."""


class NodeCluster:
    """A cluster that runs pods, in a folder of its own; a context manager.

    It has no DNS: pods find the API server by the variables of its Service, and this machine by its address. None of our
    CustomResourceDefinitions is there from the start.

    Attributes:
        control_plane: etcd, API server and controllers, on this machine.
        plan: names and addresses.
    """

    control_plane: ControlPlane
    plan: Plan

    def __init__(self, folder: Path) -> None:
        """Prepare, without starting.

        Args:
            folder: an existing folder for keys, configuration and logs.

        Raises:
            RequirementError: if this machine cannot run a node.
        """
        requirements.check()
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything, and wait until it works.

        Raises:
            ProgramEndedError: if a program ends instead. The message has the end of its log.
            AssertionError: if one is not ready in time. So has this one.
        """
        with ExitStack() as stack:
            self.plan = stack.enter_context(claim())
            sandbox = Sandbox(self.plan, self._folder)
            stack.callback(sandbox.stop)
            sandbox.start()
            site = Site(str(self.plan.host), self.plan.services, CONTROLLERS, has_nodes=True)
            self.control_plane = stack.enter_context(ControlPlane(self._folder, site, with_crds=False))
            stack.callback(sandbox.stop)  # before the control plane: what ends with it complains about nothing
            self._start_scheduler(stack)
            self._worker = Worker(self.plan, sandbox, self.control_plane, self._folder)
            self._worker.start()
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """Stop everything, and leave nothing but keys, configuration and logs in the folder."""
        self._stack.close()

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.control_plane.admin_kubeconfig

    @property
    def rest(self) -> Rest:
        """Requests as the administrator."""
        return self.control_plane.admin

    @property
    def host_address(self) -> str:
        """The address of this machine, as pods reach it."""
        return str(self.plan.host)

    def kubectl(self, *args: str | Path, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as administrator, as `Kubectl.run` does."""
        return self.control_plane.kubectl(*args, stdin=stdin, check=check)

    def load_image(self, archive: Path) -> None:
        """Make an image known to the node: an archive as `docker save` writes it."""
        self._worker.load_image(archive)

    def _start_scheduler(self, stack: ExitStack) -> None:
        user = self.control_plane.authority.client("system:kube-scheduler")
        command = components.kube_scheduler(
            binaries.provide("kube-scheduler")["kube-scheduler"],
            free_port(),
            kubeconfig=self.control_plane.kubeconfig("kube-scheduler", user),
        )
        scheduler = Program("kube-scheduler", command, log=self._folder / "kube-scheduler.log", environment={})
        stack.callback(scheduler.stop)
        scheduler.start()
