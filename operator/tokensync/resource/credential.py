"""How the client proves who it is: `spec.credential`."""

from enum import StrEnum
from typing import Self

from pydantic import model_validator

from tokensync.resource.model import KeyRef, Model, member, one_of


class SecretRef(Model):
    """A Secret of the resource's own namespace."""

    name: str


class Algorithm(StrEnum):
    """How an assertion is signed: JWS `alg` (RFC 7518, section 3.1)."""

    PS256 = "PS256"
    RS256 = "RS256"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"


class AssertionAudience(StrEnum):
    """To whom an assertion is addressed: its `aud` (RFC 7523, section 3)."""

    TOKEN_ENDPOINT = "TokenEndpoint"
    ISSUER = "Issuer"


class CertificateCredential(Model):
    """A certificate and its private key, in one Secret: in PEM, or as PKCS #12."""

    secret_ref: SecretRef
    fallback_secret_ref: SecretRef | None = None
    certificate_key: str = "tls.crt"
    private_key_key: str = "tls.key"
    pkcs12_key: str | None = None
    password_key: str | None = None
    algorithm: Algorithm | None = None
    key_id: str | None = None
    audience: AssertionAudience = AssertionAudience.TOKEN_ENDPOINT
    send_chain: bool = False

    @property
    def is_encrypted(self) -> bool:
        """Whether opening it is work for another process."""
        return bool(self.pkcs12_key or self.password_key)


class SecretTransport(StrEnum):
    """How a client secret is sent: `client_secret_post` or `client_secret_basic` (RFC 6749, section 2.3.1)."""

    POST = "Post"
    BASIC = "Basic"


class ClientSecretCredential(Model):
    """A client secret, RFC 6749's password."""

    secret_key_ref: KeyRef
    method: SecretTransport = SecretTransport.POST


class ServiceAccountCredential(Model):
    """A federated credential: a token of a ServiceAccount is the assertion (RFC 7523)."""

    name: str
    audience: str | None = None


class Credential(Model):
    """How the client proves who it is; exactly one member is set."""

    certificate: CertificateCredential | None = None
    client_secret: ClientSecretCredential | None = None
    service_account: ServiceAccountCredential | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        return one_of(self)

    @property
    def chosen(self) -> CertificateCredential | ClientSecretCredential | ServiceAccountCredential:
        """The member that is set."""
        chosen: CertificateCredential | ClientSecretCredential | ServiceAccountCredential = getattr(self, member(self))
        return chosen

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the Secrets that it is read from, the one that is tried first in front."""
        if self.certificate:
            fallback = self.certificate.fallback_secret_ref
            return (self.certificate.secret_ref.name, *((fallback.name,) if fallback else ()))
        return (self.client_secret.secret_key_ref.name,) if self.client_secret else ()
