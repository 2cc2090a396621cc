"""The resource's status as frozen models: what we tell the user, and what a restarted operator remembers."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, ValidationError

from tokensync.clock import in_utc, rfc3339, to_milliseconds
from tokensync.errors import Reason
from tokensync.resource.model import Model

# The schema's bounds, in characters. A test holds them against the CRD.
MESSAGE_LENGTH = 2048
TEXT_LENGTH = 256
SCOPE_LENGTH = 4096


def cut(text: str, length: int) -> str:
    """Shorten a text to at most `length` characters, an ellipsis included."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _cut_to(length: int) -> BeforeValidator:
    return BeforeValidator(lambda value: cut(value, length) if isinstance(value, str) else value)


Text = Annotated[str, _cut_to(TEXT_LENGTH)]
Message = Annotated[str, _cut_to(MESSAGE_LENGTH)]
Scope = Annotated[str, _cut_to(SCOPE_LENGTH)]
Moment = Annotated[datetime, AfterValidator(lambda moment: to_milliseconds(in_utc(moment))), PlainSerializer(rfc3339)]


class ConditionType(StrEnum):
    """The conditions of a resource. All but `Stalled` are always present."""

    READY = "Ready"
    RENEWAL_SUCCEEDED = "RenewalSucceeded"
    CREDENTIAL_VALID = "CredentialValid"
    GAP_FREE = "GapFree"
    STALLED = "Stalled"


ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Model):
    """One condition, as Kubernetes' API conventions describe it."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: Message
    observed_generation: int
    last_transition_time: Moment


class TokenTimes(Model):
    """The token that the target holds."""

    issued_at: Moment
    expires_at: Moment
    renew_at: Moment
    scope: Scope = ""


class CredentialKind(StrEnum):
    """The kinds of credentials, as the status names them."""

    CERTIFICATE = "Certificate"
    CLIENT_SECRET = "ClientSecret"
    SERVICE_ACCOUNT = "ServiceAccount"


class CredentialStatus(Model):
    """The credential as it was last read. Thumbprints in upper-case hexadecimal, as Entra's portal shows them.

    Certificates have all of it; a client secret has no thumbprints and no end that we know; a ServiceAccount has only
    its kind.
    """

    kind: CredentialKind
    thumbprint_sha1: Text | None = None
    thumbprint_sha256: Text | None = None
    not_after: Moment | None = None
    secret_resource_version: Text | None = None
    fallback_secret_resource_version: Text | None = None

    @property
    def content(self) -> str:
        """What tells one credential from another: another one is tried at once, however the last one failed."""
        return self.thumbprint_sha256 or self.secret_resource_version or self.kind


class TargetStatus(Model):
    """The Secret that was last written."""

    name: Text
    uid: Text
    resource_version: Text


class Attempt(Model):
    """The last attempt to renew."""

    time: Moment
    reason: Reason
    message: Message | None = None
    error_code: Text | None = None
    correlation_id: Text | None = None
    trace_id: Text | None = None
    http_status: int | None = None


class Status(Model):
    """All of it. `observed_generation` is -1 (the schema's default) until something was written."""

    observed_generation: int = -1
    conditions: tuple[Condition, ...] = ()
    token: TokenTimes | None = None
    credential: CredentialStatus | None = None
    target: TargetStatus | None = None
    last_renewal_time: Moment | None = None
    last_attempt: Attempt | None = None
    consecutive_failures: int = 0
    next_attempt_time: Moment | None = None
    last_handled_renew_request: Text | None = None

    @classmethod
    def parse(cls, body: Any) -> Self:
        """Read a status from its JSON. One that is not ours (wiped, edited, older) counts as none: it is written anew."""
        try:
            return cls.model_validate(body or {})
        except ValidationError:
            return cls()

    def dump(self) -> dict[str, Any]:
        """As JSON for the API server, without unset fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of that type, if it is there."""
        return next((condition for condition in self.conditions if condition.type == kind), None)

    def with_conditions(self, conditions: Iterable[Condition]) -> "Status":
        """A copy with these conditions; one whose status did not change keeps its transition time."""
        before = {condition.type: condition for condition in self.conditions}
        kept = tuple(
            condition.model_copy(update={"last_transition_time": old.last_transition_time})
            if (old := before.get(condition.type)) and old.status == condition.status
            else condition
            for condition in conditions
        )
        return self.model_copy(update={"conditions": kept})
