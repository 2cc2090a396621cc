"""The provider as a process, with its own certificate authority."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import jwt
import requests
import trustme

from support.objects import Json
from support.oidc_provider import packages
from support.oidc_provider.clients import Client
from support.oidc_provider.journal import TokenRequest, read_journal
from support.ports import free_port
from support.processes import Program

RESOURCE = "https://api.example"
"""`aud` of a token whose request names no other (RFC 8707)."""

START_TIMEOUT = 60
"""Seconds; it needs less than one on a machine that has nothing else to do."""


class OidcProvider:
    """`oidc-provider` on a free port of this machine; a context manager.

    Attributes:
        issuer: its identifier, and where its metadata is found. Its name is `localhost`; it answers at `127.0.0.1` too.
        host: host and port.
        ca_pem: the authority that it is verified with.
    """

    def __init__(self, folder: Path, *, path: str = "/op") -> None:
        """Prepare, without starting.

        Args:
            folder: an existing one, for all that it needs, its private keys among it.
            path: of the issuer; empty for one at the root.

        Raises:
            PackagesError: if the npm packages are not there and cannot be installed.
        """
        self.host = f"localhost:{free_port()}"
        self.issuer = f"https://{self.host}{path}"
        self._folder = folder
        self._journal = folder / "journal.jsonl"
        self._clients: dict[str, Client] = {}
        authority = trustme.CA()
        self.ca_pem = authority.cert_pem.bytes()
        self._ca = self.write_ca(folder / "ca.pem")
        self._program = Program(
            "oidc-provider",
            [packages.NODE, packages.SERVER / "server.js", self._configure(authority)],
            log=folder / "oidc-provider.log",
            environment={"PATH": os.environ["PATH"], "NODE_PATH": str(packages.provide())},
            folder=folder,
        )

    def _configure(self, authority: trustme.CA) -> Path:
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        files = {name: self._folder / name for name in ("certificate.pem", "key.pem", "clients.json")}
        leaf.cert_chain_pems[0].write_to_path(files["certificate.pem"])
        leaf.private_key_pem.write_to_path(files["key.pem"])
        self._journal.touch()
        self._write_clients()
        configuration = self._folder / "configuration.json"
        settings = {
            "issuer": self.issuer,
            "resource": RESOURCE,
            "certificate": files["certificate.pem"],
            "privateKey": files["key.pem"],
            "registrations": files["clients.json"],
            "journal": self._journal,
        }
        configuration.write_text(json.dumps(settings, default=str))
        return configuration

    def __enter__(self) -> Self:
        self._program.start()
        try:
            self._program.wait_until(self._answers, START_TIMEOUT, "it answers")
        except BaseException:
            self._program.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.stop()

    def _answers(self) -> bool:
        try:
            return bool(self.metadata())
        except (requests.ConnectionError, requests.Timeout):
            return False

    def write_ca(self, path: Path) -> Path:
        """Write its authority's certificate to a file, and return that."""
        path.write_bytes(self.ca_pem)
        return path

    def register(self, client: Client) -> Client:
        """Register a client, or replace what is known of one that has this identifier. It counts at once."""
        self._clients[client.client_id] = client
        self._write_clients()
        return client

    def _write_clients(self) -> None:
        clients = {name: client.metadata() for name, client in self._clients.items()}
        unfinished = self._folder / "clients.json.new"
        unfinished.write_text(json.dumps(clients))
        unfinished.rename(self._folder / "clients.json")

    @property
    def requests(self) -> list[TokenRequest]:
        """The requests that came in at the token endpoint, in order."""
        return read_journal(self._journal)

    def metadata(self) -> Json:
        """What it publishes about itself (OpenID Connect Discovery 1.0, section 4)."""
        return self._get(f"{self.issuer.removesuffix('/')}/.well-known/openid-configuration")

    @property
    def token_endpoint(self) -> str:
        """Where tokens are requested."""
        return str(self.metadata()["token_endpoint"])

    def verify(self, token: str, *, audience: str = RESOURCE) -> Json:
        """Verify a token as whoever it is for does: with the published keys, exactly this issuer and this audience.

        Returns:
            Its claims.

        Raises:
            jwt.InvalidTokenError: if it is not valid now.
        """
        keys = jwt.PyJWKSet.from_dict(self._get(self.metadata()["jwks_uri"]))
        header = jwt.get_unverified_header(token)
        claims: Json = jwt.decode(
            token,
            keys[header["kid"]],
            algorithms=["RS256", "ES256"],
            issuer=self.issuer,
            audience=audience,
            options={"require": ["exp", "iat", "iss", "aud"], "strict_aud": True},
        )
        return claims

    def _get(self, url: str) -> Json:
        with requests.Session() as session:
            session.trust_env = False  # no proxy: it is on this machine
            answer = session.get(url, verify=str(self._ca), timeout=10)
        answer.raise_for_status()
        document: Json = answer.json()
        return document
