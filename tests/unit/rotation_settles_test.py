"""What was decided and written is what was wanted: the next decision is to keep it, whoever touches the Secret."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.builders import (
    ISSUED_AT,
    SECRET_UID,
    look_at,
    make_credential,
    make_issue,
    make_owner,
    make_resource,
    make_secret,
    make_token,
)
from support.simulated_secret import SimulatedSecret
from support.token_source import SHA256
from tokensync.resource.names import (
    ACQUIRED_FOR,
    ADOPTABLE_BY,
    ADOPTED,
    EXPIRES_AT,
    MANAGED_BY_LABEL,
    OWNER_UID_LABEL,
    RENEWED_FOR,
)
from tokensync.resource.names import (
    ISSUED_AT as ISSUED_AT_NAME,
)
from tokensync.resource.spec import ClientCredentialToken
from tokensync.resource.target import DeletionPolicy, ValueName
from tokensync.rotation.decide import Acquire, Keep, Relabel, decide
from tokensync.target.content import render
from tokensync.target.ownership import Ownership
from tokensync.target.writes import create_body, relabel_patch, renew_patch
from tokensync.token import AccessToken

DAY = timedelta(days=1)
LATER = timedelta(seconds=2)
"""The record of field ownership has whole seconds: so much lies between two writes, unless a test says otherwise."""
BEARER = base64.b64encode(b"Bearer").decode()

DATA_KEYS = ("token", "expires-at", "token-type", "a", "b")
VALUES = st.sampled_from(["", "a", "b"])
LABELS = st.dictionaries(st.sampled_from(["team", "app"]), VALUES)
ANNOTATIONS = st.dictionaries(st.sampled_from(["example.com/a", "example.com/b"]), VALUES)
SHAPES = st.none() | st.dictionaries(st.sampled_from(DATA_KEYS), st.sampled_from(ValueName), min_size=1)
TARGETS = st.fixed_dictionaries(
    {
        "data": SHAPES,
        "labels": LABELS,
        "annotations": ANNOTATIONS,
        "adopt": st.booleans(),
        "deletionPolicy": st.sampled_from(DeletionPolicy),
    }
)
FOREIGN_DATA = st.dictionaries(st.sampled_from([*DATA_KEYS, "password"]), st.sampled_from([BEARER, "eA==", ""]))


@dataclass
class World:
    """A resource and the Secret of its target's name; `settle` does what is decided until nothing is."""

    resource: ClientCredentialToken
    secret: SimulatedSecret | None = None
    now: datetime = ISSUED_AT
    token: AccessToken | None = None
    bought: int = 0
    thumbprint: str = SHA256
    written_version: str = ""

    def settle(self) -> "World":
        """Do what is decided; one decision for a token and one for order are enough for anything."""
        done = list[type]()
        while True:
            self.now += LATER
            seen = look_at(
                self.resource,
                self.secret,
                now=self.now,
                written_version=self.written_version,
                credential=make_credential(thumbprint_sha256=self.thumbprint),
            )
            decision = decide(seen)
            if decision == Keep():
                return self
            assert type(decision) not in done, f"{decision} after {done}"
            done.append(type(decision))
            if isinstance(decision, Acquire):
                self._renew(adopting=seen.whose is Ownership.ADOPTABLE)
            else:
                assert isinstance(decision, Relabel)
                self._relabel()

    def want(self, **target: Any) -> "World":
        """Let the user change the target in the spec."""
        generation = self.resource.metadata.generation + 1
        self.resource = make_resource(generation=generation, target=target)
        return self

    def restart(self) -> None:
        """Let the operator start anew, with a status that tells of no write."""
        self.written_version = ""

    def _renew(self, *, adopting: bool) -> None:
        self.bought += 1
        self.token = make_token(f"token-{self.bought}", issued_at=self.now, lifetime=DAY)
        issue = make_issue(self.resource, self.token, thumbprint=self.thumbprint)
        if self.secret is None:
            self.secret = SimulatedSecret.created(create_body(self.resource, issue), at=self.now, uid=SECRET_UID)
        else:
            self.secret.patch(renew_patch(self.resource, self.secret.seen(), issue, adopting=adopting), at=self.now)
        self.written_version = str(self.secret.version)

    def _relabel(self) -> None:
        assert self.secret is not None
        patch = relabel_patch(self.resource, self.secret.seen())
        assert patch is not None
        self.secret.patch(patch, at=self.now)
        self.written_version = str(self.secret.version)

    def assert_in_order(self) -> None:
        """The Secret holds what the spec asks for."""
        assert self.secret is not None
        assert self.token is not None
        wanted = create_body(self.resource, make_issue(self.resource, self.token, thumbprint=self.thumbprint))
        adopted = ADOPTED in self.secret.annotations
        assert self.secret.data.items() >= wanted["data"].items()
        assert self.secret.labels.items() >= wanted["metadata"]["labels"].items()
        for name, value in wanted["metadata"]["annotations"].items():
            assert self.secret.annotations[name] == value or adopted
        ours = [] if adopted else wanted["metadata"].get("ownerReferences", [])
        assert [owner for owner in self.secret.owners if owner["uid"] == self.resource.metadata.uid] == ours


