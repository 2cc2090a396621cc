"""What is registered: tenants, their applications with credentials, and the resources they know."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

SMALLEST_RSA_KEY = 2048
GRAPH = "https://graph.microsoft.com"


@dataclass(frozen=True, slots=True)
class RegisteredCertificate:
    """A certificate of an application, parsed once.

    Attributes:
        thumbprint_sha256: upper-case hexadecimal, as the portal shows it.
        x5t: its SHA-1 as an assertion's header names it (RFC 7515, section 4.1.7).
        x5t_s256: its SHA-256 as an assertion's header names it (RFC 7515, section 4.1.8).
    """

    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    thumbprint_sha256: str
    x5t: str
    x5t_s256: str
    not_before: datetime
    not_after: datetime

    @classmethod
    def from_pem(cls, pem: bytes) -> "RegisteredCertificate":
        """Read the first certificate of a PEM.

        Raises:
            ValueError: if there is none, or Entra would take none with such a key.
        """
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise ValueError("neither an RSA nor an EC key")  # noqa: TRY004 - a wrong value, of bytes
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < SMALLEST_RSA_KEY:
            raise ValueError(f"an RSA key of fewer than {SMALLEST_RSA_KEY} bits")
        sha256 = certificate.fingerprint(hashes.SHA256())
        return cls(
            public_key=key,
            thumbprint_sha256=sha256.hex().upper(),
            x5t=base64url(certificate.fingerprint(hashes.SHA1())),  # noqa: S303 - X.509's thumbprint, no security
            x5t_s256=base64url(sha256),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether the moment lies in the certificate's validity."""
        return self.not_before <= moment <= self.not_after


@dataclass(frozen=True, slots=True)
class FederatedCredential:
    """Whose tokens an application takes for its own assertions.

    Attributes:
        issuer: `iss`, text for text.
        subject: `sub`, in its case; of a ServiceAccount `system:serviceaccount:<namespace>:<name>`.
        audience: `aud`, the only one.
        jwks: the issuer's keys, as it publishes them (RFC 7517, section 5); an API server's are at `/openid/v1/jwks`.
    """

    issuer: str
    subject: str
    audience: str
    jwks: Mapping[str, Any] = field(repr=False)


def base64url(data: bytes) -> str:
    """Encode as JOSE does: without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(eq=False)
class Application:
    """An app registration. A test may change it while the server runs.

    Attributes:
        lifetime: of the tokens it gets; None for the server's.
        disabled: switched off by an administrator.
        blocked_by_policy: Conditional Access lets it have no tokens.
        federated: whose tokens it takes for its own assertions.
    """

    client_id: str
    lifetime: timedelta | None = None
    disabled: bool = False
    blocked_by_policy: bool = False
    federated: list[FederatedCredential] = field(default_factory=list)
    _secrets: dict[str, datetime | None] = field(default_factory=dict, repr=False)
    _certificates: dict[str, RegisteredCertificate] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def certificates(self) -> list[RegisteredCertificate]:
        """Those registered now."""
        with self._lock:
            return list(self._certificates.values())

    def add_certificate(self, pem: bytes) -> None:
        """Register the first certificate of a PEM.

        Raises:
            ValueError: if there is none, or Entra would take none with such a key.
        """
        certificate = RegisteredCertificate.from_pem(pem)
        with self._lock:
            self._certificates[certificate.thumbprint_sha256] = certificate

    @property
    def client_secrets(self) -> dict[str, datetime | None]:
        """Those registered now, each with its end."""
        with self._lock:
            return dict(self._secrets)

    def add_client_secret(self, value: str, expires_at: datetime | None = None) -> None:
        """Register a client secret; a second time, to change when it ends."""
        with self._lock:
            self._secrets[value] = expires_at

    def remove_client_secret(self, value: str) -> None:
        """Take a client secret away.

        Raises:
            KeyError: if it is not registered.
        """
        with self._lock:
            del self._secrets[value]

    def remove_certificate(self, thumbprint_sha256: str) -> None:
        """Take a certificate away; assertions that name it are refused from now on.

        Raises:
            KeyError: if it is not registered.
        """
        with self._lock:
            del self._certificates[thumbprint_sha256]


@dataclass(eq=False)
class Tenant:
    """A tenant: its applications, by client identifier, and the resources tokens can be had for."""

    tenant_id: str
    domain: str
    applications: dict[str, Application] = field(default_factory=dict)
    resources: set[str] = field(default_factory=lambda: {GRAPH})

    def register(self, application: Application) -> Application:
        """Register an application."""
        self.applications[application.client_id] = application
        return application


class Directory:
    """All tenants. One is found by its identifier and by its domain, whichever way they are capitalised."""

    def __init__(self) -> None:
        self._tenants: dict[str, Tenant] = {}

    def add(self, tenant: Tenant) -> Tenant:
        """Add a tenant."""
        self._tenants[tenant.tenant_id.lower()] = tenant
        self._tenants[tenant.domain.lower()] = tenant
        return tenant

    def find(self, name: str) -> Tenant | None:
        """The tenant with this identifier or domain."""
        return self._tenants.get(name.lower())
