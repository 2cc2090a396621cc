"""The resource's spec as frozen models. The CRD is the contract and validates; these read what it let through.

Pydantic knows which fields somebody set, and only those count for `acquired-for`. The defaults are here, because the CRD
sets none.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from tokensync.duration import parse_duration
from tokensync.errors import Reason, SpecError
from tokensync.resource.names import RENEW_REQUESTED_AT

RENEW_REQUEST_LENGTH = 256
"""The longest `lastHandledRenewRequest`, in characters: longer annotation values are cut to it."""

Duration = Annotated[
    timedelta, BeforeValidator(lambda value: parse_duration(value) if isinstance(value, str) else value)
]


class Key(NamedTuple):
    """A resource or a Secret by namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Cloud(StrEnum):
    """The Microsoft Entra clouds."""

    PUBLIC = "Public"
    US_GOVERNMENT = "USGovernment"
    CHINA = "China"


class EntraProvider(_Model):
    """Microsoft Entra ID: a tenant in one of its clouds, or at another authority host."""

    tenant_id: str
    cloud: Cloud | None = None
    authority_host: str | None = None


class Provider(_Model):
    """Where tokens come from."""

    entra: EntraProvider


class SecretRef(_Model):
    """A Secret of the resource's own namespace."""

    name: str


class CertificateCredential(_Model):
    """A certificate and its private key, in one Secret."""

    secret_ref: SecretRef
    certificate_key: str = "tls.crt"
    private_key_key: str = "tls.key"


class Credential(_Model):
    """How the client proves who it is."""

    certificate: CertificateCredential


class ValueName(StrEnum):
    """What a key of the target Secret can hold."""

    ACCESS_TOKEN = "AccessToken"
    AUTHORIZATION_HEADER = "AuthorizationHeader"
    TOKEN_TYPE = "TokenType"
    EXPIRES_AT = "ExpiresAt"
    EXPIRES_AT_UNIX = "ExpiresAtUnix"
    ISSUED_AT = "IssuedAt"
    SCOPE = "Scope"
    TOKEN_RESPONSE = "TokenResponse"


DEFAULT_DATA = {
    "token": ValueName.ACCESS_TOKEN,
    "expires-at": ValueName.EXPIRES_AT,
    "token-type": ValueName.TOKEN_TYPE,
}


class DeletionPolicy(StrEnum):
    """What happens to the target Secret when its resource goes."""

    DELETE = "Delete"
    RETAIN = "Retain"


class Target(_Model):
    """The Secret that is written."""

    name: str
    data: dict[str, ValueName] | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    adopt: bool = False
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE

    @property
    def shape(self) -> dict[str, ValueName]:
        """Which key holds what, the default included."""
        return self.data or DEFAULT_DATA


class Renewal(_Model):
    """When a token is renewed, beyond what its lifetime says."""

    before: Duration | None = None
    lifetime_percentage: int = Field(default=67, ge=34, le=90)
    consumer_hold: Duration = timedelta(0)


class Spec(_Model):
    """What token, for whom, where to."""

    provider: Provider
    client_id: str
    scopes: tuple[str, ...]
    credential: Credential
    target: Target
    renewal: Renewal = Renewal()
    suspend: bool = False


class _Metadata(_Model):
    name: str
    namespace: str
    uid: str
    generation: int = 0
    annotations: dict[str, str] = {}


class ClientCredentialToken(_Model):
    """One resource, as the API server last showed it."""

    kind: Literal["ClientCredentialToken"] = "ClientCredentialToken"
    metadata: _Metadata
    spec: Spec

    @classmethod
    def parse(cls, body: dict[str, Any]) -> Self:
        """Read a resource from its JSON.

        Raises:
            SpecError: `InvalidSpec`, if it is not what the CRD allows, as after a downgrade of the CRD.
        """
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise SpecError(
                Reason.INVALID_SPEC,
                f"{where}: {first['msg']}",
                remedy="correct the field, or apply the CustomResourceDefinition of this version of tokensync",
            ) from None

    @property
    def key(self) -> Key:
        """Its namespace and name."""
        return Key(self.metadata.namespace, self.metadata.name)

    @property
    def target_key(self) -> Key:
        """The Secret that it writes."""
        return Key(self.metadata.namespace, self.spec.target.name)

    @property
    def credential_key(self) -> Key:
        """The Secret that it proves itself with."""
        return Key(self.metadata.namespace, self.spec.credential.certificate.secret_ref.name)

    @property
    def renew_request(self) -> str:
        """The value of the annotation that asks for a renewal, cut to what the status can echo; empty without one."""
        return self.metadata.annotations.get(RENEW_REQUESTED_AT, "")[:RENEW_REQUEST_LENGTH]
