"""When a person is called."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from support.builders import ISSUED_AT, make_credential, make_failing, make_observation, make_resource
from tokensync.errors import NEEDS_A_PERSON_AT_ONCE, NEEDS_A_PERSON_IF_IT_LASTS, Reason, TokenSyncError
from tokensync.resource.status import Condition, ConditionType
from tokensync.rotation.attempts import Attempts, Failure
from tokensync.rotation.conditions import conditions
from tokensync.rotation.decide import PATIENCE, decide
from tokensync.rotation.observation import Observation
from tokensync.target.ownership import Ownership

READY, STALLED = ConditionType.READY, ConditionType.STALLED
MINUTE = timedelta(minutes=1)
LATE = ISSUED_AT + 50 * MINUTE
NOTHING: dict[str, Any] = {"secret": None, "whose": Ownership.ABSENT, "stored": None}


def tell(seen: Observation) -> dict[ConditionType, Condition]:
    """The conditions, by their type."""
    return {condition.type: condition for condition in conditions(seen, decide(seen))}


def failing_with(reason: Reason, since: timedelta) -> Observation:
    """The renewal of a token that lives fails for that reason, since so long."""
    attempts = make_failing(last=Failure(reason, "no: mend it"), failing_since=LATE - since)
    return make_observation(now=LATE, attempts=attempts)


@pytest.mark.parametrize("reason", sorted(Reason))
def test_stalled_after_an_attempt_failed(reason: Reason) -> None:
    """At once for what only a person mends, after five minutes for a provider's answers, never for what passes."""
    told = [STALLED in tell(failing_with(reason, PATIENCE - timedelta(seconds=1)))]
    told.append(STALLED in tell(failing_with(reason, PATIENCE)))
    at_once, if_it_lasts = reason in NEEDS_A_PERSON_AT_ONCE, reason in NEEDS_A_PERSON_IF_IT_LASTS
    assert told == [at_once, at_once or if_it_lasts]


def test_five_minutes_are_counted_from_the_first_of_the_same_reason() -> None:
    """Another reason in between starts them anew."""
    attempts = Attempts()
    told = list[bool]()
    for minute, reason in enumerate([Reason.CLIENT_UNKNOWN] * 6 + [Reason.TENANT_UNKNOWN] * 6):
        now = LATE + minute * MINUTE
        error = TokenSyncError(reason, "no", remedy="mend it")
        inputs = make_observation().inputs
        attempts = attempts.failed(error, now=now, schedule=None, made_for=inputs, token_wanted=True, chance=0.5)
        told.append(STALLED in tell(make_observation(now=now, **NOTHING, attempts=attempts)))
    assert told == ([False] * 5 + [True]) * 2


def test_stalled_is_told_beside_a_token_that_works() -> None:
    """It works, and needs a person."""
    told = tell(failing_with(Reason.CLIENT_UNKNOWN, PATIENCE))
    assert (told[READY].status, told[STALLED].status) == ("True", "True")
    assert (told[STALLED].reason, told[STALLED].message) == (Reason.CLIENT_UNKNOWN, "no: mend it")


@pytest.mark.parametrize(
    "mended",
    [
        pytest.param({"attempts": Attempts()}, id="it worked"),
        pytest.param({"resource": make_resource(generation=2)}, id="the spec was changed"),
        pytest.param({"credential": make_credential(thumbprint_sha256="CC")}, id="the certificate was replaced"),
        pytest.param({"resource": make_resource(suspend=True)}, id="it is suspended"),
    ],
)
def test_stalled_goes_when_what_failed_is_no_more(mended: dict[str, Any]) -> None:
    """What failed with other inputs says nothing of these."""
    assert STALLED not in tell(replace(failing_with(Reason.CLIENT_UNKNOWN, PATIENCE), **mended))