Event = Callable[[World], None]


def on_secret(change: Callable[..., None], *args: Any, **kwargs: Any) -> Event:
    """Somebody changes the Secret."""

    def happen(world: World) -> None:
        assert world.secret is not None
        change(world.secret, *args, at=world.now, **kwargs)

    return happen


def edits(branch: str, names: list[str], values: st.SearchStrategy[str | None]) -> st.SearchStrategy[Event]:
    """Somebody sets or removes one of these."""
    return st.builds(
        lambda name, value: on_secret(SimulatedSecret.edit, branch, name, value), st.sampled_from(names), values
    )


def apply_same_values(manager: str) -> Event:
    """Somebody applies by force what is there."""

    def happen(world: World) -> None:
        assert world.secret is not None
        world.secret.apply_same_values(at=world.now, manager=manager)

    return happen


def touch(world: World) -> None:
    """Somebody replaces all Secrets as they are."""
    assert world.secret is not None
    world.secret.replace_unchanged()


def strip(world: World) -> None:
    """Somebody strips the record of field ownership."""
    assert world.secret is not None
    world.secret.strip()


def want_same_shape(target: dict[str, Any]) -> Event:
    """The user changes anything of the target but its data."""

    def happen(world: World) -> None:
        world.want(**{**target, "data": world.resource.spec.target.data})

    return happen


SOME = st.sampled_from(["a", "b", "eA=="])
OTHERS_BUSINESS = st.one_of(
    edits("labels", ["team", "app", "other"], st.none() | VALUES),
    edits("labels", [MANAGED_BY_LABEL, OWNER_UID_LABEL], st.none()),
    edits("annotations", ["example.com/a", "example.com/b", "other", RENEWED_FOR], st.none() | VALUES),
    edits("data", ["password", "user"], st.none() | SOME),
    st.just(touch),
    st.just(World.restart),
)
NEW_WISHES = st.builds(want_same_shape, TARGETS)


@given(TARGETS)
def test_what_was_created_is_kept(target: dict[str, Any]) -> None:
    """One token, one write, and nothing more; also for an operator that starts anew."""
    world = World(make_resource(target=target)).settle()
    version = world.secret.version if world.secret else 0
    world.restart()
    world.settle().assert_in_order()
    assert (world.bought, version) == (1, 1)
    assert world.secret is not None
    assert world.secret.version == 1


@given(
    TARGETS, st.lists(OTHERS_BUSINESS | NEW_WISHES | st.sampled_from([apply_same_values("x"), apply_same_values("y")]))
)
def test_no_business_of_others_and_no_wish_but_for_another_token_costs_one(
    target: dict[str, Any], events: list[Event]
) -> None:
    """Labels, annotations, other keys, equal values, restarts, policies: the token that was bought will do."""
    world = World(make_resource(target=target)).settle()
    for event in events:
        event(world)
        world.settle().assert_in_order()
    assert world.bought == 1


@given(TARGETS, st.lists(OTHERS_BUSINESS | NEW_WISHES | st.just(strip)))
def test_without_a_record_of_field_ownership_nothing_is_renewed_either(
    target: dict[str, Any], events: list[Event]
) -> None:
    """Where nothing can be told, nothing is inferred."""
    world = World(make_resource(target=target)).settle()
    strip(world)
    for event in events:
        event(world)
        world.settle().assert_in_order()
    assert world.bought == 1


@given(TARGETS, TARGETS)
def test_changed_shape_costs_one_token_and_leaves_no_former_key(before: dict[str, Any], after: dict[str, Any]) -> None:
    """The token is nowhere else; what the shape does not have any more goes."""
    world = World(make_resource(target=before)).settle().want(**after).settle()
    world.assert_in_order()
    assert world.secret is not None
    assert set(world.secret.data) == set(world.resource.spec.target.shape)
    assert world.bought == (1 if (before["data"] or None) == (after["data"] or None) else 2)


