"""What a target Secret holds, told from its metadata."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from support.builders import (
    HOUR,
    ISSUED_AT,
    SOON_AFTER,
    make_issue,
    make_resource,
    make_secret,
    make_stored,
    make_token,
)
from support.simulated_secret import SimulatedSecret
from tokensync.resource.names import (
    ACQUIRED_FOR,
    EXPIRES_AT,
    OWNER_UID_LABEL,
    RENEWED_FOR,
)
from tokensync.resource.names import (
    ISSUED_AT as ISSUED_AT_NAME,
)
from tokensync.resource.status import TokenTimes
from tokensync.target.fingerprint import AcquiredFor
from tokensync.target.stored import StoredToken, read_stored

RESOURCE = make_resource(renew_request="now")
DATA_KEYS = ("token", "expires-at", "token-type")
MARKS = (ISSUED_AT_NAME, EXPIRES_AT, ACQUIRED_FOR)
REPORTED = TokenTimes(issued_at=ISSUED_AT, expires_at=ISSUED_AT + HOUR, renew_at=ISSUED_AT + HOUR / 2)


def read(secret: SimulatedSecret, *, version: str = "", reported: TokenTimes | None = None) -> StoredToken | None:
    """What the Secret holds, as a restarted operator reads it."""
    return read_stored(secret.seen(), RESOURCE.spec, written_resource_version=version, reported=reported)


def written() -> SimulatedSecret:
    """The target as we created it."""
    return make_secret(RESOURCE)


HARMLESS: dict[str, Callable[[SimulatedSecret], None]] = {
    "nobody touches it": lambda _: None,
    "a label is added": lambda secret: secret.edit("labels", "team", "a", at=SOON_AFTER),
    "a label of ours is changed": lambda secret: secret.edit("labels", OWNER_UID_LABEL, "x", at=SOON_AFTER),
    "an annotation is added": lambda secret: secret.edit("annotations", "example.com/a", "b", at=SOON_AFTER),
    "another key is added": lambda secret: secret.edit("data", "password", "eA==", at=SOON_AFTER),
    "the renew request's echo is removed": lambda secret: secret.edit("annotations", RENEWED_FOR, None, at=SOON_AFTER),
    "all Secrets are replaced as they are": lambda secret: secret.replace_unchanged(),
    "the record is stripped": lambda secret: secret.strip(),
    "the same values are applied by force": lambda secret: secret.apply_same_values(at=SOON_AFTER, manager="flux"),
}


@pytest.mark.parametrize("sentence", HARMLESS)
def test_token_is_known_though_others_touch_the_secret(sentence: str) -> None:
    """What we wrote is still what is there."""
    secret = written()
    HARMLESS[sentence](secret)
    stored = read(secret)
    assert stored is not None
    assert not stored.edited
    assert (stored.issued_at, stored.expires_at) == (ISSUED_AT, ISSUED_AT + HOUR)


@pytest.mark.parametrize("value", ["eA==", None], ids=["replaced", "removed"])
@pytest.mark.parametrize("key", DATA_KEYS)
def test_edit_of_any_key_of_ours_is_seen(key: str, value: str | None) -> None:
    """The token itself, or what tells of it."""
    secret = written()
    secret.edit("data", key, value, at=SOON_AFTER)
    stored = read(secret)
    assert stored is not None
    assert stored.edited


@pytest.mark.parametrize("value", ["2030-01-01T00:00:00.000Z", None], ids=["replaced", "removed"])
@pytest.mark.parametrize("name", MARKS)
def test_edit_of_any_mark_is_seen(name: str, value: str | None) -> None:
    """The times of the status stand in for those that somebody wrote."""
    secret = written()
    secret.edit("annotations", name, value, at=SOON_AFTER)
    stored = read(secret, reported=REPORTED)
    assert stored is not None
    assert stored.edited
    assert (stored.issued_at, stored.expires_at) == (ISSUED_AT, ISSUED_AT + HOUR)


@pytest.mark.parametrize("name", [ISSUED_AT_NAME, EXPIRES_AT])
def test_edited_times_are_never_believed(name: str) -> None:
    """Without a status that tells them, nothing is known."""
    secret = written()
    secret.edit("annotations", name, "2030-01-01T00:00:00.000Z", at=SOON_AFTER)
    assert read(secret) is None


@pytest.mark.parametrize("key", [None, ".netrc", "expires-at"])
def test_edit_of_a_file_is_seen(key: str | None) -> None:
    """Each key of a format is ours, and no other."""
    resource = make_resource(target={"format": {"netrc": {"machine": "api.example.com", "login": "ada"}}})
    secret = make_secret(resource)
    if key:
        secret.edit("data", key, "eA==", at=SOON_AFTER)
    stored = read_stored(secret.seen(), resource.spec, written_resource_version="", reported=None)
    assert stored is not None
    assert stored.edited == (key is not None)


def test_edit_is_seen_at_the_second_of_our_write() -> None:
    """The record's times are in seconds: somebody may be as quick."""
    secret = written()
    secret.edit("data", "token", "eA==", at=ISSUED_AT)
    stored = read(secret)
    assert stored is not None
    assert stored.edited


