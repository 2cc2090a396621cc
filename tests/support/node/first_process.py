"""Process 1 of a node: gives it folders of its own and outlives everything else there. A program, run by `sandbox`.

It is told the node's folder. With its end all processes of the node end, and with them its mounts and its network.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

PRIVATE = ("/var/lib", "/var/log")
"""Folders of the machine that the node has others of: containerd, kubelet and the network plugins write there."""

TUNED = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")
TUNED_KEYS = ("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes")
"""Kernel parameters that kubelet sets, for the whole machine. It gets files to write them to, and the machine keeps
its own."""


def main() -> None:
    """Prepare, say so, and reap."""
    folder = Path(sys.argv[1])
    for place in PRIVATE:
        own = folder / place.removeprefix("/")
        own.mkdir(parents=True)
        _mount("--bind", own, place)
    for parameter in (*TUNED, *TUNED_KEYS):
        real, own = Path("/proc/sys", parameter), folder / "sys" / parameter
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(real.read_text())
        _mount("--bind", own, real)
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    print("ready", flush=True)
    while True:
        signal.sigwait([signal.SIGCHLD])
        _reap()


def _mount(*args: str | Path) -> None:
    subprocess.run(["/usr/bin/mount", *args], check=True)  # noqa: S603 - our own arguments


def _reap() -> None:
    """Let go of every process that has ended and whose parent did so before."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main()
