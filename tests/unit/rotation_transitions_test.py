"""What is worth an Event, and what is not."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from support.builders import HOUR, ISSUED_AT, make_credential, make_failing, make_observation, make_stored
from tokensync.errors import CredentialError, Reason
from tokensync.resource.status import (
    Attempt,
    Condition,
    ConditionStatus,
    ConditionType,
    CredentialStatus,
    Status,
    TokenTimes,
)
from tokensync.rotation.conditions import conditions
from tokensync.rotation.decide import decide
from tokensync.rotation.transitions import Transition, transitions

READY, RENEWED, CREDENTIAL, GAP, STALLED = ConditionType
EXPIRES_AT = ISSUED_AT + HOUR
LATE = ISSUED_AT + 50 * timedelta(minutes=1)

Verdicts = dict[ConditionType, tuple[ConditionStatus, Reason]]

WELL: Verdicts = {
    READY: ("True", Reason.TOKEN_VALID),
    RENEWED: ("True", Reason.RENEWED),
    CREDENTIAL: ("True", Reason.CREDENTIAL_USABLE),
    GAP: ("True", Reason.ROOM_ENOUGH),
}
FAILING: Verdicts = WELL | {RENEWED: ("False", Reason.PROVIDER_UNAVAILABLE)}
EXPIRED: Verdicts = FAILING | {READY: ("False", Reason.PROVIDER_UNAVAILABLE)}
REFUSED: Verdicts = WELL | {RENEWED: ("False", Reason.CLIENT_UNKNOWN)}
BROKEN: Verdicts = WELL | {CREDENTIAL: ("False", Reason.KEY_MISMATCH), STALLED: ("True", Reason.KEY_MISMATCH)}
BROKEN_AND_DUE: Verdicts = BROKEN | {RENEWED: ("False", Reason.KEY_MISMATCH)}
SUSPENDED: Verdicts = WELL | {RENEWED: ("Unknown", Reason.SUSPENDED)}
FIRST_UNDER_WAY: Verdicts = {
    READY: ("False", Reason.ACQUIRING),
    **dict.fromkeys((RENEWED, CREDENTIAL, GAP), ("Unknown", Reason.ACQUIRING)),
}
NEVER_WELL: Verdicts = {
    **dict.fromkeys((READY, RENEWED, CREDENTIAL), ("False", Reason.CREDENTIAL_NOT_FOUND)),
    GAP: ("Unknown", Reason.ACQUIRING),
}
UNREADABLE: Verdicts = {
    **dict.fromkeys((READY, RENEWED), ("False", Reason.INVALID_SPEC)),
    **dict.fromkeys((CREDENTIAL, GAP), ("Unknown", Reason.INVALID_SPEC)),
    STALLED: ("True", Reason.INVALID_SPEC),
}
EXPIRES_SOON: Verdicts = WELL | {CREDENTIAL: ("True", Reason.CREDENTIAL_EXPIRES_SOON)}
NARROWED: Verdicts = WELL | {RENEWED: ("True", Reason.SCOPE_NARROWED)}
NO_ROOM: Verdicts = WELL | {GAP: ("False", Reason.LIFETIME_TOO_SHORT)}


def status(verdicts: Verdicts, *, at: datetime = LATE) -> Status:
    """A status whose conditions turned at that time; the message of each says its type."""
    told = (
        Condition(
            type=kind,
            status=verdict,
            reason=reason,
            message=f"message of {kind}",
            observed_generation=1,
            last_transition_time=at,
        )
        for kind, (verdict, reason) in verdicts.items()
    )
    times = TokenTimes(issued_at=ISSUED_AT, expires_at=EXPIRES_AT, renew_at=LATE)
    return Status(observed_generation=1, conditions=tuple(told), token=times)


def heard(before: Verdicts, after: Verdicts) -> list[tuple[str, Reason, str]]:
    """Type, reason and action of what is announced between two statuses."""
    found = transitions(status(before), status(after))
    return [(transition.type, transition.reason, transition.action) for transition in found]


SAYS_NOTHING: dict[str, tuple[Verdicts, Verdicts]] = {
    "a first token": ({}, WELL),
    "a first token that was under way": (FIRST_UNDER_WAY, WELL),
    "a first token gets under way": ({}, FIRST_UNDER_WAY),
    "a routine renewal, or a restart": (WELL, WELL),
    "the same failure again": (FAILING, FAILING),
    "the same failure after the expiry": (EXPIRED, EXPIRED),
    "a person is called already": (BROKEN, BROKEN),
    "another spec is being acquired for": (WELL, WELL | {READY: ("False", Reason.ACQUIRING)}),
    "another spec has its token": (WELL | {READY: ("False", Reason.ACQUIRING)}, WELL),
    "suspended": (WELL, SUSPENDED),
    "suspended while it failed": (FAILING, SUSPENDED),
    "suspended without a token": (WELL, SUSPENDED | {READY: ("False", Reason.SUSPENDED)}),
    "resumed": (SUSPENDED | {READY: ("False", Reason.SUSPENDED)}, WELL),
    "the namespace goes": (WELL, WELL | dict.fromkeys((READY, RENEWED), ("False", Reason.NAMESPACE_TERMINATING))),
    "room again": (NO_ROOM, WELL),
    "a person is not needed any more, but it fails": (REFUSED | {STALLED: ("True", Reason.CLIENT_UNKNOWN)}, REFUSED),
    "the same scopes are missing again": (NARROWED, NARROWED),
    "the same stage goes on": (EXPIRES_SOON, EXPIRES_SOON),
    "a credential is known for the first time": (WELL | {CREDENTIAL: ("Unknown", Reason.ACQUIRING)}, WELL),
}

SAYS: dict[str, tuple[Verdicts, Verdicts, list[tuple[str, Reason, str]]]] = {
    "renewals begin to fail": (WELL, FAILING, [("Warning", Reason.PROVIDER_UNAVAILABLE, "Renew")]),
    "they fail for another reason": (FAILING, REFUSED, [("Warning", Reason.CLIENT_UNKNOWN, "Renew")]),
    "they work again": (FAILING, WELL, [("Normal", Reason.RENEWED, "Renew")]),
    "there is a token again": (EXPIRED, WELL, [("Normal", Reason.TOKEN_VALID, "Provide")]),
    "the first token cannot be had": ({}, NEVER_WELL, [("Warning", Reason.CREDENTIAL_NOT_FOUND, "CheckCredential")]),
    "the first token came late": (NEVER_WELL, WELL, [("Normal", Reason.TOKEN_VALID, "Provide")]),
    "the credential breaks": (WELL, BROKEN, [("Warning", Reason.KEY_MISMATCH, "CheckCredential")]),
    "the broken credential is needed": (BROKEN, BROKEN_AND_DUE, [("Warning", Reason.KEY_MISMATCH, "Renew")]),
    "the credential is mended": (BROKEN, WELL, [("Normal", Reason.CREDENTIAL_USABLE, "CheckCredential")]),
    "the credential is mended, and the token renewed": (
        BROKEN_AND_DUE,
        WELL,
        [("Normal", Reason.RENEWED, "Renew")],
    ),
    "the credential expires soon": (
        WELL,
        EXPIRES_SOON,
        [("Warning", Reason.CREDENTIAL_EXPIRES_SOON, "CheckCredential")],
    ),
    "a first token with a credential that expires soon": (
        {},
        EXPIRES_SOON,
        [("Warning", Reason.CREDENTIAL_EXPIRES_SOON, "CheckCredential")],
    ),
    "the credential was replaced in time": (
        EXPIRES_SOON,
        WELL,
        [("Normal", Reason.CREDENTIAL_USABLE, "CheckCredential")],
    ),
    "scopes are missing": (WELL, NARROWED, [("Warning", Reason.SCOPE_NARROWED, "Renew")]),
    "a first token lacks scopes": ({}, NARROWED, [("Warning", Reason.SCOPE_NARROWED, "Renew")]),
    "it works again, with fewer scopes": (FAILING, NARROWED, [("Warning", Reason.SCOPE_NARROWED, "Renew")]),
    "all scopes are granted again": (NARROWED, WELL, [("Normal", Reason.RENEWED, "Renew")]),
    "tokens get too short": (WELL, NO_ROOM, [("Warning", Reason.LIFETIME_TOO_SHORT, "Plan")]),
    "the first token is too short": ({}, NO_ROOM, [("Warning", Reason.LIFETIME_TOO_SHORT, "Plan")]),
    "a refusal lasts": (
        REFUSED,
        REFUSED | {STALLED: ("True", Reason.CLIENT_UNKNOWN)},
        [("Warning", Reason.CLIENT_UNKNOWN, "CallPerson")],
    ),
    "the target is somebody else's": (
        WELL,
        WELL
        | dict.fromkeys((READY, RENEWED), ("False", Reason.TARGET_NOT_OWNED))
        | {STALLED: ("True", Reason.TARGET_NOT_OWNED)},
        [("Warning", Reason.TARGET_NOT_OWNED, "Provide")],
    ),
    "the spec cannot be read": (WELL, UNREADABLE, [("Warning", Reason.INVALID_SPEC, "Provide")]),
    "the spec can be read again": (UNREADABLE, WELL, [("Normal", Reason.TOKEN_VALID, "Provide")]),
    "two things for two causes": (
        WELL,
        FAILING | {CREDENTIAL: ("True", Reason.CREDENTIAL_EXPIRES_SOON)},
        [
            ("Warning", Reason.CREDENTIAL_EXPIRES_SOON, "CheckCredential"),
            ("Warning", Reason.PROVIDER_UNAVAILABLE, "Renew"),
        ],
    ),
}


@pytest.mark.parametrize("name", SAYS_NOTHING)
def test_what_is_no_news_is_not_announced(name: str) -> None:
    """What was wanted, what goes on, and what is so already make no Event."""
    assert heard(*SAYS_NOTHING[name]) == []


@pytest.mark.parametrize("name", SAYS)
def test_a_change_is_announced_once(name: str) -> None:
    """What begins or ends makes one Event, however many conditions turn."""
    before, after, expected = SAYS[name]
    assert heard(before, after) == expected


@pytest.mark.parametrize("before", [FAILING, WELL], ids=["watched", "nobody was there"])
def test_an_expiry_is_called_so(before: Verdicts) -> None:
    """The condition says what keeps the next token from coming; the Event says that the last one is over, and that."""
    note = "The token expired at 2026-11-23T14:45:00.000Z. message of Ready"
    expected = Transition("Warning", Reason.TOKEN_EXPIRED, "Provide", note)
    assert transitions(status(before), status(EXPIRED, at=EXPIRES_AT)) == (expected,)


def test_an_expiry_while_suspended_is_said_once() -> None:
    """Its condition calls it so already."""
    after = SUSPENDED | {READY: ("False", Reason.TOKEN_EXPIRED)}
    expected = Transition("Warning", Reason.TOKEN_EXPIRED, "Provide", "message of Ready")
    assert transitions(status(SUSPENDED), status(after, at=EXPIRES_AT)) == (expected,)


def test_the_note_is_the_message() -> None:
    """With a sentence before it where it was told already, when it began."""
    (began,) = transitions(status(WELL), status(REFUSED))
    (lasts,) = transitions(status(REFUSED), status(REFUSED | {STALLED: ("True", Reason.CLIENT_UNKNOWN)}))
    assert began.note == "message of RenewalSucceeded"
    assert lasts.note == "A person is needed. message of Stalled"


def seen(**changes: Any) -> Status:
    """What the user is told of an observation; all is well, until `changes` say what is not."""
    observation = make_observation(**changes)
    times = TokenTimes(issued_at=ISSUED_AT, expires_at=EXPIRES_AT, renew_at=LATE) if observation.stored else None
    return Status(token=times).with_conditions(conditions(observation, decide(observation)))


def reworded(before: Verdicts, kind: ConditionType, **changes: Any) -> list[tuple[Reason, str]]:
    """What is announced when one condition says something else; `changes` are of the status."""
    first = status(before)
    told = (
        condition.model_copy(update={"message": "other words"}) if condition.type is kind else condition
        for condition in first.conditions
    )
    after = first.model_copy(update={"conditions": tuple(told), **changes})
    return [(transition.reason, transition.note) for transition in transitions(first, after)]


def test_what_goes_on_is_told_anew_where_its_words_are_news() -> None:
    """Another stage before the end of the same credential, other scopes that are missing; no other condition's words."""
    assert reworded(EXPIRES_SOON, CREDENTIAL) == [(Reason.CREDENTIAL_EXPIRES_SOON, "other words")]
    assert reworded(NARROWED, RENEWED) == [(Reason.SCOPE_NARROWED, "other words")]
    assert [reworded(WELL, kind) for kind in WELL] == [[]] * len(WELL)
    assert reworded(FAILING, RENEWED) == reworded(BROKEN, CREDENTIAL) == []


