"""kubectl, run by tests."""

import os
import subprocess
from pathlib import Path


class KubectlError(RuntimeError):
    """kubectl failed. The message has what it said."""


class Kubectl:
    """Runs kubectl as one user."""

    def __init__(self, program: Path, kubeconfig: str | Path, home: Path) -> None:
        """Say how.

        Args:
            program: kubectl itself.
            kubeconfig: what `KUBECONFIG` is set to. Another `--kubeconfig` among the arguments goes before.
            home: where its caches go, and where plugins that log in look for what they know.
        """
        self._program = program
        self._environment = {"KUBECONFIG": str(kubeconfig), "HOME": str(home), "PATH": os.environ["PATH"]}

    def run(self, *args: str | Path, stdin: str | None = None, check: bool = True) -> str:
        """Run it.

        Returns:
            What it printed; without `check`, followed by what it complained about.

        Raises:
            KubectlError: if it failed, unless `check` is off.
        """
        done = subprocess.run(  # noqa: S603 - the tests' own commands
            [self._program, *args], input=stdin, env=self._environment, capture_output=True, text=True, check=False
        )
        if not check:
            return done.stdout + done.stderr
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(map(str, args))}: {done.stderr.strip()}")
        return done.stdout
