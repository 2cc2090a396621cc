"""What can go wrong, as data: a reason, what is wrong and where, and the next step for the person who reads it.

    TokenSyncError
    ├── SpecError         the resource asks for what cannot be, or for what this installation does not allow
    ├── CredentialError   the Secret that proves who the client is
    ├── TargetError       the Secret that is written
    ├── ClusterError      the Kubernetes API
    └── ProviderError     the identity provider, with what its answer said of itself

A failure travels as one of these from where it is seen to the status of the resource. Nothing in them is secret:
whoever raises one puts in names, numbers and thumbprints, never a value that was read or received.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Reason(StrEnum):
    """Why something is as it is: the closed list of reasons of conditions. `docs/lifecycle.md` has a row for each."""

    # well
    TOKEN_VALID = "TokenValid"
    RENEWED = "Renewed"
    CREDENTIAL_USABLE = "CredentialUsable"
    CREDENTIAL_EXPIRES_SOON = "CredentialExpiresSoon"
    ROOM_ENOUGH = "RoomEnough"
    # under way
    ACQUIRING = "Acquiring"
    SUSPENDED = "Suspended"
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    # spec and limits of this installation
    INVALID_SPEC = "InvalidSpec"
    HOST_NOT_ALLOWED = "HostNotAllowed"
    AUDIENCE_NOT_ALLOWED = "AudienceNotAllowed"
    TARGET_TYPE_NOT_ALLOWED = "TargetTypeNotAllowed"
    METADATA_NOT_ALLOWED = "MetadataNotAllowed"
    # credential
    CREDENTIAL_NOT_FOUND = "CredentialNotFound"
    CREDENTIAL_KEY_MISSING = "CredentialKeyMissing"
    CREDENTIAL_MALFORMED = "CredentialMalformed"
    CREDENTIAL_PASSWORD_REQUIRED = "CredentialPasswordRequired"
    CREDENTIAL_PASSWORD_WRONG = "CredentialPasswordWrong"
    KEY_MISMATCH = "KeyMismatch"
    KEY_TOO_WEAK = "KeyTooWeak"
    KEY_UNSUPPORTED = "KeyUnsupported"
    CERTIFICATE_EXPIRED = "CertificateExpired"
    CERTIFICATE_NOT_YET_VALID = "CertificateNotYetValid"
    CREDENTIAL_SOURCE_REFUSED = "CredentialSourceRefused"
    # target
    TARGET_NOT_OWNED = "TargetNotOwned"
    TARGET_CLAIMED = "TargetClaimed"
    TARGET_CONTESTED = "TargetContested"
    TARGET_IMMUTABLE = "TargetImmutable"
    TARGET_TYPE_MISMATCH = "TargetTypeMismatch"
    TARGET_REJECTED = "TargetRejected"
    # cluster
    FORBIDDEN = "Forbidden"
    CLUSTER_UNAVAILABLE = "ClusterUnavailable"
    # provider, transport
    PROVIDER_UNREACHABLE = "ProviderUnreachable"
    PROVIDER_UNTRUSTED = "ProviderUntrusted"
    PROVIDER_UNAVAILABLE = "ProviderUnavailable"
    PROVIDER_THROTTLED = "ProviderThrottled"
    PROVIDER_REDIRECTED = "ProviderRedirected"
    PROVIDER_RESPONSE_INVALID = "ProviderResponseInvalid"
    ISSUER_MISMATCH = "IssuerMismatch"
    # provider, answer
    TENANT_UNKNOWN = "TenantUnknown"
    CLIENT_UNKNOWN = "ClientUnknown"
    CREDENTIAL_REJECTED = "CredentialRejected"
    ASSERTION_REJECTED = "AssertionRejected"
    CLOCK_SKEWED = "ClockSkewed"
    SCOPE_REJECTED = "ScopeRejected"
    SCOPE_NARROWED = "ScopeNarrowed"
    CLIENT_NOT_AUTHORIZED = "ClientNotAuthorized"
    POLICY_BLOCKED = "PolicyBlocked"
    REQUEST_REJECTED = "RequestRejected"
    # time
    TOKEN_EXPIRED = "TokenExpired"
    LIFETIME_TOO_SHORT = "LifetimeTooShort"
    # ours
    INTERNAL_ERROR = "InternalError"


NEEDS_A_PERSON_AT_ONCE = frozenset(
    {
        Reason.INVALID_SPEC,
        Reason.HOST_NOT_ALLOWED,
        Reason.AUDIENCE_NOT_ALLOWED,
        Reason.TARGET_TYPE_NOT_ALLOWED,
        Reason.METADATA_NOT_ALLOWED,
        Reason.CREDENTIAL_KEY_MISSING,
        Reason.CREDENTIAL_MALFORMED,
        Reason.CREDENTIAL_PASSWORD_REQUIRED,
        Reason.CREDENTIAL_PASSWORD_WRONG,
        Reason.KEY_MISMATCH,
        Reason.KEY_TOO_WEAK,
        Reason.KEY_UNSUPPORTED,
        Reason.CERTIFICATE_EXPIRED,
        Reason.CREDENTIAL_SOURCE_REFUSED,
        Reason.TARGET_NOT_OWNED,
        Reason.TARGET_CONTESTED,
        Reason.TARGET_IMMUTABLE,
        Reason.TARGET_TYPE_MISMATCH,
        Reason.FORBIDDEN,
    }
)
"""Only a person can mend these: `Stalled` is set as soon as one is seen."""

NEEDS_A_PERSON_IF_IT_LASTS = frozenset(
    {
        Reason.PROVIDER_UNTRUSTED,
        Reason.PROVIDER_REDIRECTED,
        Reason.ISSUER_MISMATCH,
        Reason.TENANT_UNKNOWN,
        Reason.CLIENT_UNKNOWN,
        Reason.CREDENTIAL_REJECTED,
        Reason.ASSERTION_REJECTED,
        Reason.CLOCK_SKEWED,
        Reason.SCOPE_REJECTED,
        Reason.CLIENT_NOT_AUTHORIZED,
        Reason.POLICY_BLOCKED,
        Reason.REQUEST_REJECTED,
    }
)
"""What a provider says may mend itself while a new registration becomes known: `Stalled` is set after five minutes."""

PASSES_BY_ITSELF = frozenset(
    {
        Reason.PROVIDER_UNREACHABLE,
        Reason.PROVIDER_UNAVAILABLE,
        Reason.PROVIDER_THROTTLED,
        Reason.PROVIDER_RESPONSE_INVALID,
        Reason.CLUSTER_UNAVAILABLE,
        Reason.TARGET_REJECTED,
        Reason.INTERNAL_ERROR,
    }
)
"""Nobody has to do anything: tried again within seconds, then minutes. Everything else waits for a minute at first."""


class TokenSyncError(Exception):
    """A failure that a person can act on.

    Attributes:
        reason: which one it is.
        message: what is wrong, and where. No final full stop, no secret.
        remedy: the next step, as an imperative sentence without a final full stop; empty where there is nothing to do.
        retry_after: how long whoever refused asked us to wait; None where nothing was asked.
    """

    def __init__(self, reason: Reason, message: str, *, remedy: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.remedy = remedy
        self.retry_after = retry_after

    @property
    def text(self) -> str:
        """The message and the next step, as they stand in a condition: `What is wrong: what to do`."""
        return f"{self.message}: {self.remedy}" if self.remedy else self.message

    def __str__(self) -> str:
        return f"{self.reason}: {self.text}"


class SpecError(TokenSyncError):
    """The resource asks for what cannot be, or for what this installation does not allow."""


class CredentialError(TokenSyncError):
    """The credential is missing, unreadable or unusable."""


class TargetError(TokenSyncError):
    """The target Secret is not ours to write, or the cluster refused its content."""


class ClusterError(TokenSyncError):
    """The Kubernetes API refused a call, or cannot be reached."""


class NamespaceTerminatingError(ClusterError):
    """The namespace is being deleted: nothing more can be created in it."""

    def __init__(self, namespace: str) -> None:
        super().__init__(Reason.NAMESPACE_TERMINATING, f"namespace {namespace} is being deleted")


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What a provider's refusal says of itself: safe to show, and what its support asks for.

    `error_code` is Entra's AADSTS number (`AADSTS700027`) or else RFC 6749's `error` (section 5.2).
    """

    http_status: int | None = None
    error_code: str = ""
    correlation_id: str = ""
    trace_id: str = ""


class ProviderError(TokenSyncError):
    """The identity provider refused, or cannot be reached, or cannot be trusted."""

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        remedy: str = "",
        retry_after: timedelta | None = None,
        answer: ProviderAnswer | None = None,
    ) -> None:
        super().__init__(reason, message, remedy=remedy, retry_after=retry_after)
        self.answer = answer or ProviderAnswer()


class NotLeadingError(Exception):
    """Another replica works, or may: nothing was asked for and nothing written."""


class ConflictError(Exception):
    """A write found something else than it was made for, and wrote nothing: look again and decide anew."""
