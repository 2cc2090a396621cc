"""What has to wait, for what, and when it is looked at again."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.builders import (
    HOUR,
    ISSUED_AT,
    SOON_AFTER,
    make_credential,
    make_failing,
    make_metadata,
    make_observation,
    make_requesting,
    make_resource,
    make_schedule,
    make_secret,
    make_stored,
)
from support.token_source import SHA256
from tokensync.errors import ClusterError, CredentialError, Reason, SpecError
from tokensync.rotation.attempts import LONGEST_RETRY_AFTER, REQUEST_SPACING, Attempts
from tokensync.rotation.decide import Acquire, Blocked, Keep, Relabel, Sweep, Violation, Wait, decide, next_check
from tokensync.rotation.observation import Observation
from tokensync.target.ownership import Ownership

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LATE = ISSUED_AT + 50 * MINUTE
"""The token is due, and lives for ten more minutes."""
HOST_NOT_ALLOWED = SpecError(Reason.HOST_NOT_ALLOWED, "login.example.com is not an allowed host")
EXPIRED = CredentialError(Reason.CERTIFICATE_EXPIRED, "the certificate expired")
UNREADABLE = ClusterError(Reason.CLUSTER_UNAVAILABLE, "the API server does not answer")
LABELLED = make_resource(target={"labels": {"team": "reports"}})
OUT_OF_ORDER = make_secret().seen()
"""The Secret of `LABELLED` without its label."""
BACKED_OFF = SOON_AFTER + 5 * MINUTE
REPAIRED = Attempts(repairs=1, repaired_at=SOON_AFTER)
GONE: dict[str, Any] = {"secret": None, "whose": Ownership.ABSENT, "stored": None}
EDITED: dict[str, Any] = {"stored": make_stored(edited=True)}
THROTTLED = make_failing(asked_until=SOON_AFTER + 4 * MINUTE)

WAITS: dict[str, tuple[Observation, datetime]] = {
    "a missing Secret waits for the back-off": (make_observation(**GONE, attempts=make_failing()), BACKED_OFF),
    "an edited one, too": (make_observation(**EDITED, attempts=make_failing()), BACKED_OFF),
    "a due renewal, too": (
        make_observation(now=LATE, attempts=make_failing(not_before=LATE + MINUTE)),
        LATE + MINUTE,
    ),
    "a requested renewal that failed, too": (
        make_requesting(handled_request="now", attempts=make_failing()),
        BACKED_OFF,
    ),
    "a label, too": (
        make_observation(LABELLED, secret=OUT_OF_ORDER, attempts=make_failing(token_wanted=False)),
        BACKED_OFF,
    ),
    "former targets, too": (
        make_observation(leftovers=(make_metadata(name="former"),), attempts=make_failing()),
        BACKED_OFF,
    ),
    "a target that was just repaired waits for a second": (
        make_observation(**EDITED, attempts=REPAIRED),
        SOON_AFTER + SECOND,
    ),
    "a label that was just put back, too": (
        make_observation(LABELLED, secret=OUT_OF_ORDER, attempts=REPAIRED),
        SOON_AFTER + SECOND,
    ),
    "the later of repair and back-off counts": (
        make_observation(**EDITED, attempts=replace(make_failing(), repairs=1, repaired_at=SOON_AFTER)),
        BACKED_OFF,
    ),
    "a request waits until thirty seconds after the last": (
        make_requesting(attempts=Attempts(handled_at=SOON_AFTER - 10 * SECOND)),
        SOON_AFTER + 20 * SECOND,
    ),
    "a request does not go past what the provider asked for": (
        make_requesting(attempts=THROTTLED),
        SOON_AFTER + 4 * MINUTE,
    ),
    "neither does one whose Secret is missing": (
        make_requesting(**GONE, attempts=THROTTLED),
        SOON_AFTER + 4 * MINUTE,
    ),
    "requests in quick succession do not undo the back-off": (
        make_requesting(**GONE, attempts=make_failing(handled_at=SOON_AFTER - SECOND)),
        SOON_AFTER + 29 * SECOND,
    ),
    "nor the peace after repairs": (
        make_requesting(
            **EDITED, attempts=Attempts(repairs=2, repaired_at=SOON_AFTER, handled_at=SOON_AFTER - 29 * SECOND)
        ),
        SOON_AFTER + SECOND,
    ),
    "the successor of a token of four seconds waits for the fifth": (
        make_observation(now=ISSUED_AT + 3 * SECOND, stored=make_stored(expires_at=ISSUED_AT + 4 * SECOND)),
        ISSUED_AT + 5 * SECOND,
    ),
}

WAITS_FOR_NOTHING: dict[str, tuple[Observation, Violation]] = {
    "the back-off is over": (make_observation(**GONE, attempts=make_failing(not_before=SOON_AFTER)), Violation.MISSING),
    "another spec failed": (make_observation(**GONE, attempts=make_failing(made_for=f"2:{SHA256}")), Violation.MISSING),
    "another certificate failed": (make_observation(**GONE, attempts=make_failing(made_for="1:CC")), Violation.MISSING),
    "a request goes past our back-off": (make_requesting(attempts=make_failing()), Violation.REQUESTED),
    "a request whose Secret is missing, too": (make_requesting(**GONE, attempts=make_failing()), Violation.MISSING),
    "a request goes past the share of the wait that is ours": (
        make_requesting(attempts=make_failing(asked_until=SOON_AFTER)),
        Violation.REQUESTED,
    ),
    "a request goes past the peace after repairs": (
        make_requesting(**EDITED, attempts=Attempts(repairs=5, repaired_at=SOON_AFTER)),
        Violation.EDITED,
    ),
    "thirty seconds lie between two requests": (
        make_requesting(attempts=Attempts(handled_at=SOON_AFTER - REQUEST_SPACING)),
        Violation.REQUESTED,
    ),
    "a due token does not wait with a request": (
        make_requesting(now=LATE, attempts=Attempts(handled_at=LATE - SECOND)),
        Violation.DUE,
    ),
    "a target that becomes due is repaired though it is contested": (
        make_observation(now=LATE, **EDITED, attempts=Attempts(repairs=9, repaired_at=LATE - 4 * MINUTE)),
        Violation.EDITED,
    ),
    "a token of five seconds is renewed in time": (
        make_observation(now=ISSUED_AT + 3 * SECOND, stored=make_stored(expires_at=ISSUED_AT + 5 * SECOND)),
        Violation.DUE,
    ),
    "the clock was set back during a back-off": (
        make_observation(**GONE, attempts=make_failing(not_before=SOON_AFTER + LONGEST_RETRY_AFTER + SECOND)),
        Violation.MISSING,
    ),
    "the clock was set back after a Retry-After": (
        make_observation(
            **GONE, attempts=make_failing(not_before=SOON_AFTER + 2 * HOUR, asked_until=SOON_AFTER + 2 * HOUR)
        ),
        Violation.MISSING,
    ),
    "the clock was set back after a request": (
        make_requesting(attempts=Attempts(handled_at=SOON_AFTER + 24 * HOUR)),
        Violation.REQUESTED,
    ),
    "the clock was set back after a repair": (
        make_observation(**EDITED, attempts=Attempts(repairs=2, repaired_at=SOON_AFTER + 24 * HOUR)),
        Violation.EDITED,
    ),
}


@pytest.mark.parametrize("sentence", WAITS)
def test_something_waits(sentence: str) -> None:
    """Until exactly then, and it is looked at again no later."""
    seen, until = WAITS[sentence]
    decision = decide(seen)
    assert decision == Wait(until)
    again = next_check(seen, decision)
    assert again is not None
    assert seen.now < again <= until


@pytest.mark.parametrize("sentence", WAITS)
def test_something_waited_long_enough(sentence: str) -> None:
    """At the moment that was named it is done."""
    seen, until = WAITS[sentence]
    assert isinstance(decide(replace(seen, now=until)), Acquire | Relabel | Sweep)


@pytest.mark.parametrize("sentence", WAITS_FOR_NOTHING)
def test_something_waits_for_nothing(sentence: str) -> None:
    """What was remembered does not stand in the way."""
    seen, violation = WAITS_FOR_NOTHING[sentence]
    assert decide(seen) == Acquire(violation)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(make_observation(**EDITED), id="its data"),
        pytest.param(make_observation(LABELLED, secret=OUT_OF_ORDER), id="its labels"),
    ],
)
def test_target_that_is_edited_again_and_again_is_said_to_be_contested(seen: Observation) -> None:
    """After three repairs in a row the fourth waits for a minute, and the reason tells whom to look for."""
    contested = replace(seen, attempts=Attempts(repairs=3, repaired_at=SOON_AFTER))
    decision = decide(contested)
    assert isinstance(decision, Blocked)
    assert decision.error.reason is Reason.TARGET_CONTESTED
    assert decision.error.text == (
        "Secret reports/graph-token is edited by somebody else again and again: find who writes it "
        "(kubectl get secret --show-managed-fields) and stop that, or give target.name another name"
    )
    assert next_check(contested, decision) == SOON_AFTER + MINUTE
    assert isinstance(decide(replace(contested, now=SOON_AFTER + MINUTE)), Acquire | Relabel)


def test_contested_target_that_is_left_alone_is_kept() -> None:
    """A war that nobody goes on with blocks nothing."""
    assert decide(make_observation(attempts=Attempts(repairs=5, repaired_at=SOON_AFTER))) == Keep()


SCHEDULE = make_schedule(HOUR)

NEXT_CHECKS: dict[str, tuple[Observation, datetime | None]] = {
    "all is well: at the renewal time": (make_observation(), SCHEDULE.renew_at),
    "the certificate is about to be reported as expiring": (
        make_observation(credential=make_credential(not_after=SOON_AFTER + timedelta(days=30, minutes=2))),
        SOON_AFTER + 2 * MINUTE,
    ),
    "the certificate is about to expire: right after its last moment": (
        make_observation(credential=make_credential(not_after=SOON_AFTER + 2 * MINUTE)),
        SOON_AFTER + 2 * MINUTE + timedelta(milliseconds=1),
    ),
    "it is about to be said that only a person can help": (
        make_observation(**GONE, attempts=make_failing()),
        SOON_AFTER + 4 * MINUTE,
    ),
    "a request waits beyond the renewal time": (
        make_requesting(now=SCHEDULE.renew_at - SECOND, attempts=Attempts(handled_at=SCHEDULE.renew_at - 2 * SECOND)),
        SCHEDULE.renew_at,
    ),
    "something blocks: events may be missed": (
        make_observation(**GONE, limit=HOST_NOT_ALLOWED),
        SOON_AFTER + 15 * MINUTE,
    ),
    "something blocks that passes by itself": (
        make_observation(**GONE, credential_error=UNREADABLE),
        SOON_AFTER + 5 * SECOND,
    ),
    "something blocks a token that is due: a sixth of the budget": (
        make_observation(now=LATE, credential_error=EXPIRED),
        LATE + SCHEDULE.budget / 6,
    ),
    "something blocks a token that expired just now: a sixth of the budget": (
        make_observation(now=ISSUED_AT + HOUR, credential_error=EXPIRED),
        ISSUED_AT + HOUR + SCHEDULE.budget / 6,
    ),
    "something blocks a token that expired long ago": (
        make_observation(now=ISSUED_AT + 2 * HOUR, credential_error=EXPIRED),
        ISSUED_AT + 2 * HOUR + 15 * MINUTE,
    ),
    "suspended and due: when the token expires": (
        make_observation(make_resource(suspend=True), now=LATE),
        ISSUED_AT + HOUR,
    ),
    "suspended before the first token: never": (
        make_observation(make_resource(suspend=True), **GONE, credential=None),
        None,
    ),
}


@pytest.mark.parametrize("sentence", NEXT_CHECKS)
def test_next_look(sentence: str) -> None:
    """It is the first moment at which the decision, or what is said of it, could become another one."""
    seen, moment = NEXT_CHECKS[sentence]
    assert next_check(seen, decide(seen)) == moment


@given(
    since=st.timedeltas(timedelta(days=-30), timedelta(days=400)),
    observation=st.sampled_from([seen for seen, _ in (*WAITS.values(), *NEXT_CHECKS.values())]),
)
def test_next_look_is_always_ahead(since: timedelta, observation: Observation) -> None:
    """Whatever the time, nothing is looked at again and again."""
    seen = replace(observation, now=ISSUED_AT + since)
    again = next_check(seen, decide(seen))
    assert again is None or again > seen.now