def test_a_stage_is_told_of_whatever_happened_to_the_secret() -> None:
    """Somebody labelled it since the last status was written, or its fallback is gone: it is the same certificate."""
    touched = make_credential(secret_resource_version="2", fallback_secret_resource_version="9")
    before = status(EXPIRES_SOON).model_copy(update={"credential": make_credential()})
    assert [told.reason for told in transitions(before, next_stage(before, touched))] == [
        Reason.CREDENTIAL_EXPIRES_SOON
    ]
    assert transitions(before, next_stage(before, make_credential(thumbprint_sha256="CC"))) == ()


def next_stage(before: Status, credential: CredentialStatus) -> Status:
    """The status when another stage has begun, of that credential."""
    told = (
        condition.model_copy(update={"message": "within 7 days"}) if condition.type is CREDENTIAL else condition
        for condition in before.conditions
    )
    return before.model_copy(update={"conditions": tuple(told), "credential": credential})


def renewed(message: str | None = None, *, minute: int = 0) -> Status:
    """The status after a renewal that something is to be said of."""
    attempt = Attempt(time=LATE + minute * timedelta(minutes=1), reason=Reason.RENEWED, message=message)
    return status(WELL).model_copy(update={"last_attempt": attempt})


def test_a_previous_certificate_in_use_is_told_of_when_that_begins_and_ends() -> None:
    """A person has to register the new one before the previous one expires; each renewal until then is no news."""
    life = [Status(), renewed(), renewed("previous, not a", minute=1), renewed("previous, not a", minute=2)]
    life += [renewed("previous, not b", minute=3), renewed(minute=4), renewed(minute=5)]
    told = [
        [(each.type, each.reason, each.action, each.note) for each in transitions(*pair)] for pair in pairwise(life)
    ]
    assert told == [
        [],
        [("Warning", Reason.CREDENTIAL_REJECTED, "Renew", "previous, not a")],
        [],
        [("Warning", Reason.CREDENTIAL_REJECTED, "Renew", "previous, not b")],
        [("Normal", Reason.RENEWED, "Renew", "message of RenewalSucceeded")],
        [],
    ]


