"""An image, unpacked, and its program run as strictly as a cluster may: read-only, without network and capabilities."""

import json
import os
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.image.commands import PATH, ImageError
from support.image.provision import Image

ANY_USER = 1_000_680_000
"""A number that no image knows, as OpenShift gives them."""

_HIDDEN = ".wh."
"""A layer's mark in front of the name of a file below that is gone."""


class Container:
    """What is in an image.

    Attributes:
        root: the folder with its files.
        settings: what its manifest says of its user, command, environment and labels.
    """

    def __init__(self, image: Image, folder: Path) -> None:
        """Unpack an image into an existing folder."""
        self.root = folder / "rootfs"
        self._folder = folder
        with tarfile.open(image.archive) as archive:
            (manifest,) = json.load(_member(archive, "manifest.json"))
            self.settings: dict[str, Any] = json.load(_member(archive, manifest["Config"]))["config"]
            for layer in manifest["Layers"]:
                _unpack(_member(archive, layer), self.root)

    def files(self) -> set[str]:
        """The paths of everything in it, without a slash in front."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}

    def run(self, *command: str, entrypoint: Sequence[str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run its program as a user that it does not know.

        Args:
            command: instead of the image's.
            entrypoint: instead of the image's.

        Raises:
            ImageError: if runc is missing.
        """
        runc = shutil.which("runc", path=PATH)
        if not runc:
            raise ImageError("running an image needs a program that is not here: apt-get install runc")
        arguments = [*(entrypoint or self.settings["Entrypoint"]), *(command or self.settings["Cmd"])]
        (self._folder / "config.json").write_text(json.dumps(self._bundle(arguments)))
        return subprocess.run(  # noqa: S603 - the tests' own command
            [runc, "run", "--bundle", self._folder, f"tokensync-{uuid.uuid4().hex[:8]}"],
            env=os.environ | {"PATH": PATH},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _bundle(self, arguments: list[str]) -> dict[str, Any]:
        """What the OCI Runtime Specification calls a configuration. Who is named nowhere in it has no capability."""
        return {
            "ociVersion": "1.0.2",
            "root": {"path": "rootfs", "readonly": True},
            "process": {
                "user": {"uid": ANY_USER, "gid": 0},
                "args": arguments,
                "env": self.settings["Env"],
                "cwd": self.settings.get("WorkingDir") or "/",
                "noNewPrivileges": True,
            },
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            ],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")]},
        }


def _member(archive: tarfile.TarFile, name: str) -> Any:
    return archive.extractfile(name)


def _unpack(layer: Any, root: Path) -> None:
    with tarfile.open(fileobj=layer) as files:
        members = files.getmembers()
        for hidden in (Path(member.name) for member in members if Path(member.name).name.startswith(_HIDDEN)):
            _remove(root / hidden.with_name(hidden.name.removeprefix(_HIDDEN)))
        kept = [member for member in members if not Path(member.name).name.startswith(_HIDDEN)]
        files.extractall(root, kept, filter="fully_trusted")  # noqa: S202 - an image that was built here


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
