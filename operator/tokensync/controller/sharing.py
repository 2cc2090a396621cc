"""Tokens that were bought lately, for others of the namespace who would send the very same request.

They are in memory only, for as long as the jitter spreads renewals that are due together, and go to each resource once: whoever
has had one and needs another, as after somebody edited its target, asks for it.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime

from tokensync.rotation.decide import Violation
from tokensync.rotation.observation import Observation
from tokensync.rotation.schedule import fraction
from tokensync.rotation.sharing import sharing_span
from tokensync.token import AccessToken

_WITHIN_SPAN = 0.9
"""Of the span, for those who follow to a new credential: the last of them must not come too late."""


@dataclass(frozen=True, slots=True)
class Bought:
    """A token, and how it was had.

    Attributes:
        token: what a provider issued.
        fingerprints: of all proofs that there were to offer, in their order.
        remark: what is to be said of it, if it was not had with the first of them; else empty.
    """

    token: AccessToken
    fingerprints: tuple[str, ...]
    remark: str = ""


@dataclass(slots=True)
class SharedToken:
    """One of them.

    Attributes:
        bought: the token, and how it was had.
        takers: the names of the resources that have had it.
    """

    bought: Bought
    takers: set[str] = field(default_factory=set)

    def serves(self, seen: Observation, because: Violation, request_seen_at: datetime) -> bool:
        """Whether it is what a resource needs.

        Args:
            seen: the resource.
            because: why it needs a token.
            request_seen_at: since when its renew request is known, which no older token answers.
        """
        token = self.bought.token
        if seen.resource.metadata.name in self.takers or token.issued_at > seen.now:
            return False
        requested = bool(seen.open_request) or because is Violation.FAILED_BEFORE
        if requested and token.issued_at < request_seen_at:
            return False
        if self.bought.remark and because is Violation.OTHER_CREDENTIAL and seen.has_slack:
            return False  # it is no better than the one that it has
        return seen.now < seen.plan(token.issued_at, token.expires_at).renew_at

    def followed_at(self, uid: str) -> datetime:
        """When a resource that has time takes it, so that not all are written at once."""
        token = self.bought.token
        return token.issued_at + _WITHIN_SPAN * fraction(uid) * sharing_span(token.lifetime)


class SharedTokens:
    """All of them, by who shares them."""

    def __init__(self) -> None:
        self._tokens: dict[Hashable, SharedToken] = {}

    def get(self, sharers: Hashable) -> SharedToken | None:
        """The last one that was bought there, if it is still shared."""
        return self._tokens.get(sharers)

    def put(self, sharers: Hashable, bought: Bought, buyer: str) -> None:
        """Share a token, for its span. `buyer` is the name of the resource that has it."""
        shared = self._tokens[sharers] = SharedToken(bought, {buyer})
        seconds = sharing_span(bought.token.lifetime).total_seconds()
        asyncio.get_running_loop().call_later(seconds, self._drop, sharers, shared)

    def clear(self) -> None:
        """Drop them all."""
        self._tokens.clear()

    def _drop(self, sharers: Hashable, shared: SharedToken) -> None:
        if self._tokens.get(sharers) is shared:
            del self._tokens[sharers]
