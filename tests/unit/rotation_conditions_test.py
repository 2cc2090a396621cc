"""What the user is told: every condition with its reason and its message."""

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
    make_observation,
    make_requesting,
    make_resource,
    make_schedule,
    make_stored,
)
from support.token_source import CLIENT, SHA1
from tokensync.errors import (
    CredentialError,
    Reason,
    SpecError,
    TokenSyncError,
)
from tokensync.resource.status import Condition, ConditionType, CredentialKind, CredentialStatus, Status, TokenTimes
from tokensync.rotation.attempts import Failure
from tokensync.rotation.conditions import conditions, unreadable
from tokensync.rotation.decide import decide
from tokensync.rotation.observation import Observation
from tokensync.target.ownership import Ownership

READY, RENEWAL_SUCCEEDED, CREDENTIAL_VALID, GAP_FREE, STALLED = ConditionType
MINUTE = timedelta(minutes=1)
LATE = ISSUED_AT + 50 * MINUTE
EXPIRED_SINCE = ISSUED_AT + 70 * MINUTE
NOTHING: dict[str, Any] = {"secret": None, "whose": Ownership.ABSENT, "stored": None}
BROKEN = CredentialError(
    Reason.KEY_MISMATCH, "the private key in Secret reports/x is not that of its certificate", remedy="put both into it"
)
FORBIDDEN_HOST = SpecError(Reason.HOST_NOT_ALLOWED, "login.example.com is not allowed", remedy="ask for it")
ASKING = make_resource(
    provider={"oidc": {"issuer": "https://login.example.com"}}, scopes=["reports:read", "reports:write", "audit"]
)
SUSPENDED_RESOURCE = make_resource(suspend=True)

UNTIL = "Secret graph-token holds a token that is valid until 2026-11-23T14:45:00.000Z"
UNDER_WAY = "A token for Secret graph-token is under way"
SUSPENDED = "Renewals are suspended: set suspend to false to go on"
FAILED = "503: wait"
CERTIFICATE = f"The certificate with SHA-1 thumbprint {SHA1} is valid until"


def tell(seen: Observation) -> dict[ConditionType, Condition]:
    """The conditions, by their type."""
    return {condition.type: condition for condition in conditions(seen, decide(seen))}


Row = tuple[Observation, ConditionType, str, Reason, str]

