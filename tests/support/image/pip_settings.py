"""This machine's way to a package index, lent to a build: where its certificates and its settings for pip are.

They are mounted over files that the base has, so that no trace of them is left in the image.
"""

import ast
import os
import re
import ssl
import subprocess
import sys
from pathlib import Path

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CONFIGURATION = "/etc/pip.conf"

_LENT = ("index-url", "extra-index-url", "trusted-host", "timeout", "default-timeout")
_LINE = re.compile(r"(?P<section>[^.]+)\.(?P<name>[\w-]+)=(?P<value>.+)")


def volumes(folder: Path) -> list[str]:
    """Options of `buildah build` that lend the settings to its RUN steps.

    Args:
        folder: an existing one, for a file that has to be there as long as the build runs.
    """
    configuration = folder / "pip.conf"
    configuration.write_text("\n".join(["[global]", f"cert = {BUNDLE}", *_settings(), ""]))
    return [f"--volume={configuration}:{CONFIGURATION}:ro", f"--volume={_certificates()}:{BUNDLE}:ro"]


def _settings() -> list[str]:
    """Those that lead to an index; the environment comes last in pip's list, and so outranks files here too."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    lines = sorted(
        map(_LINE.fullmatch, listed.splitlines()), key=lambda line: bool(line and line["section"] == ":env:")
    )
    chosen = {line["name"]: ast.literal_eval(line["value"]) for line in lines if line and line["name"] in _LENT}
    return [f"{name} = {value}" for name, value in chosen.items()]


def _certificates() -> Path:
    """The file of the certificates that this machine's pip trusts."""
    named = os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile
    return Path(named or BUNDLE).resolve()
