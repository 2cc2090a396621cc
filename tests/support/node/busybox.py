"""A container image of one static program, made without a registry and without a builder."""

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

NAME = "localhost/busybox:1"
"""A name with a registry and a tag: kubelet takes it as it is, and pulls nothing that is there."""

APPLETS = ("cat", "sh", "sleep")


def write_image(path: Path, path_of_programs: str) -> Path:
    """Write the image, in the form of `docker save`. What it runs by itself does nothing for 68 years.

    Args:
        path: where to.
        path_of_programs: where busybox is looked for, as in `PATH`.
    """
    program = shutil.which("busybox", path=path_of_programs)
    assert program, "busybox is not here"
    layer = _layer(Path(program))
    identity = hashlib.sha256(layer).hexdigest()
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/sleep", "2147483647"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{identity}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as archive:
        _add(archive, "layer.tar", layer)
        _add(archive, "config.json", json.dumps(configuration).encode())
        _add(archive, "manifest.json", json.dumps(manifest).encode())
    return path


def _layer(program: Path) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as layer:
        _add(layer, "bin/busybox", program.read_bytes(), mode=0o755)
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            layer.addfile(link)
    return content.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