def test_a_credential_that_lives_shorter_than_a_stage_makes_no_noise() -> None:
    """What replaces one that expires soon and does so, too, is nothing new: so it is each time, where they live a week."""
    assert reworded(EXPIRES_SOON, CREDENTIAL, credential=make_credential(thumbprint_sha256="CC")) == []


def test_a_life_in_conditions_as_they_are_made() -> None:
    """From nothing to a token, a failure, its repetition, the expiry and the recovery: each as the user is told it."""
    mismatch = CredentialError(Reason.KEY_MISMATCH, "the key is not the certificate's")
    life = [
        Status(),
        seen(),
        seen(now=LATE, attempts=make_failing()),
        seen(now=LATE, attempts=make_failing(failures=4)),
        seen(now=EXPIRES_AT, attempts=make_failing()),
        seen(now=EXPIRES_AT, stored=make_stored(issued_at=LATE, expires_at=LATE + HOUR)),
        seen(credential_error=mismatch),
        seen(credential=make_credential(not_after=ISSUED_AT + HOUR)),
    ]
    told = [[each.reason for each in transitions(*pair)] for pair in pairwise(life)]
    assert told == [
        [],
        [Reason.PROVIDER_UNAVAILABLE],
        [],
        [Reason.TOKEN_EXPIRED],
        [Reason.TOKEN_VALID],
        [Reason.KEY_MISMATCH],
        [Reason.CREDENTIAL_EXPIRES_SOON],
    ]
