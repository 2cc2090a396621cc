"""What is kept of a Secret's metadata, and who is told to have written what."""

from typing import Any

import pytest

from support.builders import UID, make_metadata, make_owner, make_secret
from tokensync.resource.names import ADOPTABLE_BY, FIELD_MANAGER, OWNER_UID_LABEL
from tokensync.resource.spec import Key
from tokensync.target.metadata import FieldOwnership, SecretMetadata

EARLIER, THEN, LATER = "2026-11-23T13:44:59Z", "2026-11-23T13:45:00Z", "2026-11-23T13:45:01Z"
FOREIGN_OWNER = make_owner("another", kind="Deployment")


def parse(managed: list[dict[str, Any]] | None = None, **metadata: Any) -> SecretMetadata:
    """A Secret's metadata."""
    identity = {"namespace": "reports", "name": "graph-token", "uid": "s1", "resourceVersion": "7"}
    return SecretMetadata.parse({"metadata": {**identity, "managedFields": managed, **metadata}})


def entry(
    manager: str, time: str | None, *, data: str = "", annotations: str = "", operation: str = "Update"
) -> dict[str, Any]:
    """One entry of `managedFields`; keys and annotations are separated by blanks."""
    fields: dict[str, Any] = {"f:type": {}}
    fields |= {"f:data": {".": {}, **{f"f:{key}": {} for key in data.split()}}} if data else {}
    if annotations:
        fields["f:metadata"] = {"f:annotations": {".": {}, **{f"f:{name}": {} for name in annotations.split()}}}
    found = {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {**found, "time": time} if time else found


def ours(time: str = THEN, **fields: str) -> dict[str, Any]:
    """Our own entry."""
    return entry(FIELD_MANAGER, time, **fields)


def test_identity_is_read() -> None:
    """Name, uid and resourceVersion are what every write needs."""
    secret = parse()
    assert (secret.key, secret.uid, secret.resource_version) == (Key("reports", "graph-token"), "s1", "7")


@pytest.mark.parametrize(
    ("owners", "controller_uid", "controlled_by_token"),
    [
        pytest.param(None, "", False, id="no owner"),
        pytest.param([make_owner()], UID, True, id="a resource"),
        pytest.param([make_owner(controller=False)], "", False, id="a resource that does not control it"),
        pytest.param([FOREIGN_OWNER], "another", False, id="something else"),
        pytest.param([make_owner(controller=False), FOREIGN_OWNER], "another", False, id="the one that controls it"),
        pytest.param([{**make_owner(), "apiVersion": "example.com/v1"}], UID, False, id="a namesake of another group"),
    ],
)
def test_controller_is_told(
    owners: list[dict[str, Any]] | None, controller_uid: str, controlled_by_token: bool
) -> None:
    """Only the reference with `controller: true` counts."""
    secret = parse(ownerReferences=owners)
    assert (secret.controller_uid, secret.controlled_by_token) == (controller_uid, controlled_by_token)


def test_secret_that_is_none_of_our_business_costs_nothing_but_its_identity() -> None:
    """A cluster holds many, with labels and annotations of any size."""
    secret = make_metadata(labels={"team": "a"}, annotations={"example.com/note": "x" * 1000}, owners=(FOREIGN_OWNER,))
    assert (dict(secret.labels), dict(secret.annotations), secret.owners, secret.fields) == ({}, {}, (), None)
    assert secret.controller_uid == "another"


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"labels": {OWNER_UID_LABEL: UID, "team": "a"}}, id="a label of ours"),
        pytest.param({"annotations": {ADOPTABLE_BY: "graph"}, "labels": {"team": "a"}}, id="its owner's consent"),
        pytest.param({"ownerReferences": [make_owner()], "labels": {"team": "a"}}, id="a resource controls it"),
        pytest.param({"managed": [ours(data="token")], "labels": {"team": "a"}}, id="we once wrote it"),
    ],
)
def test_secret_that_mentions_us_is_kept_whole(metadata: dict[str, Any]) -> None:
    """Whatever mentions us may be, or become, a target."""
    assert parse(**metadata).labels["team"] == "a"


