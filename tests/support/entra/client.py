"""A client that asks as it should, or as wrongly as a test wants it to."""

import json
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
from cryptography.hazmat.primitives import hashes

from support.certificates import ClientCertificate, make_certificate
from support.entra.directory import GRAPH, Application, base64url
from support.entra.grant import ASSERTION_TYPE
from support.entra.server import FakeEntra


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def document(self) -> dict[str, Any]:
        """The body as the JSON object that it should be."""
        document = json.loads(self.text)
        assert isinstance(document, dict)
        return document

    @property
    def refusal(self) -> tuple[int, str, int]:
        """Status, `error` and AADSTS number of a refusal."""
        return self.status, self.document["error"], self.document["error_codes"][0]


class Client:
    """An application of the first tenant, with one certificate."""

    def __init__(
        self, entra: FakeEntra, application: Application, certificate: ClientCertificate, session: aiohttp.ClientSession
    ) -> None:
        self.application = application
        self.certificate = certificate
        self.session = session
        self.authority = f"https://{entra.host}/{entra.tenant_id}"
        self.token_endpoint = f"{self.authority}/oauth2/v2.0/token"

    def assertion(
        self, *, key: Any = None, algorithm: str = "PS256", header: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        """Sign a fresh assertion.

        Args:
            key: instead of the certificate's own.
            algorithm: `alg`.
            header: instead of `x5t#S256`.
            **claims: instead of the right ones; None leaves one out.
        """
        now = int(time.time())
        right = {
            "aud": self.token_endpoint,
            "iss": self.application.client_id,
            "sub": self.application.client_id,
            "iat": now - 10,
            "nbf": now - 10,
            "exp": now + 120,
            "jti": str(uuid.uuid4()),
        }
        payload = {name: value for name, value in {**right, **claims}.items() if value is not None}
        named = {"x5t#S256": self.x5t_s256} if header is None else dict(header)
        return jwt.encode(
            payload, self.certificate.private_key if key is None else key, algorithm=algorithm, headers=named
        )

    @property
    def x5t(self) -> str:
        """SHA-1 of the certificate as a header names it."""
        return base64url(self.certificate.certificate.fingerprint(hashes.SHA1()))  # noqa: S303 - X.509's thumbprint

    @property
    def x5t_s256(self) -> str:
        """SHA-256 of the certificate as a header names it."""
        return base64url(self.certificate.certificate.fingerprint(hashes.SHA256()))

    def form(self, **changes: str | None) -> dict[str, str]:
        """The parameters of a request.

        Args:
            **changes: instead of the right ones; None leaves one out.
        """
        right = {
            "grant_type": "client_credentials",
            "client_id": self.application.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": changes.get("client_assertion") or self.assertion(),
            "scope": f"{GRAPH}/.default",
        }
        return {name: value for name, value in {**right, **changes}.items() if value is not None}

    async def ask(self, **changes: str | None) -> Answer:
        """Ask for a token, with parameters as `form` has them."""
        return await self.post(self.token_endpoint, data=self.form(**changes))

    async def post(self, url: str, **options: Any) -> Answer:
        """Send a POST, following no redirect."""
        async with self.session.post(url, allow_redirects=False, **options) as response:
            return Answer(response.status, response.headers, await response.text())

    async def get(self, url: str) -> Answer:
        """Send a GET, following no redirect."""
        async with self.session.get(url, allow_redirects=False) as response:
            return Answer(response.status, response.headers, await response.text())

    async def discover(self) -> Answer:
        """Ask for the tenant's metadata."""
        return await self.get(f"{self.authority}/v2.0/.well-known/openid-configuration")


@asynccontextmanager
async def registered_client(entra: FakeEntra) -> AsyncIterator[Client]:
    """Register an application with a certificate, and be it."""
    certificate = make_certificate()
    application = entra.register(certificates=[certificate.certificate_pem])
    trust = ssl.create_default_context(cadata=entra.ca_pem.decode())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session:
        yield Client(entra, application, certificate, session)


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT says, unverified."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims
