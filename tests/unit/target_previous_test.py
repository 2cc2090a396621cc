"""`PreviousAccessToken`: written at a renewal, known from metadata, taken out by a write that touches nothing else."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.builders import (
    HOUR,
    ISSUED_AT,
    SOON_AFTER,
    look_at,
    make_failing,
    make_issue,
    make_resource,
    make_secret,
    make_token,
)
from support.simulated_secret import SimulatedSecret
from tokensync.errors import CredentialError, Reason, SpecError
from tokensync.resource.names import PREVIOUS_EXPIRES_AT
from tokensync.resource.target import Target
from tokensync.rotation.attempts import Attempts
from tokensync.rotation.decide import (
    Acquire,
    Blocked,
    Decision,
    DropPrevious,
    Keep,
    Relabel,
    Suspended,
    Violation,
    Wait,
    decide,
    meanwhile,
    next_check,
)
from tokensync.target.content import render
from tokensync.target.previous import PreviousToken, previous_keys, token_in
from tokensync.target.writes import drop_previous_patch, relabel_patch, renew_patch

SHAPE = {"token": "AccessToken", "before": "PreviousAccessToken"}
RESOURCE = make_resource(target={"data": SHAPE})
RENEWED_AT = ISSUED_AT + timedelta(minutes=35)
END = ISSUED_AT + HOUR
"""When the first token expires."""


def renewed() -> SimulatedSecret:
    """The target after the first renewal."""
    previous = PreviousToken("token-1", END)
    secret = make_secret(RESOURCE)
    issue = make_issue(RESOURCE, make_token("token-2", issued_at=RENEWED_AT))
    secret.patch(renew_patch(RESOURCE, secret.seen(), issue, adopting=False, previous=previous), at=RENEWED_AT)
    return secret


def values(secret: SimulatedSecret) -> dict[str, str]:
    """What the Secret holds."""
    return {key: base64.b64decode(value).decode() for key, value in secret.data.items()}


def test_renewal_keeps_the_token_before() -> None:
    """With the time until which it is valid."""
    secret = renewed()
    assert values(secret) == {"token": "token-2", "before": "token-1"}
    assert secret.annotations[PREVIOUS_EXPIRES_AT] == "2026-11-23T14:45:00.000Z"


def test_renewal_without_one_empties_the_key() -> None:
    """What was kept before is older yet."""
    secret = renewed()
    issue = make_issue(RESOURCE, make_token("token-3", issued_at=END))
    secret.patch(renew_patch(RESOURCE, secret.seen(), issue, adopting=False), at=END)
    assert values(secret) == {"token": "token-3", "before": ""}
    assert PREVIOUS_EXPIRES_AT not in secret.annotations


def test_another_shape_leaves_nothing_of_it() -> None:
    """Neither key nor annotation."""
    secret = renewed()
    plain = make_resource(target={"data": {"token": "AccessToken"}})
    patch = renew_patch(plain, secret.seen(), make_issue(plain), adopting=False)
    secret.patch(patch, at=END)
    assert list(secret.data) == ["token"]
    assert PREVIOUS_EXPIRES_AT not in secret.annotations


def test_order_of_labels_leaves_it() -> None:
    """A write that only brings labels in order keeps the token before, and its time."""
    secret = renewed()
    labelled = make_resource(target={"data": SHAPE, "labels": {"team": "reports"}})
    patch = relabel_patch(labelled, secret.seen())
    assert patch is not None
    secret.patch(patch, at=END)
    assert values(secret)["before"] == "token-1"
    assert PREVIOUS_EXPIRES_AT in secret.annotations
    assert relabel_patch(labelled, secret.seen()) is None


def test_nothing_is_due_before_it_expires() -> None:
    """The operator sleeps until then, the same after a restart."""
    seen = look_at(RESOURCE, renewed(), now=END - timedelta(milliseconds=1))
    assert decide(seen) == Keep()
    assert next_check(seen, Keep()) == END


def test_it_goes_when_it_expires() -> None:
    """One write, which leaves all other fields and their owners alone."""
    secret = renewed()
    assert decide(look_at(RESOURCE, secret, now=END)) == DropPrevious()
    before = secret.body
    secret.patch(drop_previous_patch(RESOURCE, secret.seen()), at=END)
    assert values(secret) == {"token": "token-2", "before": ""}
    assert PREVIOUS_EXPIRES_AT not in secret.annotations
    assert secret.labels == before["metadata"]["labels"]
    seen = look_at(RESOURCE, secret, now=END)
    assert seen.stored is not None
    assert not seen.stored.edited
    assert decide(seen) == Keep()
    assert (next_check(seen, Keep()) or END) > END


def test_write_that_drops_it_fits_that_very_secret_alone() -> None:
    """It carries uid and version, so that no token of a newer write is touched."""
    secret = renewed()
    seen = secret.seen()
    metadata = drop_previous_patch(RESOURCE, seen)["metadata"]
    assert (metadata["uid"], metadata["resourceVersion"]) == (seen.uid, seen.resource_version)


def test_it_goes_before_labels_are_brought_in_order() -> None:
    """Each by its own write; whatever made the labels wait does not make it wait."""
    secret = renewed()
    secret.edit("labels", "tokensync.dev/owner-uid", "x", at=RENEWED_AT)
    assert decide(look_at(RESOURCE, secret, now=END)) == DropPrevious()
    secret.patch(drop_previous_patch(RESOURCE, secret.seen()), at=END)
    assert decide(look_at(RESOURCE, secret, now=END)) == Relabel()


EDITS: dict[str, Callable[[SimulatedSecret], None]] = {
    "a later time": lambda secret: secret.edit(
        "annotations", PREVIOUS_EXPIRES_AT, "2030-01-01T00:00:00.000Z", at=RENEWED_AT
    ),
    "no time": lambda secret: secret.edit("annotations", PREVIOUS_EXPIRES_AT, "soon", at=RENEWED_AT),
}


@pytest.mark.parametrize("edit", EDITS)
def test_time_that_somebody_else_wrote_is_not_waited_for(edit: str) -> None:
    """Nobody but us keeps a token; and it costs no new one."""
    secret = renewed()
    EDITS[edit](secret)
    seen = look_at(RESOURCE, secret, now=RENEWED_AT + timedelta(minutes=1))
    assert seen.stored is not None
    assert not seen.stored.edited
    assert decide(seen) == DropPrevious()


def test_time_that_nobody_can_read_is_not_waited_for() -> None:
    """As where no record of the edit is kept."""
    secret = renewed()
    secret.strip()
    secret.edit("annotations", PREVIOUS_EXPIRES_AT, "soon", at=RENEWED_AT)
    assert decide(look_at(RESOURCE, secret, now=RENEWED_AT + timedelta(minutes=1))) == DropPrevious()


def test_edit_of_the_key_is_an_edit_of_the_secret() -> None:
    """It calls for a new token, as any other; what stands there is not kept."""
    secret = renewed()
    secret.edit("data", "before", "eA==", at=RENEWED_AT)
    seen = look_at(RESOURCE, secret, now=RENEWED_AT + timedelta(minutes=1))
    assert seen.stored is not None
    assert seen.stored.edited
    assert not seen.usable


def test_annotation_means_nothing_to_a_shape_without_the_value() -> None:
    """Somebody put it there: it wakes nobody and is not taken away."""
    resource = make_resource()
    secret = make_secret(resource)
    secret.edit("annotations", PREVIOUS_EXPIRES_AT, "2026-11-23T13:45:01.000Z", at=SOON_AFTER)
    assert decide(look_at(resource, secret)) == Keep()


def test_refused_write_is_tried_again_later() -> None:
    """A quota or an admission webhook that refuses it is not asked without end."""
    failing = make_failing(not_before=END + timedelta(minutes=1))
    assert decide(look_at(RESOURCE, renewed(), now=END, attempts=failing)) == Wait(END + timedelta(minutes=1))


UNREADABLE = Blocked(CredentialError(Reason.CREDENTIAL_NOT_FOUND, "there is no such Secret"))
ANOTHER_ASKS = Wait(END + timedelta(minutes=1))


@pytest.mark.parametrize("decision", [ANOTHER_ASKS, UNREADABLE], ids=["another asks", "broken credential"])
@pytest.mark.parametrize("failing", [False, True])
def test_it_goes_while_the_next_token_has_to_wait(decision: Decision, *, failing: bool) -> None:
    """Whatever the next one waits for, and however long."""
    attempts = make_failing(not_before=END + timedelta(minutes=1)) if failing else Attempts()
    seen = look_at(RESOURCE, renewed(), now=END, attempts=attempts)
    assert meanwhile(seen, decision) == DropPrevious()


def test_it_waits_for_its_own_failure() -> None:
    """Which counts for it alone: it was not to get a token."""
    failing = make_failing(not_before=END + timedelta(minutes=1), token_wanted=False)
    seen = look_at(RESOURCE, renewed(), now=END, attempts=failing)
    assert meanwhile(seen, ANOTHER_ASKS) == ANOTHER_ASKS


@pytest.mark.parametrize("decision", [Acquire(Violation.DUE), Suspended(), Keep()])
def test_it_goes_before_nothing_else(decision: Decision) -> None:
    """A token that can be had is had first; and a suspended resource is left alone."""
    assert meanwhile(look_at(RESOURCE, renewed(), now=END), decision) == decision


def test_what_the_installation_does_not_allow_is_not_written() -> None:
    """This neither."""
    limit = SpecError(Reason.TARGET_TYPE_NOT_ALLOWED, "no such type")
    seen = look_at(RESOURCE, renewed(), now=END, limit=limit)
    assert meanwhile(seen, decide(seen)) == Blocked(limit)


def test_edited_secret_is_left_to_the_repair() -> None:
    """Which waits where somebody edits it again and again."""
    secret = renewed()
    secret.edit("data", "token", "eA==", at=RENEWED_AT)
    assert meanwhile(look_at(RESOURCE, secret, now=END), ANOTHER_ASKS) == ANOTHER_ASKS


@pytest.mark.parametrize("name", ["AccessToken", "AuthorizationHeader", "TokenResponse"])
def test_token_is_found_in_whatever_form_it_is_there(name: str) -> None:
    """What we wrote can be read back."""
    target = Target.model_validate({"name": "graph-token", "data": {"a": name, "before": "PreviousAccessToken"}})
    data = {key: text.encode() for key, text in render(target, make_token("abc.def")).items()}
    assert token_in(data, target) == "abc.def"


@given(st.binary(max_size=64), st.sampled_from(["AccessToken", "AuthorizationHeader", "TokenResponse"]))
def test_what_is_no_token_is_never_kept(content: bytes, name: str) -> None:
    """Somebody may have put anything there, where no record tells."""
    target = Target.model_validate({"name": "graph-token", "data": {"a": name}})
    token = token_in({"a": content}, target)
    assert all("\x21" <= letter <= "\x7e" for letter in token)


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{}",
        b"1",
        b"\xff",
        b'{"access_token": "a b"}',
        b"[" * 100_000,
        json.dumps({"access_token": ["a b"]}).encode(),
    ],
)
def test_odd_response_holds_no_token(content: bytes) -> None:
    """And keeps no renewal from being written."""
    target = Target.model_validate({"name": "graph-token", "data": {"a": "TokenResponse"}})
    assert token_in({"a": content}, target) == ""
    assert token_in({}, target) == ""


def test_format_keeps_no_previous_token() -> None:
    """A file has room for one."""
    target = Target.model_validate({"name": "graph-token", "format": {"curlConfig": {}}})
    assert previous_keys(target) == ()


def test_it_is_in_no_repr() -> None:
    """As little as the present one."""
    assert "abc.def" not in f"{PreviousToken('abc.def', END)!r}"
