"""The resource's spec as frozen models. The CRD is the contract and validates; these read what it let through.

Pydantic knows which fields somebody set, and only those count for `acquired-for`. The defaults are here, because the CRD
sets none.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, ValidationError

from tokensync.duration import parse_duration
from tokensync.errors import Reason, SpecError
from tokensync.resource.credential import Credential
from tokensync.resource.model import Model
from tokensync.resource.names import RENEW_REQUESTED_AT
from tokensync.resource.provider import Provider
from tokensync.resource.target import Target

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


class Renewal(Model):
    """When a token is renewed, beyond what its lifetime says."""

    before: Duration | None = None
    lifetime_percentage: int = Field(default=67, ge=34, le=90)
    consumer_hold: Duration = timedelta(0)


class Spec(Model):
    """What token, for whom, where to."""

    provider: Provider
    client_id: str
    scopes: tuple[str, ...] = ()
    parameters: dict[str, str] = Field(default_factory=dict)
    credential: Credential
    target: Target
    renewal: Renewal = Renewal()
    suspend: bool = False


class _Metadata(Model):
    name: str
    namespace: str
    uid: str
    generation: int = 0
    creation_timestamp: datetime | None = None
    annotations: dict[str, str] = Field(default_factory=dict)


class ClientCredentialToken(Model):
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
    def credential_keys(self) -> tuple[Key, ...]:
        """The Secrets that it proves itself with, the one that is tried first in front."""
        return tuple(Key(self.metadata.namespace, name) for name in self.spec.credential.secrets)

    @property
    def renew_request(self) -> str:
        """The value of the annotation that asks for a renewal, cut to what the status can echo; empty without one."""
        return self.metadata.annotations.get(RENEW_REQUESTED_AT, "")[:RENEW_REQUEST_LENGTH]
