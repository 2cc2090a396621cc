"""What has to be done now: each check by itself, and their order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

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
    make_secret,
    make_stored,
)
from support.token_source import SHA256
from tokensync.errors import CredentialError, Reason, SpecError, TokenSyncError
from tokensync.rotation.attempts import Attempts
from tokensync.rotation.decide import (
    Acquire,
    Blocked,
    Decision,
    Keep,
    Relabel,
    Suspended,
    Sweep,
    Violation,
    decide,
    find_violation,
)
from tokensync.rotation.observation import Observation
from tokensync.target.fingerprint import AcquiredFor
from tokensync.target.ownership import Ownership

SECOND = timedelta(seconds=1)
LATE = ISSUED_AT + timedelta(minutes=50)
"""The token is due, and lives for ten more minutes."""
HOST_NOT_ALLOWED = SpecError(Reason.HOST_NOT_ALLOWED, "login.example.com is not an allowed host")
EXPIRED = CredentialError(Reason.CERTIFICATE_EXPIRED, "the certificate expired")
OTHER_CERTIFICATE = make_credential(thumbprint_sha256="CC" * 32)
OUT_OF_ORDER = make_secret().seen()


def error_of(decision: Decision) -> TokenSyncError:
    """What blocks."""
    assert isinstance(decision, Blocked)
    return decision.error


CALLS_FOR_A_TOKEN: dict[str, tuple[Violation, Observation]] = {
    "there is no Secret": (
        Violation.MISSING,
        make_observation(secret=None, whose=Ownership.ABSENT, stored=None),
    ),
    "a Secret may be adopted": (
        Violation.NOT_ADOPTED,
        make_observation(whose=Ownership.ADOPTABLE, stored=None),
    ),
    "the Secret is ours and does not say what it holds": (Violation.UNKNOWN, make_observation(stored=None)),
    "somebody edited what we wrote": (Violation.EDITED, make_observation(stored=make_stored(edited=True))),
    "the token answers another spec": (
        Violation.OTHER_SPEC,
        make_observation(make_resource(clientId="another"), stored=make_stored()),
    ),
    "nobody knows what the token answers": (
        Violation.OTHER_SPEC,
        make_observation(stored=make_stored(acquired_for=AcquiredFor("", ()))),
    ),
    "the certificate was replaced": (
        Violation.OTHER_CREDENTIAL,
        make_observation(credential=OTHER_CERTIFICATE),
    ),
    "a requested renewal failed": (
        Violation.FAILED_BEFORE,
        make_requesting(handled_request="now", attempts=make_failing(not_before=SOON_AFTER)),
    ),
    "the token was issued in the future": (
        Violation.ISSUED_IN_THE_FUTURE,
        make_observation(now=ISSUED_AT - 66 * SECOND),
    ),
    "the renewal time has come": (Violation.DUE, make_observation(now=LATE)),
    "the token has expired": (Violation.DUE, make_observation(now=ISSUED_AT + HOUR)),
    "somebody asks for a renewal": (Violation.REQUESTED, make_requesting()),
    "somebody asks for another renewal": (
        Violation.REQUESTED,
        make_requesting("again", handled_request="now", stored=make_stored(renewed_for="now")),
    ),
}

CALLS_FOR_NONE: dict[str, Observation] = {
    "all is well": make_observation(),
    "the certificate is broken and the token is not yet due": make_observation(credential_error=EXPIRED),
    "a broken certificate is another one, too": make_observation(
        credential=OTHER_CERTIFICATE, credential_error=EXPIRED
    ),
    "no certificate was ever read": make_observation(credential=None),
    "the request was answered, says the Secret": make_requesting(stored=make_stored(renewed_for="now")),
    "the request was tried, says the status": make_requesting(handled_request="now"),
    "the request was taken back": make_observation(handled_request="now", attempts=make_failing()),
    "an empty request": make_requesting(""),
    "only a label could not be written": make_observation(attempts=make_failing(token_wanted=False)),
    "what failed was no request, as after a restart": make_observation(attempts=make_failing()),
    "a requested renewal failed, and worked since": make_requesting(
        handled_request="now", attempts=make_failing(), stored=make_stored(renewed_for="now")
    ),
    "a requested renewal failed with another certificate": make_requesting(
        handled_request="now", attempts=make_failing(made_for="1:CC")
    ),
    "the clock was set back by no more than may be": make_observation(now=ISSUED_AT - 65 * SECOND),
}


@pytest.mark.parametrize("sentence", CALLS_FOR_A_TOKEN)
def test_new_token_is_called_for(sentence: str) -> None:
    """Each violation is found by itself, and is acted on at once."""
    violation, seen = CALLS_FOR_A_TOKEN[sentence]
    assert decide(seen) == Acquire(violation)


@pytest.mark.parametrize("sentence", CALLS_FOR_NONE)
def test_no_token_is_called_for(sentence: str) -> None:
    """What the stored token answers costs no other one."""
    assert find_violation(CALLS_FOR_NONE[sentence]) is None
    assert decide(CALLS_FOR_NONE[sentence]) == Keep()


def test_every_violation_has_a_row() -> None:
    """A new one cannot be forgotten here."""
    assert {violation for violation, _ in CALLS_FOR_A_TOKEN.values()} == set(Violation)


def test_order_of_checks() -> None:
    """Everything is wrong at once; with each thing mended, the next one is found."""
    asking: dict[str, Any] = {"renew_request": "again", "target": {"labels": {"team": "reports"}}}
    suspended, resource = make_resource(suspend=True, **asking), make_resource(**asking)
    answered = make_stored(resource, renewed_for="now")
    another = replace(answered, acquired_for=AcquiredFor("another", ()))
    seen = make_observation(
        suspended,
        now=LATE,
        limit=HOST_NOT_ALLOWED,
        whose=Ownership.FOREIGN,
        secret=OUT_OF_ORDER,
        stored=None,
        credential=OTHER_CERTIFICATE,
        handled_request="again",
        attempts=make_failing(not_before=None),
        leftovers=(make_metadata(name="former"),),
    )
    mended = list[Decision | Reason]()
    for change in (
        {},
        {"resource": resource},
        {"limit": None},
        {"whose": Ownership.ABSENT},
        {"whose": Ownership.ADOPTABLE},
        {"whose": Ownership.OURS},
        {"stored": replace(another, edited=True)},
        {"stored": another},
        {"stored": answered},
        {"credential": make_credential(), "fingerprint": SHA256},
        {"handled_request": None},
        {"now": SOON_AFTER},
        {"handled_request": "again", "attempts": Attempts()},
        {"secret": make_secret(resource).seen()},
        {"leftovers": ()},
    ):
        seen = replace(seen, **change)
        decision = decide(seen)
        mended.append(decision.error.reason if isinstance(decision, Blocked) else decision)
    assert mended == [
        Suspended(),
        Reason.HOST_NOT_ALLOWED,
        Reason.TARGET_NOT_OWNED,
        Acquire(Violation.MISSING),
        Acquire(Violation.NOT_ADOPTED),
        Acquire(Violation.UNKNOWN),
        Acquire(Violation.EDITED),
        Acquire(Violation.OTHER_SPEC),
        Acquire(Violation.OTHER_CREDENTIAL),
        Acquire(Violation.FAILED_BEFORE),
        Acquire(Violation.DUE),
        Acquire(Violation.REQUESTED),
        Relabel(),
        Sweep((make_metadata(name="former"),)),
        Keep(),
    ]


@pytest.mark.parametrize(
    ("whose", "reason"),
    [(Ownership.FOREIGN, Reason.TARGET_NOT_OWNED), (Ownership.CLAIMED, Reason.TARGET_CLAIMED)],
)
def test_secret_of_somebody_else_blocks(whose: Ownership, reason: Reason) -> None:
    """No token is bought for a Secret that may not be written."""
    assert error_of(decide(make_observation(whose=whose, stored=None))).reason is reason


def test_suspended_resource_is_left_alone_whatever_is_wrong() -> None:
    """Neither an expired token nor a renew request nor a missing Secret moves it."""
    seen = make_observation(
        make_resource(suspend=True, renew_request="now"),
        now=ISSUED_AT + 2 * HOUR,
        secret=None,
        whose=Ownership.ABSENT,
        stored=None,
    )
    assert decide(seen) == Suspended()


def test_broken_credential_blocks_once_a_token_is_needed() -> None:
    """Only then does it stand in the way."""
    assert decide(make_observation(now=LATE, credential_error=EXPIRED)) == Blocked(EXPIRED)