TABLE: dict[str, Row] = {
    "a token is stored": (make_observation(), READY, "True", Reason.TOKEN_VALID, UNTIL),
    "renewals fail, and the token lives": (
        make_observation(now=LATE, attempts=make_failing()),
        READY,
        "True",
        Reason.TOKEN_VALID,
        UNTIL,
    ),
    "the certificate is broken, and the token lives": (
        make_observation(now=LATE, credential_error=BROKEN),
        READY,
        "True",
        Reason.TOKEN_VALID,
        UNTIL,
    ),
    "the certificate was replaced, and the token lives": (
        make_observation(credential=make_credential(thumbprint_sha256="CC")),
        READY,
        "True",
        Reason.TOKEN_VALID,
        UNTIL,
    ),
    "suspended, and the token lives": (
        make_observation(SUSPENDED_RESOURCE, now=LATE),
        READY,
        "True",
        Reason.TOKEN_VALID,
        UNTIL,
    ),
    "the new generation wants the same token": (
        make_observation(make_resource(generation=2, target={"labels": {"team": "a"}}), stored=make_stored()),
        READY,
        "True",
        Reason.TOKEN_VALID,
        UNTIL,
    ),
    "the new generation wants another token": (
        make_observation(make_resource(generation=2, clientId="another"), stored=make_stored()),
        READY,
        "False",
        Reason.ACQUIRING,
        UNDER_WAY,
    ),
    "the new generation wants another token, and what failed was the old one": (
        make_observation(
            make_resource(generation=2, clientId="another"), stored=make_stored(), attempts=make_failing()
        ),
        READY,
        "False",
        Reason.ACQUIRING,
        UNDER_WAY,
    ),
    "the new generation is not allowed": (
        make_observation(make_resource(generation=2, clientId="x"), stored=make_stored(), limit=FORBIDDEN_HOST),
        READY,
        "False",
        Reason.HOST_NOT_ALLOWED,
        "login.example.com is not allowed: ask for it",
    ),
    "there is no token yet": (make_observation(**NOTHING), READY, "False", Reason.ACQUIRING, UNDER_WAY),
    "the first token fails": (
        make_observation(**NOTHING, attempts=make_failing()),
        READY,
        "False",
        Reason.PROVIDER_UNAVAILABLE,
        FAILED,
    ),
    "somebody edited the Secret": (
        make_observation(stored=make_stored(edited=True)),
        READY,
        "False",
        Reason.ACQUIRING,
        UNDER_WAY,
    ),
    "the token expired": (
        make_observation(now=EXPIRED_SINCE),
        READY,
        "False",
        Reason.TOKEN_EXPIRED,
        "The token in Secret graph-token expired at 2026-11-23T14:45:00.000Z. A new one is under way",
    ),
    "the token expired while renewals failed": (
        make_observation(now=EXPIRED_SINCE, attempts=make_failing()),
        READY,
        "False",
        Reason.PROVIDER_UNAVAILABLE,
        FAILED,
    ),
    "the token expired while suspended": (
        make_observation(SUSPENDED_RESOURCE, now=EXPIRED_SINCE),
        READY,
        "False",
        Reason.TOKEN_EXPIRED,
        f"The token in Secret graph-token expired at 2026-11-23T14:45:00.000Z. {SUSPENDED}",
    ),
    "suspended before the first token": (
        make_observation(SUSPENDED_RESOURCE, **NOTHING),
        READY,
        "False",
        Reason.SUSPENDED,
        SUSPENDED,
    ),
    "suspended with a token for another spec": (
        make_observation(make_resource(suspend=True, clientId="x"), stored=make_stored()),
        READY,
        "False",
        Reason.SUSPENDED,
        SUSPENDED,
    ),
    "the Secret is somebody else's": (
        make_observation(whose=Ownership.CLAIMED, stored=None),
        READY,
        "False",
        Reason.TARGET_CLAIMED,
        (
            "Secret reports/graph-token belongs to another ClientCredentialToken: give target.name another name, "
            "or delete the other resource and this one takes over"
        ),
    ),
    "the last renewal worked": (
        make_observation(),
        RENEWAL_SUCCEEDED,
        "True",
        Reason.RENEWED,
        "The token was issued at 2026-11-23T13:45:00.000Z",
    ),
    "the last renewal brought less than was asked for": (
        make_observation(ASKING, granted="reports:read other"),
        RENEWAL_SUCCEEDED,
        "True",
        Reason.SCOPE_NARROWED,
        (
            "The token lacks scopes that were asked for (reports:write, audit): have the provider allow them to client "
            f"{CLIENT}, or take them out of spec.scopes"
        ),
    ),
    "the last renewal failed": (
        make_observation(now=LATE, attempts=make_failing()),
        RENEWAL_SUCCEEDED,
        "False",
        Reason.PROVIDER_UNAVAILABLE,
        FAILED,
    ),
    "a requested renewal failed": (
        make_requesting(handled_request="now", attempts=make_failing()),
        RENEWAL_SUCCEEDED,
        "False",
        Reason.PROVIDER_UNAVAILABLE,
        FAILED,
    ),
    "a renewal is due and the certificate is broken": (
        make_observation(now=LATE, credential_error=BROKEN),
        RENEWAL_SUCCEEDED,
        "False",
        Reason.KEY_MISMATCH,
        BROKEN.text,
    ),
    "the certificate is broken and no renewal is due": (
        make_observation(credential_error=BROKEN),
        RENEWAL_SUCCEEDED,
        "True",
        Reason.RENEWED,
        "The token was issued at 2026-11-23T13:45:00.000Z",
    ),
    "no renewal was tried yet": (
        make_observation(**NOTHING),
        RENEWAL_SUCCEEDED,
        "Unknown",
        Reason.ACQUIRING,
        "The first token is under way",
    ),
    "renewals are suspended": (
        make_observation(SUSPENDED_RESOURCE),
        RENEWAL_SUCCEEDED,
        "Unknown",
        Reason.SUSPENDED,
        SUSPENDED,
    ),
    "the certificate is good": (
        make_observation(),
        CREDENTIAL_VALID,
        "True",
        Reason.CREDENTIAL_USABLE,
        f"{CERTIFICATE} 2027-11-23T13:45:00.000Z",
    ),
    "the provider does not know the certificate": (
        make_observation(
            **NOTHING, attempts=make_failing(last=Failure(Reason.CREDENTIAL_REJECTED, "register the certificate"))
        ),
        CREDENTIAL_VALID,
        "True",
        Reason.CREDENTIAL_USABLE,
        f"{CERTIFICATE} 2027-11-23T13:45:00.000Z",
    ),
    "the certificate expires in thirty days": (
        make_observation(credential=make_credential(not_after=SOON_AFTER + timedelta(days=30))),
        CREDENTIAL_VALID,
        "True",
        Reason.CREDENTIAL_EXPIRES_SOON,
        (
            f"The certificate with SHA-1 thumbprint {SHA1} expires within 30 days, at 2026-12-23T13:46:00.000Z: "
            "register a new one and put it into Secret reports/graph-client-certificate"
        ),
    ),
    "the certificate expires in a day": (
        make_observation(credential=make_credential(not_after=SOON_AFTER + timedelta(days=1))),
        CREDENTIAL_VALID,
        "True",
        Reason.CREDENTIAL_EXPIRES_SOON,
        (
            f"The certificate with SHA-1 thumbprint {SHA1} expires within a day, at 2026-11-24T13:46:00.000Z: "
            "register a new one and put it into Secret reports/graph-client-certificate"
        ),
    ),
    "the previous certificate is in use": (
        make_observation(
            remark="The provider was shown the previous certificate, valid until then: register the new one"
        ),
        CREDENTIAL_VALID,
        "True",
        Reason.CREDENTIAL_USABLE,
        (
            f"{CERTIFICATE} 2027-11-23T13:45:00.000Z. "
            "The provider was shown the previous certificate, valid until then: register the new one"
        ),
    ),
    "the credential is a client secret": (
        make_observation(credential=CredentialStatus(kind=CredentialKind.CLIENT_SECRET, secret_resource_version="1")),
        CREDENTIAL_VALID,
        "True",
        Reason.CREDENTIAL_USABLE,
        "The client secret can be read; until when it is valid, only the provider knows",
    ),
    "the credential is a ServiceAccount": (
        make_observation(credential=CredentialStatus(kind=CredentialKind.SERVICE_ACCOUNT)),
        CREDENTIAL_VALID,
        "True",
        Reason.CREDENTIAL_USABLE,
        "A token of the ServiceAccount is requested for each renewal",
    ),
    "the certificate expires in more": (
        make_observation(credential=make_credential(not_after=SOON_AFTER + timedelta(days=30, seconds=1))),
        CREDENTIAL_VALID,
        "True",
        Reason.CREDENTIAL_USABLE,
        f"{CERTIFICATE} 2026-12-23T13:46:01.000Z",
    ),
    "the certificate is broken": (
        make_observation(credential_error=BROKEN),
        CREDENTIAL_VALID,
        "False",
        Reason.KEY_MISMATCH,
        "the private key in Secret reports/x is not that of its certificate: put both into it",
    ),
    "no certificate was read yet": (
        make_observation(credential=None),
        CREDENTIAL_VALID,
        "Unknown",
        Reason.ACQUIRING,
        "The credential was not read yet",
    ),
    "the lifetime leaves room": (
        make_observation(),
        GAP_FREE,
        "True",
        Reason.ROOM_ENOUGH,
        f"Room for {make_schedule().arithmetic}",
    ),
    "the lifetime leaves none": (
        make_observation(stored=make_stored(expires_at=ISSUED_AT + 5 * MINUTE)),
        GAP_FREE,
        "False",
        Reason.LIFETIME_TOO_SHORT,
        (
            "No room for propagation 2m + clock skew 1m + consumer hold 0s + retry budget 1m40s = 4m40s; a token of 5m "
            "leaves 3m20s after a third of its life: ask the provider's administrator for a longer token lifetime, "
            "or shorten renewal.before or renewal.consumerHold"
        ),
    ),
    "the lifetime is not known yet": (
        make_observation(**NOTHING),
        GAP_FREE,
        "Unknown",
        Reason.ACQUIRING,
        "The lifetime is known when the first token is there",
    ),
    "only a person can help": (
        make_observation(now=LATE, credential_error=BROKEN),
        STALLED,
        "True",
        Reason.KEY_MISMATCH,
        BROKEN.text,
    ),
    "only a person can help, soon": (
        make_observation(credential_error=BROKEN),
        STALLED,
        "True",
        Reason.KEY_MISMATCH,
        BROKEN.text,
    ),
}


