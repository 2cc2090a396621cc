"""The bodies of our writes."""

import base64
from typing import Any

import pytest

from support.builders import (
    HOUR,
    ISSUED_AT,
    SECRET_UID,
    SOON_AFTER,
    UID,
    make_issue,
    make_owner,
    make_resource,
    make_secret,
    make_token,
)
from support.simulated_secret import SimulatedSecret
from tokensync.errors import ConflictError
from tokensync.resource.names import (
    ACQUIRED_FOR,
    ADOPTABLE_BY,
    ADOPTED,
    EXPIRES_AT,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    OWNER_UID_LABEL,
    RENEWED_FOR,
)
from tokensync.resource.names import (
    ISSUED_AT as ISSUED_AT_NAME,
)
from tokensync.resource.spec import ClientCredentialToken
from tokensync.target.writes import create_body, is_adopted, relabel_patch, renew_patch

PLAIN = make_resource()
RETAINING = make_resource(target={"deletionPolicy": "Retain"})
ADOPTING = make_resource(target={"adopt": True})
OUR_LABELS = {MANAGED_BY_LABEL: MANAGED_BY, OWNER_UID_LABEL: UID}
RENEWED_AT = ISSUED_AT + HOUR / 2
NEXT = make_token("token-2", issued_at=RENEWED_AT)


def texts(data: dict[str, str]) -> dict[str, str]:
    """A Secret's data as text."""
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def foreign(**metadata: Any) -> SimulatedSecret:
    """A Secret that its owner made, and lets be adopted."""
    body = {
        "metadata": {
            "namespace": "reports",
            "name": "graph-token",
            "labels": {"team": "a"},
            "annotations": {ADOPTABLE_BY: "graph", "example.com/note": "b"},
            **metadata,
        },
        "data": {"token": "b2xk", "token-type": "QmVhcmVy", "password": "aHVudGVyMg=="},
    }
    return SimulatedSecret.created(body, at=ISSUED_AT - HOUR, manager="kubectl-create", uid=SECRET_UID)


def renewed(resource: ClientCredentialToken, secret: SimulatedSecret, *, adopting: bool = False) -> SimulatedSecret:
    """The Secret after its next token was written."""
    patch = renew_patch(resource, secret.seen(), make_issue(resource, NEXT), adopting=adopting)
    secret.patch(patch, at=RENEWED_AT)
    return secret


def relabelled(resource: ClientCredentialToken, secret: SimulatedSecret) -> SimulatedSecret:
    """The Secret after it was brought in order."""
    patch = relabel_patch(resource, secret.seen())
    assert patch is not None
    secret.patch(patch, at=RENEWED_AT)
    assert relabel_patch(resource, secret.seen()) is None
    return secret


def test_new_secret() -> None:
    """Everything that a target has: name, type, labels, annotations, owner, data."""
    resource = make_resource(renew_request="now", target={"labels": {"team": "a"}, "annotations": {"x.com/y": "z"}})
    issue = make_issue(resource)
    body = create_body(resource, issue)
    assert texts(body.pop("data")) == {
        "token": "token-1",
        "expires-at": "2026-11-23T14:45:00.000Z",
        "token-type": "Bearer",
    }
    assert body == {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": "graph-token",
            "namespace": "reports",
            "labels": {"team": "a", **OUR_LABELS},
            "annotations": {
                "x.com/y": "z",
                ISSUED_AT_NAME: "2026-11-23T13:45:00.000Z",
                EXPIRES_AT: "2026-11-23T14:45:00.000Z",
                ACQUIRED_FOR: str(issue.acquired_for),
                RENEWED_FOR: "now",
            },
            "ownerReferences": [
                {
                    "apiVersion": "tokensync.dev/v1alpha1",
                    "kind": "ClientCredentialToken",
                    "name": "graph",
                    "uid": UID,
                    "controller": True,
                }
            ],
        },
    }


def test_retained_secret_has_no_owner_and_consents_to_the_next_resource_of_that_name() -> None:
    """It outlives the resource, and a recreated one can have it again."""
    metadata = create_body(RETAINING, make_issue(RETAINING))["metadata"]
    assert "ownerReferences" not in metadata
    assert metadata["annotations"][ADOPTABLE_BY] == "graph"


