"""`KEEP=1`: the stage stays up for visitors."""

import os
import signal

from demo.signals import EndedError
from demo.stage import RESOURCE, TARGET, Stage
from support import binaries
from tokensync.resource.names import RENEW_REQUESTED_AT

CONTESTED = """\
Two repairs are behind the target, and one more comes at once. After that it
counts as contested (TargetContested), and repairs come minutes apart."""


def wanted() -> bool:
    """Whether the environment asks for it."""
    return os.environ.get("KEEP", "") not in {"", "0"}


def stay(stage: Stage) -> None:
    """Tell how to use `kubectl` with the stage, and wait for Ctrl-C.

    Raises:
        EndedError: if another signal comes.
    """
    stage.timeline.heading("All of it stays up until Ctrl-C. In another terminal:")
    stage.timeline.blank()
    for line in _commands(stage):
        stage.timeline.verbatim(line)
    stage.timeline.blank()
    stage.timeline.plain(CONTESTED)
    stage.timeline.blank()
    try:
        while True:
            signal.pause()
    except EndedError as ended:
        if ended.number != signal.SIGINT:
            raise


def _commands(stage: Stage) -> list[str]:
    return [
        f"export KUBECONFIG={stage.control_plane.admin_kubeconfig}",
        f"export PATH={binaries.provide()['kubectl'].parent}:$PATH",
        "kubectl get cct --watch",
        f"kubectl describe cct {RESOURCE}",
        "kubectl explain cct.spec",
        f"kubectl get secret {TARGET} -o yaml",
        f"kubectl delete secret {TARGET}",
        f'kubectl annotate cct {RESOURCE} --overwrite {RENEW_REQUESTED_AT}="$(date)"',
        f"tail -f {stage.operator.log}",
    ]
