"""What is remembered of a resource between two looks at it, and what of that outlives the process in its status."""

from dataclasses import dataclass, field
from datetime import datetime

from tokensync.resource.spec import ClientCredentialToken, Key
from tokensync.resource.status import Attempt, Status, TargetStatus
from tokensync.rotation.attempts import Attempts
from tokensync.target.metadata import SecretMetadata
from tokensync.target.writes import Issue


@dataclass(slots=True)
class Memory:
    """One resource's.

    Attributes:
        uid: of the resource: a recreated one starts anew.
        credential: the Secret that it proves itself with.
        attempts: failures, back-off, repairs.
        written: the Secret as our last write left it.
        in_order_for: the generation of the spec that it was written for.
        bought: a token that is paid for and not yet written; never asked for twice.
        granted: the scope of the last token that was written, and when that was issued.
        renewed_at: when a token was last written.
        attempt: the last attempt, as the status tells of it.
        handled_request: the last renew request that was answered or tried.
        endpoint: the token endpoint that was asked last, or would have been.
    """

    uid: str
    credential: Key
    attempts: Attempts
    written: TargetStatus | None
    in_order_for: int
    renewed_at: datetime | None
    attempt: Attempt | None
    handled_request: str | None
    bought: Issue | None = field(default=None, repr=False)
    endpoint: str = ""
    granted: tuple[datetime, str] | None = None

    @classmethod
    def recall(cls, uid: str, credential: Key, status: Status) -> "Memory":
        """What a status tells a process that has just started."""
        attempt, handled = status.last_attempt, status.last_handled_renew_request
        thumbprint = status.credential.thumbprint_sha256 if status.credential else ""
        attempts = Attempts.remembered(status, made_for=f"{status.observed_generation}:{thumbprint}")
        return cls(
            uid=uid,
            credential=credential,
            attempts=attempts.handled(attempt.time) if attempt and handled else attempts,
            written=status.target,
            in_order_for=status.observed_generation,
            renewed_at=status.last_renewal_time,
            attempt=attempt,
            handled_request=handled,
        )

    def wrote(self, secret: SecretMetadata, generation: int) -> None:
        """Remember what a write left, and which generation of the spec asked for it."""
        self.in_order_for = generation
        self.written = TargetStatus(name=secret.key.name, uid=secret.uid, resource_version=secret.resource_version)

    def was_in_order(self, resource: ClientCredentialToken) -> bool:
        """Whether this target was written for this generation before: what is not in order now is somebody's doing."""
        same = self.written is not None and self.written.name == resource.spec.target.name
        return same and self.in_order_for == resource.metadata.generation

    def handled(self, request: str, now: datetime) -> None:
        """Remember a renew request that was answered or tried."""
        self.handled_request = request
        self.attempts = self.attempts.handled(now)

    def written_version(self, secret: SecretMetadata) -> str:
        """The resourceVersion that our last write of this Secret left; empty if that is not known."""
        known = self.written
        return known.resource_version if known and known.uid == secret.uid else ""
