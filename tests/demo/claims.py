"""What acts claim, told once it is verified. Each raises a `CheckFailedError` where it is not so."""

import math
from datetime import datetime
from itertools import pairwise

from demo.sightings import Sighting
from demo.stage import CLOCK_SKEW, LIFETIME, PROPAGATION, Stage
from tokensync.clock import parse_rfc3339

REPAIR, PUNCTUAL = 2.0, 2.0
"""Seconds that may pass to a repair, and after the renewal time."""

RETRY_BUDGET = LIFETIME / 3
RESERVE = PROPAGATION + CLOCK_SKEW + RETRY_BUDGET
"""Seconds before its end at which a token is due, but for the jitter."""
JITTER = LIFETIME / 10
ROUNDING = 0.01
"""Seconds; times are published in milliseconds."""

ATTEMPT = 1.0
"""Seconds that an attempt itself may take."""


def verify_schedule(stage: Stage) -> None:
    """The formula decides: what has to fit between renewal and end, and a jitter of a tenth of the lifetime at most."""
    room, times = stage.scenario.condition("GapFree"), stage.scenario.status()["token"]
    said = f"GapFree is {room['status']}. {room['message']}"
    stage.verify(said, room["status"] == "True", expected="GapFree is True", seen=said)
    due = (parse_rfc3339(times["expiresAt"]) - parse_rfc3339(times["renewAt"])).total_seconds()
    stage.verify(
        f"due with {due:.1f} s left: those {RESERVE:.1f} s, and a jitter of up to {JITTER:g} s",
        RESERVE - ROUNDING <= due <= RESERVE + JITTER + ROUNDING,
        seen=f"{due:.1f} s",
    )


def await_renewal(stage: Stage, number: int) -> float:
    """Wait until a token is renewed, and return how many seconds it was valid yet."""
    token = stage.sampler.sightings[number - 1]
    new = stage.wait_for_token(lambda seen: seen.number > number, f"the renewal of token {number}", patience=LIFETIME)
    left = token.left_at(new.first)
    late = (token.left_when_due or 0.0) - left
    stage.verify(
        f"token {number} was renewed {late:.1f} s after it was due, with {left:.1f} s left",
        late <= PUNCTUAL,
        expected=f"a renewal at most {PUNCTUAL:g} s after it was due",
        seen=f"one {late:.1f} s after",
    )
    return left


def verify_repair(stage: Stage, token: Sighting) -> str:
    """A token came soon after the one before it was last seen."""
    without = token.first - stage.sampler.sightings[token.number - 2].last
    stage.verify(
        f"a good token again after {without:.1f} s at most",
        without <= REPAIR,
        expected=f"a good token again within {REPAIR:g} s",
        seen=f"one after {without:.1f} s",
    )
    verify_condition(stage, "Ready", "True", "TokenValid")
    return f"a good token again after {without:.1f} s"


def verify_attempts(stage: Stage, times: list[datetime]) -> None:
    """Attempts go on, at most a sixth of the retry budget apart; each takes a moment."""
    widest = max(((later - before).total_seconds() for before, later in pairwise(times)), default=math.inf)
    stage.verify(
        f"{len(times)} attempts counted at the provider, at most {widest:.1f} s apart",
        len(times) >= 3 and widest <= RETRY_BUDGET / 6 + ATTEMPT,
        expected=f"at least three attempts, about {RETRY_BUDGET / 6:.1f} s apart",
        seen=f"{len(times)}, at most {widest:.1f} s apart",
    )


def verify_last_good(stage: Stage, last: Sighting) -> None:
    """The token is untouched, and the resource says that it works and that renewing does not."""
    stage.verify(
        f"the last good token is still there, valid for {last.left:.1f} s more",
        stage.sampler.current is last and stage.sampler.hole is None,
        seen=f"token {stage.sampler.sightings[-1].number}",
    )
    verify_condition(stage, "Ready", "True", "TokenValid")
    verify_condition(stage, "RenewalSucceeded", "False", "ProviderUnavailable")


def verify_condition(stage: Stage, kind: str, status: str, reason: str) -> None:
    """A condition of the resource has this status and reason."""
    found = stage.scenario.condition(kind)
    stage.verify(
        f"{kind} is {status}, {reason}",
        (found.get("status"), found.get("reason")) == (status, reason),
        seen=f"{found.get('status')}, {found.get('reason')}",
    )
