"""The access token: the one value here that must never be seen."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token as a provider issued it (RFC 6749, section 5.1).

    Attributes:
        value: `access_token`. Left out of `repr`, and of every message.
        token_type: `token_type`, as `Bearer` however the provider spells it (RFC 6750).
        scope: `scope` of the answer, or what was asked for where the answer has none.
        issued_at: when the request was sent: no provider counts from an earlier moment. Aware, UTC, milliseconds.
        expires_at: `issued_at` and the lifetime the provider gave. Aware, UTC, milliseconds.
    """

    value: str = field(repr=False)
    token_type: str
    scope: str
    issued_at: datetime
    expires_at: datetime

    @property
    def lifetime(self) -> timedelta:
        """From the moment the request was sent to the expiry."""
        return self.expires_at - self.issued_at
