"""Images under construction."""

from collections.abc import Mapping
from pathlib import Path

from support.image import pip_settings
from support.image.commands import run

TIMESTAMP = "1970-01-01T00:00:00Z"
"""When every file and image was made: two builds of the same are then the same."""


class Store:
    """What buildah knows, in a folder. Remove the folder, and nothing of it is left."""

    def __init__(self, folder: Path) -> None:
        """Begin with no image in an existing folder."""
        self._folder = folder

    def load(self, archive: Path) -> None:
        """Take in an image that was saved, under the name that it was saved with."""
        self._buildah("pull", "--quiet", f"docker-archive:{archive}")

    def pack(self, root: Path, name: str, settings: Mapping[str, str]) -> None:
        """Make an image of one layer out of a folder.

        Args:
            root: becomes the image's root.
            name: of the image.
            settings: options of `buildah config`, without dashes in front, and their values.
        """
        container = self._buildah("from", "scratch")
        self._buildah("add", "--quiet", container, root, "/")
        self._buildah("config", *(f"--{option}={value}" for option, value in settings.items()), container)
        self._buildah("commit", "--quiet", "--rm", "--timestamp=0", container, name)

    def build(self, context: Path, name: str, arguments: Mapping[str, str]) -> None:
        """Build the image of a folder with a Dockerfile.

        Args:
            context: the folder.
            name: of the image.
            arguments: the Dockerfile's build arguments. What its `BASE` names must have been loaded.
        """
        self._buildah(
            "build",
            "--isolation=chroot",
            "--pull-never",
            "--timestamp=0",
            "--format=oci",
            *pip_settings.volumes(self._folder),
            *(f"--build-arg={argument}={value}" for argument, value in arguments.items()),
            f"--tag={name}",
            context,
        )

    def save(self, name: str, archive: Path) -> None:
        """Write an image in the form of `docker save`. The file appears as a whole, or not at all."""
        unfinished = archive.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        self._buildah("push", "--quiet", name, f"docker-archive:{unfinished}:{name}")
        unfinished.rename(archive)

    def _buildah(self, *arguments: str | Path) -> str:
        folders = ("--root", self._folder / "images", "--runroot", self._folder / "containers")
        return run("buildah", *folders, "--storage-driver=overlay", *arguments, scratch=self._folder).strip()
