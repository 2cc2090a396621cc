"""Throw-away keys and certificates for a control plane, and the kubeconfigs made of them."""

import base64
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    private_key: Path


class Authority:
    """A certificate authority that lives as long as its folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ca = trustme.CA()
        self.certificate = folder / "ca.crt"
        self._ca.cert_pem.write_to_path(self.certificate)

    def server(self, name: str, *hosts: str) -> KeyPair:
        """A pair for a server with these names and addresses."""
        return self._write(name, self._ca.issue_cert(*hosts, common_name=name))

    def client(self, user: str, group: str | None = None) -> KeyPair:
        """A pair that Kubernetes reads as this user (`CN`) in this group (`O`)."""
        # Of no use but needed: trustme gives a certificate for no host an empty critical extension, which Go refuses.
        host = "client.invalid"
        return self._write(user, self._ca.issue_cert(host, common_name=user, organization_name=group))

    def _write(self, name: str, leaf: trustme.LeafCert) -> KeyPair:
        stem = name.replace(":", "-")
        pair = KeyPair(self._folder / f"{stem}.crt", self._folder / f"{stem}.key")
        leaf.cert_chain_pems[0].write_to_path(pair.certificate)
        leaf.private_key_pem.write_to_path(pair.private_key)
        return pair


def write_rsa_key(path: Path) -> Path:
    """Write a new RSA key: ServiceAccount tokens are then RS256, as in most clusters."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def write_kubeconfig(path: Path, server: str, ca: Path, user: KeyPair | str) -> Path:
    """Write a kubeconfig that needs no other file.

    Args:
        path: where to.
        server: the API server's URL.
        ca: the certificate that it is verified with.
        user: a client certificate, or a bearer token.
    """
    path.touch(mode=0o600)
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {"name": "tests", "cluster": {"server": server, "certificate-authority-data": _base64(ca)}}
                ],
                "users": [{"name": "tests", "user": _user(user)}],
                "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
                "current-context": "tests",
            }
        )
    )
    return path


def _user(user: KeyPair | str) -> dict[str, str]:
    if isinstance(user, str):
        return {"token": user}
    return {
        "client-certificate-data": _base64(user.certificate),
        "client-key-data": _base64(user.private_key),
    }


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
