"""A cluster of somebody else's, named by `KUBECONFIG`: kind's, or one in a cloud."""

import os
import shutil
import subprocess
from pathlib import Path

from support import binaries
from support.kubectl import Kubectl
from support.rest import Rest

HOST_VARIABLE = "TOKENSYNC_TEST_HOST"
IMAGE_VARIABLE = "TOKENSYNC_TEST_IMAGE"
KIND = "kind-"
"""How kind begins the names of its contexts."""


class ForeignClusterError(RuntimeError):
    """The tests cannot use this cluster. The message ends with what to do."""


class ForeignCluster:
    """The cluster of the current context.

    Attributes:
        kubeconfig: with this context alone.
        rest: requests as its user.
        host_address: the address of this machine, as pods reach it.
    """

    def __init__(self, folder: Path) -> None:
        """Read who and where.

        Args:
            folder: an existing folder for a copy of the kubeconfig.

        Raises:
            ForeignClusterError: if it is not said at which address pods reach this machine.
        """
        self.host_address = os.environ.get(HOST_VARIABLE, "")
        if not self.host_address:
            raise ForeignClusterError(
                f"pods must reach a provider on this machine: set {HOST_VARIABLE} to an address of it that they reach"
            )
        program = binaries.provide("kubectl")["kubectl"]
        given = Kubectl(program, os.environ["KUBECONFIG"], home=Path.home())
        self._context = given.run("config", "current-context").strip()
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(given.run("config", "view", "--raw", "--flatten", "--minify"))
        self.kubectl = Kubectl(program, self.kubeconfig, home=Path.home()).run
        self.rest = Rest.of_kubeconfig(self.kubeconfig)

    def load_image(self, archive: Path) -> None:
        """Make an image known, where that is possible: in a cluster of kind.

        Raises:
            ForeignClusterError: if it is another, or kind is not here or fails.
        """
        name = self._context.removeprefix(KIND)
        kind = shutil.which("kind")
        if name == self._context or not kind:
            raise ForeignClusterError(
                f"images can be loaded into clusters of kind alone, with kind in PATH, and the context is {self._context}:"
                f" set {IMAGE_VARIABLE} to a name by which the cluster can pull the operator's image"
            )
        done = subprocess.run(  # noqa: S603 - our own arguments
            [kind, "load", "image-archive", archive, "--name", name], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ForeignClusterError(f"kind did not load the image: {done.stderr.strip()}")
