"""What a machine must have to run a node, and how it is got."""

import os
import shutil
import sys
from pathlib import Path

from support.node.sandbox import PATH

PLUGINS = Path("/usr/lib/cni")

PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    str(PLUGINS / "ptp"): "containernetworking-plugins",
    "ip": "iproute2",
    "nft": "nftables",
    "conntrack": "conntrack",
    "busybox": "busybox-static",
    "nsenter": "util-linux",
}
"""Programs, and the Debian packages that have them."""


class RequirementError(RuntimeError):
    """This machine cannot run a node. The message ends with what to do."""


def check() -> None:
    """See whether this machine can run a node.

    Raises:
        RequirementError: if it cannot.
    """
    another = "or set KUBECONFIG, and the tests use the cluster that it names"
    if sys.platform != "linux":
        raise RequirementError(f"a node of our own needs Linux: use such a machine, {another}")
    if os.geteuid():
        raise RequirementError(f"a node of our own needs root: run the tests as root, {another}")
    if missing := {package for program, package in PACKAGES.items() if not shutil.which(program, path=PATH)}:
        raise RequirementError(
            f"a node of our own needs programs that are not here: apt-get install {' '.join(sorted(missing))}, {another}"
        )