def test_labels_of_the_user_do_not_replace_ours() -> None:
    """The schema refuses them; were it to let one through, ownership would hang on it."""
    resource = make_resource(target={"labels": {OWNER_UID_LABEL: "x", MANAGED_BY_LABEL: "helm"}})
    assert create_body(resource, make_issue(resource))["metadata"]["labels"] == OUR_LABELS


def test_renewal_writes_data_and_marks_and_nothing_that_is_in_order() -> None:
    """The patch is bound to the Secret that it was made for, and sends the type along."""
    secret = make_secret()
    patch = renew_patch(PLAIN, secret.seen(), make_issue(PLAIN, NEXT), adopting=False)
    assert (patch["metadata"]["uid"], patch["metadata"]["resourceVersion"]) == (SECRET_UID, "1")
    assert patch["type"] == "Opaque"
    assert "ownerReferences" not in patch["metadata"]
    assert None not in [*patch["data"].values(), *patch["metadata"]["annotations"].values()]
    assert texts(patch["data"])["token"] == "token-2"
    assert patch["metadata"]["annotations"][ISSUED_AT_NAME] == "2026-11-23T14:15:00.000Z"


def test_patch_touches_no_other_version_of_the_secret() -> None:
    """The simulated API server refuses it, as the real one does."""
    secret = make_secret()
    patch = renew_patch(PLAIN, secret.seen(), make_issue(PLAIN, NEXT), adopting=False)
    secret.edit("labels", "team", "a", at=SOON_AFTER)
    with pytest.raises(ConflictError):
        secret.patch(patch, at=RENEWED_AT)


def test_renewal_drops_what_we_wrote_and_the_spec_no_longer_has() -> None:
    """Keys, labels and annotations."""
    before = make_resource(target={"labels": {"team": "a"}, "annotations": {"x.com/y": "z"}})
    after = make_resource(target={"data": {"access-token": "AccessToken"}})
    secret = renewed(after, make_secret(before))
    assert texts(secret.data) == {"access-token": "token-2"}
    assert secret.labels == OUR_LABELS
    assert set(secret.annotations) == {ISSUED_AT_NAME, EXPIRES_AT, ACQUIRED_FOR}


def test_renewal_leaves_what_others_put_beside_it() -> None:
    """Their keys, labels, annotations and owner references stay."""
    secret = make_secret()
    secret.edit("data", "password", "aHVudGVyMg==", at=SOON_AFTER)
    secret.edit("labels", "team", "a", at=SOON_AFTER)
    secret.edit("annotations", "example.com/note", "b", at=SOON_AFTER)
    renewed(PLAIN, secret)
    assert texts(secret.data)["password"] == "hunter2"
    assert secret.labels["team"] == "a"
    assert secret.annotations["example.com/note"] == "b"


def test_renewal_without_a_request_keeps_the_echo_of_the_last() -> None:
    """The request that was answered stays answered."""
    secret = renewed(PLAIN, make_secret(make_resource(renew_request="now")))
    assert secret.annotations[RENEWED_FOR] == "now"


def test_adopted_secret_is_marked_and_never_owned() -> None:
    """Nothing of somebody else's is ever garbage-collected."""
    secret = renewed(ADOPTING, foreign(), adopting=True)
    assert secret.owners == []
    assert secret.annotations[ADOPTED] == "true"
    assert secret.annotations[ADOPTABLE_BY] == "graph"
    assert secret.labels == {"team": "a", **OUR_LABELS}
    assert texts(secret.data)["password"] == "hunter2"
    assert is_adopted(secret.seen())


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_adopted_secret_stays_so_whatever_the_policy(policy: str) -> None:
    """No later write claims it."""
    secret = renewed(ADOPTING, foreign(), adopting=True)
    resource = make_resource(target={"deletionPolicy": policy})
    assert relabel_patch(resource, secret.seen()) is None
    assert renewed(resource, secret).owners == []