def test_secret_in_the_version_that_we_wrote_is_untouched() -> None:
    """No record is needed to know that."""
    secret = written()
    secret.edit("data", "token", "eA==", at=SOON_AFTER)
    stored = read(secret, version=str(secret.version))
    assert stored is not None
    assert not stored.edited


def test_secret_of_ours_is_told_in_full() -> None:
    """Times, inputs and the request that it answers."""
    assert read(written()) == make_stored(RESOURCE, renewed_for="now")


def test_token_without_a_renew_request_answers_none() -> None:
    """The annotation is left out."""
    stored = read(make_secret(make_resource()))
    assert stored is not None
    assert stored.renewed_for == ""


def test_key_that_the_shape_does_not_have_yet_is_no_token_of_ours() -> None:
    """After a change of the shape the Secret does not hold what it should."""
    reshaped = make_resource(target={"data": {"access-token": "AccessToken"}})
    stored = read_stored(written().seen(), reshaped.spec, written_resource_version="", reported=None)
    assert stored is not None
    assert stored.edited


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "2026-11-23",
        "2026-11-23T13:45:00",
        "1795445100",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59-14:00",
    ],
)
@pytest.mark.parametrize("name", [ISSUED_AT_NAME, EXPIRES_AT])
def test_times_that_cannot_be_read_are_unknown(name: str, value: str) -> None:
    """Where no record tells of the edit, a time of another form is as good as none."""
    secret = written()
    secret.strip()
    secret.edit("annotations", name, value, at=SOON_AFTER)
    assert read(secret) is None
    stored = read(secret, reported=REPORTED)
    assert stored is not None
    assert stored.expires_at == ISSUED_AT + HOUR


def test_annotations_outrank_the_status() -> None:
    """The Secret is written first: a crash before the status leaves an older one."""
    older = REPORTED.model_copy(update={"issued_at": ISSUED_AT - HOUR, "expires_at": ISSUED_AT})
    stored = read(written(), reported=older)
    assert stored is not None
    assert stored.expires_at == ISSUED_AT + HOUR


def test_secret_without_inputs_answers_none() -> None:
    """Whoever removed the annotation while no record was kept gets a new token."""
    secret = written()
    secret.strip()
    secret.edit("annotations", ACQUIRED_FOR, None, at=SOON_AFTER)
    stored = read(secret)
    assert stored is not None
    assert stored.acquired_for == AcquiredFor("", ())


def test_times_are_read_to_the_millisecond() -> None:
    """As they were written."""
    moment = ISSUED_AT + timedelta(milliseconds=123)
    stored = read(make_secret(RESOURCE, make_issue(RESOURCE, make_token(issued_at=moment))))
    assert stored is not None
    assert stored.issued_at == moment
