"""What is remembered of a resource between two looks at it, and what of that outlives the process in its status."""

from dataclasses import dataclass, field
from datetime import datetime

from tokensync.errors import Reason
from tokensync.resource.credential import Credential
from tokensync.resource.spec import ClientCredentialToken, Key
from tokensync.resource.status import Attempt, Status, TargetStatus
from tokensync.rotation.attempts import Attempts
from tokensync.rotation.observation import Observation
from tokensync.target.metadata import SecretMetadata
from tokensync.target.stored import StoredToken
from tokensync.target.writes import Issue


@dataclass(slots=True)
class Memory:
    """One resource's.

    Attributes:
        uid: of the resource: a recreated one starts anew.
        credentials: the Secrets that it proves itself with.
        credential: how they are read; None until they are looked at.
        attempts: failures, back-off, repairs.
        written: the Secret as our last write left it.
        in_order_for: the generation of the spec that it was written for.
        bought: a token that is paid for and not yet written; never asked for twice.
        remark: what is to be said of how that was had.
        granted: the scope of the last token that was written, and when that was issued.
        renewed_at: when a token was last written.
        attempt: the last attempt, as the status tells of it.
        handled_request: the last renew request that was answered or tried.
        request: the last renew request that was seen, and when it was first.
        endpoint: the token endpoint that was asked last, or would have been.
    """

    uid: str
    credentials: tuple[Key, ...]
    attempts: Attempts
    written: TargetStatus | None
    in_order_for: int
    renewed_at: datetime | None
    attempt: Attempt | None
    handled_request: str | None
    bought: Issue | None = field(default=None, repr=False)
    remark: str = ""
    request: tuple[str, datetime] | None = None
    endpoint: str = ""
    granted: tuple[datetime, str] | None = None
    credential: Credential | None = field(default=None, repr=False)

    @classmethod
    def recall(cls, uid: str, credentials: tuple[Key, ...], status: Status) -> "Memory":
        """What a status tells a process that has just started."""
        attempt, handled = status.last_attempt, status.last_handled_renew_request
        content = status.credential.content if status.credential else ""
        attempts = Attempts.remembered(status, made_for=f"{status.observed_generation}:{content}")
        return cls(
            uid=uid,
            credentials=credentials,
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

    def unwritten(self, seen: Observation) -> Issue | None:
        """The token that was bought and could not be written, if it still answers what is asked and is not yet due."""
        issue = self.bought
        if issue is None or not issue.acquired_for.answers(seen.acquired_for):
            return None
        return issue if seen.now < seen.plan(issue.token.issued_at, issue.token.expires_at).renew_at else None

    def request_seen_at(self, request: str, now: datetime) -> datetime:
        """When a renew request was first seen; now, if it was not seen before."""
        if self.request is None or self.request[0] != request:
            self.request = (request, now)
        return self.request[1]

    def remark_on(self, stored: StoredToken | None) -> str:
        """What was said of how the stored token was had, by whoever wrote it."""
        attempt = self.attempt
        if stored is None or attempt is None or attempt.reason is not Reason.RENEWED or attempt.time < stored.issued_at:
            return ""
        return attempt.message or ""

    def handled(self, request: str, now: datetime) -> None:
        """Remember a renew request that was answered or tried."""
        self.handled_request = request
        self.attempts = self.attempts.handled(now)

    def granted_scope(self, stored: StoredToken | None, status: Status) -> str | None:
        """What the provider granted with the stored token, as far as we or the status remember."""
        if stored is None:
            return None
        if self.granted and self.granted[0] == stored.issued_at:
            return self.granted[1]
        told = status.token
        return told.scope or None if told and told.issued_at == stored.issued_at else None

    def written_version(self, secret: SecretMetadata) -> str:
        """The resourceVersion that our last write of this Secret left; empty if that is not known."""
        known = self.written
        return known.resource_version if known and known.uid == secret.uid else ""
