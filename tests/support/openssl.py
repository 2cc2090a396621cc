"""The `openssl` command, which makes files as its users make them."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory


def openssl(*arguments: str, files: Mapping[str, bytes]) -> bytes:
    """Run it in a folder that holds these files; return what it prints."""
    program = shutil.which("openssl")
    assert program, "the tests make keys with openssl, which this machine lacks: install its package"
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        run = subprocess.run([program, *arguments], cwd=folder, capture_output=True, check=False)  # noqa: S603 - test data
    assert run.returncode == 0, run.stderr.decode(errors="replace")
    return run.stdout