def test_owner_references_of_others_stay() -> None:
    """A merge patch replaces the whole list: theirs are sent along."""
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}
    secret = make_secret(RETAINING)
    secret.set_owners([theirs], at=SOON_AFTER)
    assert relabelled(PLAIN, secret).owners == [theirs, make_owner()]
    assert relabelled(RETAINING, secret).owners == [theirs]


LABELLED = make_resource(target={"labels": {"team": "a"}})
ANNOTATED = make_resource(target={"annotations": {"x.com/y": "z"}})
CHANGES: dict[str, tuple[ClientCredentialToken, ClientCredentialToken]] = {
    "a label was added to the spec": (PLAIN, LABELLED),
    "a label was removed from the spec": (LABELLED, PLAIN),
    "a label has another value": (LABELLED, make_resource(target={"labels": {"team": "b"}})),
    "an annotation was added to the spec": (PLAIN, ANNOTATED),
    "an annotation was removed from the spec": (ANNOTATED, PLAIN),
    "the policy became Retain": (PLAIN, RETAINING),
    "the policy became Delete": (RETAINING, PLAIN),
}


@pytest.mark.parametrize("sentence", CHANGES)
def test_secret_is_brought_in_order_without_a_token(sentence: str) -> None:
    """One patch does it, and it leaves data, type and marks alone."""
    before, resource = CHANGES[sentence]
    secret = make_secret(before)
    patch = relabel_patch(resource, secret.seen())
    assert patch is not None
    assert set(patch) == {"metadata"}
    assert not {ISSUED_AT_NAME, EXPIRES_AT, ACQUIRED_FOR, RENEWED_FOR} & set(patch["metadata"]["annotations"])
    relabelled(resource, secret)
    assert {**secret.labels, **resource.spec.target.labels, **OUR_LABELS} == secret.labels
    fresh = create_body(resource, make_issue(resource))["metadata"]
    assert (secret.labels, secret.annotations) == (fresh["labels"], fresh["annotations"])
    assert secret.owners == fresh.get("ownerReferences", [])


SOMEBODY_ELSES_WORK: dict[str, tuple[str, str, str | None]] = {
    "our label is removed": ("labels", MANAGED_BY_LABEL, None),
    "our label is changed": ("labels", MANAGED_BY_LABEL, "helm"),
    "the owner's label is removed": ("labels", OWNER_UID_LABEL, None),
    "consent is written on a Secret that we own": ("annotations", ADOPTABLE_BY, "somebody"),
}


@pytest.mark.parametrize("sentence", SOMEBODY_ELSES_WORK)
def test_what_somebody_changed_is_put_back(sentence: str) -> None:
    """Without a token."""
    branch, name, value = SOMEBODY_ELSES_WORK[sentence]
    secret = make_secret()
    secret.edit(branch, name, value, at=SOON_AFTER)
    relabelled(PLAIN, secret)
    fresh = make_secret()
    assert (secret.labels, secret.annotations, secret.owners) == (fresh.labels, fresh.annotations, fresh.owners)


@pytest.mark.parametrize("left", [[], [make_owner(controller=False)]], ids=["removed", "no longer in control"])
def test_owner_reference_is_put_back(left: list[dict[str, Any]]) -> None:
    """One that does not control the Secret any more is replaced, not doubled."""
    secret = make_secret()
    secret.set_owners(left, at=SOON_AFTER)
    assert relabelled(PLAIN, secret).owners == [make_owner()]


@pytest.mark.parametrize("resource", [PLAIN, RETAINING], ids=["Delete", "Retain"])
def test_secret_that_was_just_made_is_in_order(resource: ClientCredentialToken) -> None:
    """Nothing is written twice."""
    assert relabel_patch(resource, make_secret(resource).seen()) is None


def test_labels_of_others_are_in_order() -> None:
    """Whatever they are."""
    secret = make_secret()
    secret.edit("labels", "team", "a", at=SOON_AFTER)
    secret.edit("annotations", "example.com/note", "b", at=SOON_AFTER)
    assert relabel_patch(PLAIN, secret.seen()) is None
