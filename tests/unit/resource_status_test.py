"""Writing the status, and reading it back from whatever became of it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from support.moments import MOMENTS
from tokensync.errors import Reason
from tokensync.resource.status import (
    MESSAGE_LENGTH,
    SCOPE_LENGTH,
    TEXT_LENGTH,
    Attempt,
    Condition,
    ConditionType,
    CredentialKind,
    CredentialStatus,
    Status,
    TargetStatus,
    TokenTimes,
    cut,
)

START = datetime(2026, 11, 23, 13, 45, tzinfo=UTC)
LATER = START + timedelta(hours=1)

COUNTS = st.integers(0, 2**31)
Made = TypeVar("Made")


def made(model: Callable[..., Made], /, **fields: SearchStrategy[Any]) -> SearchStrategy[Made]:
    """Models from these fields alone: from their signature Hypothesis would add their aliases, with naive times."""
    return st.fixed_dictionaries(fields).map(lambda values: model(**values))


TEXTS = st.text(max_size=2 * TEXT_LENGTH)
OPTIONAL_TEXTS = st.none() | TEXTS
REASONS = st.sampled_from(Reason)
CONDITIONS = st.lists(
    made(
        Condition,
        type=st.sampled_from(ConditionType),
        status=st.sampled_from(["True", "False", "Unknown"]),
        reason=REASONS,
        message=TEXTS,
        observed_generation=COUNTS,
        last_transition_time=MOMENTS,
    ),
    unique_by=lambda condition: condition.type,
)
STATUSES: SearchStrategy[Status] = made(
    Status,
    observed_generation=st.integers(-1, 2**31),
    conditions=CONDITIONS,
    token=st.none() | made(TokenTimes, issued_at=MOMENTS, expires_at=MOMENTS, renew_at=MOMENTS, scope=TEXTS),
    credential=st.none()
    | made(
        CredentialStatus,
        kind=st.sampled_from(CredentialKind),
        thumbprint_sha1=OPTIONAL_TEXTS,
        not_after=st.none() | MOMENTS,
        secret_resource_version=OPTIONAL_TEXTS,
    ),
    target=st.none() | made(TargetStatus, name=TEXTS, uid=TEXTS, resource_version=TEXTS),
    last_renewal_time=st.none() | MOMENTS,
    last_attempt=st.none()
    | made(
        Attempt,
        time=MOMENTS,
        reason=REASONS,
        message=TEXTS,
        error_code=OPTIONAL_TEXTS,
        correlation_id=OPTIONAL_TEXTS,
        trace_id=OPTIONAL_TEXTS,
        http_status=st.none() | st.integers(100, 599),
    ),
    consecutive_failures=COUNTS,
    next_attempt_time=st.none() | MOMENTS,
    last_handled_renew_request=OPTIONAL_TEXTS,
)

FIELD_NAMES = st.sampled_from(
    [
        "observedGeneration",
        "conditions",
        "type",
        "status",
        "reason",
        "lastTransitionTime",
        "token",
        "issuedAt",
        "target",
        "name",
    ]
)
GARBAGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | MOMENTS.map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELD_NAMES | st.text(), inner, max_size=4),
    max_leaves=12,
)


def condition(kind: ConditionType = ConditionType.READY, **changes: Any) -> Condition:
    """A condition that holds since `START`, but for what a test changes."""
    fields: dict[str, Any] = {
        "type": kind,
        "status": "True",
        "reason": Reason.TOKEN_VALID,
        "message": "valid",
        "observed_generation": 1,
        "last_transition_time": START,
    }
    return Condition(**fields | changes)


@given(STATUSES)
def test_status_that_was_written_reads_as_itself(status: Status) -> None:
    """A restarted operator remembers exactly what it wrote."""
    assert Status.parse(json.loads(json.dumps(status.dump()))) == status


def test_dump_has_the_names_of_the_contract_and_no_unset_field() -> None:
    """What is not known is not there, rather than null."""
    status = Status(
        observed_generation=2,
        conditions=(condition(),),
        last_attempt=Attempt(time=START, reason=Reason.RENEWED, correlation_id="c0ffee"),
    )
    assert status.dump() == {
        "observedGeneration": 2,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "TokenValid",
                "message": "valid",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-11-23T13:45:00.000Z",
            }
        ],
        "lastAttempt": {
            "time": "2026-11-23T13:45:00.000Z",
            "reason": "Renewed",
            "correlationId": "c0ffee",
        },
        "consecutiveFailures": 0,
    }


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        [],
        "text",
        3,
        {"observedGeneration": "many"},
        {"conditions": {"Ready": True}},
        {"conditions": [condition().model_dump(mode="json", by_alias=True) | {"reason": "WrittenByOthers"}]},
        {"target": {"name": "token"}},
        {"lastRenewalTime": "yesterday"},
        {"lastRenewalTime": "0001-01-01T00:00:00+01:00"},
    ],
)
def test_status_that_is_not_ours_counts_as_none(body: Any) -> None:
    """Wiped, edited or of another version: it is written anew."""
    assert Status.parse(body) == Status()


def test_unknown_fields_of_a_status_are_ignored() -> None:
    """A field of a newer version costs nothing of what is known."""
    assert Status.parse({"consecutiveFailures": 3, "fallback": {"name": "x"}}) == Status(consecutive_failures=3)


@given(GARBAGE)
@example({"token": {"issuedAt": "9999-12-31T23:59:59-01:00"}})
def test_reading_a_status_never_fails(body: Any) -> None:
    """Whoever writes whatever into the status: it reads as a status."""
    assert isinstance(Status.parse(body), Status)


@given(st.text(), st.integers(1, 50))
def test_cut_text_has_at_most_its_length(text: str, length: int) -> None:
    """A text that fits is left alone; another one loses its end, and shows it."""
    result = cut(text, length)
    assert len(result) <= length
    assert result == text if len(text) <= length else result == text[: length - 1] + "…"


def test_every_text_is_cut_to_its_bound() -> None:
    """No text, whoever it comes from, makes the API server refuse the status."""
    long = "x" * 10_000
    status = Status(
        conditions=(condition(message=long),),
        token=TokenTimes(issued_at=START, expires_at=LATER, renew_at=LATER, scope=long),
        target=TargetStatus(name=long, uid=long, resource_version=long),
        last_attempt=Attempt(time=START, reason=Reason.RENEWED, message=long, error_code=long),
    )
    assert status.token
    assert status.target
    assert status.last_attempt
    assert len(status.conditions[0].message) == len(status.last_attempt.message or "") == MESSAGE_LENGTH
    assert len(status.token.scope) == SCOPE_LENGTH
    assert len(status.target.uid) == len(status.last_attempt.error_code or "") == TEXT_LENGTH


@given(MOMENTS)
def test_times_are_kept_as_they_are_written(moment: datetime) -> None:
    """A time in memory equals the same one after it was stored: UTC, milliseconds."""
    kept = condition(last_transition_time=moment).last_transition_time
    assert timedelta(0) <= moment - kept < timedelta(milliseconds=1)
    assert kept.tzinfo == UTC
    assert kept.microsecond % 1000 == 0


def test_condition_is_found_by_its_type() -> None:
    """The one that is asked for, or none."""
    status = Status(conditions=(condition(ConditionType.READY), condition(ConditionType.GAP_FREE, status="False")))
    assert status.condition(ConditionType.GAP_FREE) == condition(ConditionType.GAP_FREE, status="False")
    assert status.condition(ConditionType.STALLED) is None


@pytest.mark.parametrize("change", [{}, {"reason": Reason.SUSPENDED}, {"message": "else"}, {"observed_generation": 2}])
def test_transition_time_is_kept_while_the_status_is_the_same(change: dict[str, Any]) -> None:
    """Another reason, message or generation is no transition, but is shown."""
    new = condition(last_transition_time=LATER, **change)
    (kept,) = Status(conditions=(condition(),)).with_conditions([new]).conditions
    assert kept == condition(last_transition_time=START, **change)


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_changed_status_has_a_new_transition_time(status: str) -> None:
    """A transition happened when the status became another."""
    new = condition(status=status, last_transition_time=LATER)
    assert Status(conditions=(condition(),)).with_conditions([new]).conditions == (new,)


def test_conditions_are_replaced_as_a_whole() -> None:
    """One that is no longer given is gone, one that is new has its own time, and the rest of the status stays."""
    before = Status(observed_generation=4, conditions=(condition(ConditionType.STALLED),))
    after = before.with_conditions([condition(ConditionType.READY, last_transition_time=LATER)])
    assert after == Status(
        observed_generation=4, conditions=(condition(ConditionType.READY, last_transition_time=LATER),)
    )


def test_one_type_does_not_take_anothers_time() -> None:
    """Each condition has a transition time of its own."""
    before = Status(conditions=(condition(ConditionType.GAP_FREE),))
    assert before.with_conditions([condition(last_transition_time=LATER)]).conditions[0].last_transition_time == LATER
