"""What tests with pods want of a cluster, whoever runs it."""

from pathlib import Path
from typing import Protocol

from support.rest import Rest


class PodCluster(Protocol):
    """A cluster that runs pods, as its administrator has it."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        ...

    @property
    def rest(self) -> Rest:
        """Requests as the administrator."""
        ...

    @property
    def host_address(self) -> str:
        """The address of this machine, as pods reach it."""
        ...

    def kubectl(self, *args: str | Path, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as administrator, as `Kubectl.run` does."""
        ...

    def load_image(self, archive: Path) -> None:
        """Make an image known that `docker save` has written, or who writes like it."""
        ...
