"""Everything that a decision is made of, gathered before it: one value, no calls."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from tokensync.errors import SpecError, TokenSyncError
from tokensync.resource.spec import ClientCredentialToken
from tokensync.resource.status import CredentialStatus, Status
from tokensync.rotation.attempts import Attempts
from tokensync.rotation.schedule import Margins, Schedule, plan
from tokensync.target.fingerprint import AcquiredFor
from tokensync.target.metadata import SecretMetadata
from tokensync.target.ownership import Ownership
from tokensync.target.stored import StoredToken


@dataclass(frozen=True)
class Observation:
    """One resource and what belongs to it, at one moment.

    Attributes:
        now: the wall clock.
        resource: the resource.
        status: what its status says now.
        limit: what this installation does not allow of the spec, if anything.
        secret: the Secret of the target's name; None if there is none.
        whose: what the resource may do with it.
        stored: the token in it; None unless the Secret is ours and tells.
        granted: its scope, as the provider answered; None if nobody remembers.
        credential: the credential, as far as it could be read.
        credential_error: why it cannot be read or used; None if it can.
        fingerprint: of what would be offered first to the provider; empty where that is new each time, or not known.
        attempts: what is remembered of earlier attempts.
        handled_request: the last renew request that was answered or tried; None without one.
        leftovers: Secrets that carry our controller reference and are not the target.
        wanted_leftovers: those of them that another resource names as its target.
        margins: the operator's settings.
        remark: what is to be said of how the stored token was had; empty for nothing.
    """

    now: datetime
    resource: ClientCredentialToken
    status: Status
    limit: SpecError | None
    secret: SecretMetadata | None
    whose: Ownership
    stored: StoredToken | None
    granted: str | None
    credential: CredentialStatus | None
    credential_error: TokenSyncError | None
    fingerprint: str
    attempts: Attempts
    handled_request: str | None
    leftovers: tuple[SecretMetadata, ...]
    wanted_leftovers: tuple[SecretMetadata, ...]
    margins: Margins
    remark: str = ""

    @cached_property
    def schedule(self) -> Schedule | None:
        """The times of the stored token; None without one."""
        return self.plan(self.stored.issued_at, self.stored.expires_at) if self.stored else None

    def plan(self, issued_at: datetime, expires_at: datetime) -> Schedule:
        """The times that a token would have in this resource's target."""
        renewal, uid = self.resource.spec.renewal, self.resource.metadata.uid
        return plan(issued_at, expires_at, renewal=renewal, margins=self.margins, uid=uid)

    @cached_property
    def acquired_for(self) -> AcquiredFor:
        """The inputs that a token asked for now would answer."""
        return AcquiredFor.of(self.resource.spec, self.fingerprint)

    @property
    def usable(self) -> bool:
        """Whether the target holds an unexpired token for this spec, whichever credential it was asked for with."""
        return (
            self.stored is not None
            and not self.stored.edited
            and self.stored.expires_at > self.now
            and self.stored.acquired_for.spec == self.acquired_for.spec
        )

    @property
    def has_slack(self) -> bool:
        """Whether the stored token will do for a while: it is usable, and not due."""
        return self.usable and self.schedule is not None and self.now < self.schedule.renew_at

    @property
    def inputs(self) -> str:
        """What an attempt is made with: the generation of the spec, and the credential's content or else its version."""
        content = self.credential.content if self.credential else ""
        return f"{self.resource.metadata.generation}:{content}"

    @property
    def open_request(self) -> str:
        """The renew request that nobody has answered yet; empty without one."""
        request = self.resource.renew_request
        answered = (self.handled_request, self.stored.renewed_for if self.stored else "")
        return "" if request in answered else request