@pytest.mark.parametrize("nothing", [None, {}])
def test_metadata_without_maps_is_read(nothing: Any) -> None:
    """The API server leaves out what is empty."""
    secret = parse(labels=nothing, annotations=nothing, ownerReferences=None, managed=[ours(data="token")])
    assert (dict(secret.labels), dict(secret.annotations), secret.owners) == ({}, {}, ())


FIELDS: dict[str, tuple[list[dict[str, Any]], frozenset[str], frozenset[str]]] = {
    "what we wrote is ours": (
        [ours(data="token", annotations="a/b")],
        frozenset({"data/token", "annotations/a/b"}),
        frozenset(),
    ),
    "what we share is ours": (
        [ours(data="token"), entry("flux", LATER, data="token", operation="Apply")],
        frozenset({"data/token"}),
        frozenset(),
    ),
    "what an application of our own name holds is not ours": (
        [ours(data="token"), entry(FIELD_MANAGER, LATER, data="type", operation="Apply")],
        frozenset({"data/token"}),
        frozenset(),
    ),
    "what somebody has held since before our write had our value": (
        [entry("kubectl-create", EARLIER, data="token type"), ours(data="token")],
        frozenset({"data/token"}),
        frozenset({"data/type"}),
    ),
    "what somebody took at the second of our write may be changed": (
        [entry("kubectl-edit", THEN, data="type"), ours(data="token")],
        frozenset({"data/token"}),
        frozenset(),
    ),
    "what somebody took after our write was changed": (
        [ours(data="token"), entry("kubectl-edit", LATER, data="type")],
        frozenset({"data/token"}),
        frozenset(),
    ),
    "whoever applied our value later took nothing from the one who has it since before": (
        [
            entry("kubectl-create", EARLIER, data="type"),
            ours(data="token"),
            entry("flux", LATER, data="type", operation="Apply"),
        ],
        frozenset({"data/token"}),
        frozenset({"data/type"}),
    ),
    "an application without a time is older than our write": (
        [entry("flux", None, data="type", operation="Apply"), ours(data="token")],
        frozenset({"data/token"}),
        frozenset({"data/type"}),
    ),
    "without an entry of ours nothing is older": (
        [entry("before-first-apply", EARLIER, data="token type")],
        frozenset(),
        frozenset(),
    ),
}


@pytest.mark.parametrize("sentence", FIELDS)
def test_field_ownership(sentence: str) -> None:
    """Who changes a value takes the field from everybody else: so an older holder vouches for it."""
    managed, held, older = FIELDS[sentence]
    fields = parse(managed, ownerReferences=[make_owner()]).fields
    assert fields == FieldOwnership(held, older)
    assert {name for name in ("data/token", "data/type") if fields.shows_edit_of(name)} == (
        {"data/token", "data/type"} - held - older
    )


@pytest.mark.parametrize("managed", [None, [], [{}]])
def test_stripped_record_tells_nothing(managed: list[dict[str, Any]] | None) -> None:
    """No record is not the same as a record without us."""
    assert parse(managed, ownerReferences=[make_owner()]).fields is None


def test_entries_of_other_forms_are_passed_over() -> None:
    """The API server alone writes them, and may write more of them one day."""
    odd: list[dict[str, Any]] = [
        {"manager": "x"},
        {"manager": "y", "operation": "Update", "fieldsV1": {"f:data": None, "f:metadata": None}},
    ]
    assert parse([*odd, ours(data="token")]).fields == FieldOwnership(frozenset({"data/token"}), frozenset())


def test_secret_of_ours_reads_as_it_was_written() -> None:
    """Everything that we write is ours afterwards."""
    secret = make_secret().seen()
    assert secret.controlled_by_token
    assert secret.fields is not None
    assert secret.fields.ours >= {f"data/{key}" for key in ("token", "expires-at", "token-type")}
    assert secret.fields.ours >= {f"annotations/{name}" for name in secret.annotations}
    assert secret.fields.ours >= {f"labels/{name}" for name in secret.labels}