@pytest.mark.parametrize("sentence", TABLE)
def test_condition(sentence: str) -> None:
    """Status, reason and message, at the observed generation."""
    seen, kind, status, reason, message = TABLE[sentence]
    told = tell(seen)[kind]
    assert (told.status, told.reason, told.message) == (status, reason, message)
    assert told.observed_generation == seen.resource.metadata.generation
    assert told.last_transition_time == seen.now


def test_every_type_but_stalled_is_always_told() -> None:
    """`Stalled` is there when it is True."""
    assert list(tell(make_observation())) == [READY, RENEWAL_SUCCEEDED, CREDENTIAL_VALID, GAP_FREE]


@given(
    generation=st.integers(2, 9),
    client=st.sampled_from(["535fb089-9ff3-47b6-9bfb-4f1264799865", "another"]),
    shape=st.sampled_from([None, {"a": "AccessToken"}]),
    suspend=st.booleans(),
    since=st.timedeltas(timedelta(0), 2 * HOUR),
    edited=st.booleans(),
)
def test_ready_is_true_exactly_while_the_secret_holds_an_unexpired_token_for_this_spec(
    *, generation: int, client: str, shape: dict[str, str] | None, suspend: bool, since: timedelta, edited: bool
) -> None:
    """A new generation inherits nothing: the stored token answers it or does not."""
    resource = make_resource(generation=generation, clientId=client, suspend=suspend, target={"data": shape})
    seen = make_observation(resource, now=ISSUED_AT + since, stored=make_stored(edited=edited))
    answers = client != "another" and shape is None
    told = tell(seen)[READY]
    assert told.status == ("True" if answers and not edited and since < HOUR else "False")
    assert told.observed_generation == generation


