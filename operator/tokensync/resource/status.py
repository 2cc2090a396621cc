"""The resource's status as frozen models: what we tell the user, and what a restarted operator remembers."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError
from pydantic.alias_generators import to_camel

from tokensync.clock import in_utc, rfc3339, to_milliseconds
from tokensync.errors import Reason

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


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


class ConditionType(StrEnum):
    """The conditions of a resource. All but `Stalled` are always present."""

    READY = "Ready"
    RENEWAL_SUCCEEDED = "RenewalSucceeded"
    CREDENTIAL_VALID = "CredentialValid"
    GAP_FREE = "GapFree"
    STALLED = "Stalled"


ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(_Model):
    """One condition, as Kubernetes' API conventions describe it."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: Message
    observed_generation: int
    last_transition_time: Moment


class TokenTimes(_Model):
    """The token that the target holds."""

    issued_at: Moment
    expires_at: Moment
    renew_at: Moment
    scope: Scope = ""


class CredentialStatus(_Model):
    """The credential as it was last read. Thumbprints in upper-case hexadecimal, as Entra's portal shows them."""

    kind: Text
    thumbprint_sha1: Text = ""
    thumbprint_sha256: Text = ""
    not_after: Moment
    secret_resource_version: Text


class TargetStatus(_Model):
    """The Secret that was last written."""

    name: Text
    uid: Text
    resource_version: Text


class Attempt(_Model):
    """The last attempt to renew."""

    time: Moment
    reason: Reason
    message: Message | None = None
    error_code: Text | None = None
    correlation_id: Text | None = None
    trace_id: Text | None = None
    http_status: int | None = None


class Status(_Model):
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