@given(TARGETS, FOREIGN_DATA, LABELS, ANNOTATIONS, st.lists(OTHERS_BUSINESS))
def test_adoption_costs_one_token_whatever_was_there(
    target: dict[str, Any],
    data: dict[str, str],
    labels: dict[str, str],
    annotations: dict[str, str],
    events: list[Event],
) -> None:
    """Fields that had our value already stay their owner's for ever: that is no edit."""
    consent = {**annotations, ADOPTABLE_BY: "graph"}
    metadata = {"namespace": "reports", "name": "graph-token", "labels": labels, "annotations": consent}
    secret = SimulatedSecret.created(
        {"metadata": metadata, "data": data}, at=ISSUED_AT - DAY, manager="kubectl-create", uid=SECRET_UID
    )
    world = World(make_resource(target={**target, "adopt": True}), secret).settle()
    assert set(secret.data) >= set(data)
    for event in events:
        event(world)
        world.settle().assert_in_order()
    assert world.bought == 1
    assert secret.annotations[ADOPTED] == "true"
    assert not secret.owners


EDITS: dict[str, Event] = {
    **{f"data key {key} is replaced": on_secret(SimulatedSecret.edit, "data", key, "eA==") for key in DATA_KEYS[:3]},
    **{f"data key {key} is removed": on_secret(SimulatedSecret.edit, "data", key, None) for key in DATA_KEYS[:3]},
    **{
        f"annotation {name} is {'removed' if value is None else 'replaced'}": on_secret(
            SimulatedSecret.edit, "annotations", name, value
        )
        for name in (ISSUED_AT_NAME, EXPIRES_AT, ACQUIRED_FOR)
        for value in ("2030-01-01T00:00:00.000Z", None)
    },
}


@pytest.mark.parametrize("sentence", EDITS)
def test_edit_costs_one_token(sentence: str) -> None:
    """It is repaired, and kept from then on."""
    world = World(make_resource()).settle()
    EDITS[sentence](world)
    world.settle().assert_in_order()
    world.restart()
    world.settle().assert_in_order()
    assert world.bought == 2


def test_deleted_secret_costs_one_token() -> None:
    """It is made again."""
    world = World(make_resource()).settle()
    world.secret = None
    world.settle().assert_in_order()
    assert world.bought == 2


def test_replaced_certificate_costs_one_token() -> None:
    """The stored token says which certificate it was asked for with."""
    world = World(make_resource()).settle()
    world.thumbprint = "CC" * 32
    world.settle().assert_in_order()
    world.restart()
    assert world.settle().bought == 2


@pytest.mark.parametrize("generations", [1, 5])
def test_recreated_resource_takes_over_what_the_former_retained(generations: int) -> None:
    """Its uid is another, its name the same, and it wants to adopt."""
    world = World(make_resource(target={"deletionPolicy": "Retain"})).settle()
    for number in range(generations):
        world.resource = make_resource(uid=f"uid-{number}", target={"adopt": True})
        world.restart()
        world.settle().assert_in_order()
    assert world.bought == 1 + generations
    assert world.secret is not None
    assert world.secret.owners == []


def test_first_application_after_the_record_was_stripped_costs_one_token_at_most() -> None:
    """It takes all our fields from us; from our next write on it is known what is ours."""
    world = World(make_resource()).settle()
    strip(world)
    apply_same_values("flux")(world)
    for _ in range(5):
        touch(world)
        world.settle().assert_in_order()
        apply_same_values("flux")(world)
    assert world.bought == 2


def test_adoption_at_the_second_of_the_creation_costs_two_tokens_at_most() -> None:
    """In that second nobody can tell an older value from an edit; with the second write it is settled."""
    body = {
        "metadata": {"namespace": "reports", "name": "graph-token", "annotations": {ADOPTABLE_BY: "graph"}},
        "data": {"token-type": BEARER},
    }
    secret = SimulatedSecret.created(body, at=ISSUED_AT + LATER, manager="kubectl-create", uid=SECRET_UID)
    world = World(make_resource(target={"adopt": True}), secret).settle()
    for _ in range(5):
        touch(world)
        world.settle().assert_in_order()
    assert world.bought == 2


def test_co_owner_who_writes_on_costs_no_loop() -> None:
    """Who holds a key since before the adoption, and writes again, may have changed it: one token for each write."""
    body = {
        "metadata": {"namespace": "reports", "name": "graph-token", "annotations": {ADOPTABLE_BY: "graph"}},
        "data": {"token-type": BEARER},
    }
    secret = SimulatedSecret.created(body, at=ISSUED_AT - DAY, manager="owner", uid=SECRET_UID)
    world = World(make_resource(target={"adopt": True}), secret).settle()
    for number in range(3):
        secret.edit("labels", "team", str(number), at=world.now, manager="owner")
        world.settle().assert_in_order()
        touch(world)
        world.settle()
    assert world.bought == 4


def test_secret_of_the_builders_is_what_an_application_leaves() -> None:
    """The other tests start from the same state."""
    world = World(make_resource()).settle()
    assert world.secret is not None
    secret = make_secret()
    assert secret.seen().fields == world.secret.seen().fields
    assert secret.owners == world.secret.owners == [make_owner()]
    assert base64.b64decode(secret.data["token"]).decode() == render(make_resource().spec.target, make_token())["token"]