def test_condition_that_keeps_its_status_keeps_its_transition_time() -> None:
    """Though reason and message are new: equal observations make an equal status."""
    first = Status().with_conditions(conditions(make_observation(), decide(make_observation())))
    later = make_observation(now=SOON_AFTER + MINUTE)
    assert first.with_conditions(conditions(later, decide(later))) == first


TIMES = st.timedeltas(timedelta(0), timedelta(minutes=34))


@given(TIMES, TIMES)
def test_conditions_do_not_change_with_the_time_alone(one: timedelta, other: timedelta) -> None:
    """An idle operator writes nothing: no message names the present."""

    def told(at: datetime) -> Status:
        seen = make_observation(now=at)
        return Status().with_conditions(conditions(seen, decide(seen)))

    assert told(ISSUED_AT + one).with_conditions(told(ISSUED_AT + other).conditions) == told(ISSUED_AT + one)


@pytest.mark.parametrize(
    ("error", "stalled"),
    [
        pytest.param(SpecError(Reason.INVALID_SPEC, "spec.clientId: missing", remedy="correct it"), True, id="spec"),
        pytest.param(TokenSyncError(Reason.INTERNAL_ERROR, "a defect", remedy="report it"), False, id="defect"),
    ],
)
def test_resource_that_cannot_be_read_is_told_so(error: TokenSyncError, stalled: bool) -> None:
    """No condition claims what is not known."""
    told = unreadable(error, Status(), 7, SOON_AFTER)
    expected = [(READY, "False"), (RENEWAL_SUCCEEDED, "False"), (CREDENTIAL_VALID, "Unknown"), (GAP_FREE, "Unknown")]
    assert [(condition.type, condition.status) for condition in told] == expected + [(STALLED, "True")] * stalled
    assert {(condition.reason, condition.message) for condition in told} == {(error.reason, error.text)}
    assert {condition.observed_generation for condition in told} == {7}


@pytest.mark.parametrize(
    ("before", "now", "generation", "ready"),
    [
        pytest.param(make_observation(), SOON_AFTER, 1, "True", id="a good token stays good"),
        pytest.param(make_observation(), EXPIRED_SINCE, 1, "False", id="an expired one does not"),
        pytest.param(make_observation(), SOON_AFTER, 2, "False", id="another generation inherits nothing"),
    ],
)
def test_ready_outlives_what_cannot_be_looked_at(
    before: Observation, now: datetime, generation: int, ready: str
) -> None:
    """A defect of ours takes nothing from a token that works."""
    assert before.schedule
    assert before.stored
    told = Status(
        token=TokenTimes(
            issued_at=before.stored.issued_at,
            expires_at=before.stored.expires_at,
            renew_at=before.schedule.renew_at,
        )
    ).with_conditions(conditions(before, decide(before)))
    error = TokenSyncError(Reason.INTERNAL_ERROR, "a defect", remedy="report it")
    after = {condition.type: condition.status for condition in unreadable(error, told, generation, now)}
    assert after[READY] == ready
    assert after[RENEWAL_SUCCEEDED] == "False"
