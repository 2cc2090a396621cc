"""A container registry over TLS that lets nobody in without a user name and a password."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import requests
import trustme
import yaml

from support.ports import free_port
from support.processes import Program
from support.servers.requirements import find
from support.waiting import eventually

LONGEST_PASSWORD = 72
"""Bytes that bcrypt, the only form that the registry takes, looks at."""


class Registry:
    """A running registry.

    Attributes:
        host: host and port.
        authorities: the folder with the certificate authority that it is to be verified with.
    """

    def __init__(self, port: int, authorities: Path) -> None:
        self.host = f"localhost:{port}"
        self.authorities = authorities

    def asks_for_a_password(self) -> bool:
        """Whether it answers, and how."""
        try:
            answer = requests.get(f"https://{self.host}/v2/", verify=str(self.authorities / "ca.crt"), timeout=5)
        except requests.ConnectionError:
            return False
        return answer.status_code == requests.codes.unauthorized


@contextmanager
def registry(folder: Path, users: dict[str, str]) -> Iterator[Registry]:
    """Run a registry.

    Args:
        folder: for its files. Empty.
        users: passwords by user name, of at most `LONGEST_PASSWORD` bytes.
    """
    port, authorities = free_port(), folder / "authorities"
    authorities.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(authorities / "ca.crt")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    hashes = {name: bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode() for name, password in users.items()}
    (folder / "users").write_text("".join(f"{name}:{digest}\n" for name, digest in hashes.items()))
    (folder / "config.yml").write_text(yaml.safe_dump(_configuration(folder, port)))
    program = Program("registry", [find("docker-registry"), "serve", folder / "config.yml"], log=folder / "log")
    running = Registry(port, authorities)
    program.start()
    try:
        eventually(running.asks_for_a_password, 30, "the registry answers", explain=program.log.read_text)
        yield running
    finally:
        program.stop()


def write_image(folder: Path) -> None:
    """Write the smallest image that there is, as an OCI layout (OCI Image Format Specification)."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(kind: str, content: Any) -> dict[str, Any]:
        data = json.dumps(content).encode()
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {
            "mediaType": f"application/vnd.oci.image.{kind}.v1+json",
            "digest": f"sha256:{digest}",
            "size": len(data),
        }

    nothing = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    manifest = put("manifest", {"schemaVersion": 2, "config": put("config", nothing), "layers": []})
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))


def _configuration(folder: Path, port: int) -> dict[str, Any]:
    certificate = str(folder / "server.pem")
    return {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": f"127.0.0.1:{port}", "tls": {"certificate": certificate, "key": certificate}},
        "auth": {"htpasswd": {"realm": "registry", "path": str(folder / "users")}},
    }
