"""When is it renewed? The renewal time, and whether the lifetime leaves room for it.

A token is renewed at the earliest of

    issuedAt + lifetimePercentage of the lifetime
    expiresAt - renewal.before
    expiresAt - (propagation + clockSkew + consumerHold + retryBudget)

less a jitter, but never before a third of the lifetime has passed. The sum is what has to fit between a renewal and
the expiry of what it replaces: failed attempts until one succeeds (retry budget), the way of the new token into a pod's
file (propagation), a consumer that goes on with what it has read (consumer hold), and clocks that disagree (clock skew).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from tokensync.clock import to_milliseconds
from tokensync.duration import show_duration
from tokensync.resource.spec import Renewal

LONGEST_RETRY_BUDGET = timedelta(minutes=20)
LONGEST_JITTER = timedelta(minutes=5)
SHORTEST_LIFETIME = timedelta(seconds=5)
"""A token that lives less is too short; its successor is asked for no sooner than this after it: else it is a loop."""


@dataclass(frozen=True, slots=True)
class Margins:
    """The operator's settings that the renewal time depends on; a `retry_budget` of None is a third of the lifetime."""

    propagation: timedelta
    clock_skew: timedelta
    retry_budget: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times of one token.

    Attributes:
        renew_at: the renewal time, in whole milliseconds.
        expires_at: of the token.
        missed_at: the moment at which somebody would miss a new token: one written later may reach a pod too late.
        budget: the time in which one attempt must succeed.
        gap_free: whether the lifetime leaves room for the sum and for `renewal.before`.
        arithmetic: the sum and the room, for people.
    """

    renew_at: datetime
    expires_at: datetime
    missed_at: datetime
    budget: timedelta
    gap_free: bool
    arithmetic: str


def plan(issued_at: datetime, expires_at: datetime, *, renewal: Renewal, margins: Margins, uid: str) -> Schedule:
    """Work out when a token is renewed. `uid` is the resource's: it decides the jitter, the same at every start."""
    lifetime = max(expires_at - issued_at, timedelta(milliseconds=1))
    budget = margins.retry_budget
    if budget is None:
        budget = min(lifetime / 3, LONGEST_RETRY_BUDGET)
    needed = margins.propagation + margins.clock_skew + renewal.consumer_hold + budget
    before = renewal.before or timedelta(0)
    latest = expires_at - max(needed, before)
    floor = issued_at + lifetime / 3
    wanted = min(issued_at + lifetime * renewal.lifetime_percentage / 100, latest) - _jitter(uid, lifetime)
    return Schedule(
        renew_at=to_milliseconds(max(wanted, floor)),
        expires_at=expires_at,
        missed_at=missed_at(expires_at, margins),
        budget=budget,
        gap_free=floor <= latest and lifetime >= SHORTEST_LIFETIME,
        arithmetic=_arithmetic(lifetime, margins, renewal, budget),
    )


def missed_at(expires_at: datetime, margins: Margins) -> datetime:
    """The moment at which somebody would miss the successor of a token."""
    return expires_at - margins.propagation - margins.clock_skew


def fraction(text: str) -> float:
    """A place in [0, 1) that is always the same for the same text, and spreads what differs."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64


def _jitter(uid: str, lifetime: timedelta) -> timedelta:
    return fraction(uid) * min(lifetime / 10, LONGEST_JITTER)


def _arithmetic(lifetime: timedelta, margins: Margins, renewal: Renewal, budget: timedelta) -> str:
    parts = {
        "propagation": margins.propagation,
        "clock skew": margins.clock_skew,
        "consumer hold": renewal.consumer_hold,
        "retry budget": budget,
    }
    terms = " + ".join(f"{name} {_show(part)}" for name, part in parts.items())
    needed = _show(sum(parts.values(), timedelta(0)))
    wish = f", renewal.before asks for {_show(renewal.before)}" if renewal.before else ""
    least = (
        f", and less than {_show(SHORTEST_LIFETIME)} is too short for any sum" if lifetime < SHORTEST_LIFETIME else ""
    )
    return (
        f"{terms} = {needed}{wish}; a token of {_show(lifetime)} leaves {_show(lifetime * 2 / 3)} "
        f"after a third of its life{least}"
    )


def _show(duration: timedelta) -> str:
    if duration < timedelta(seconds=10) and duration.microseconds:
        return f"{duration.total_seconds():.1f}s"
    return show_duration(duration)
