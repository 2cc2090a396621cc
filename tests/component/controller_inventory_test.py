"""What is known of the cluster: older news never undoes newer, and nothing stays that is gone."""

from dataclasses import replace
from typing import Any

import pytest

from support.simulators.clock import START
from support.simulators.world import CERTIFICATE, GRAPH, NAMESPACE, TOKEN
from tokensync.clock import rfc3339
from tokensync.controller.inventory import Inventory, Record
from tokensync.resource.names import API_VERSION, KIND
from tokensync.resource.spec import Key
from tokensync.target.metadata import SecretMetadata


def record(version: int, *, uid: str = "uid-1", target: str = TOKEN.name, **more: Any) -> Record:
    return Record.of(
        {
            "metadata": {
                "name": GRAPH.name,
                "namespace": NAMESPACE,
                "uid": uid,
                "resourceVersion": str(version),
                "generation": 1,
                "creationTimestamp": rfc3339(START),
                "managedFields": [{"manager": "kubectl"}],
                **more,
            },
            "spec": {
                "target": {"name": target},
                "credential": {"certificate": {"secretRef": {"name": CERTIFICATE.name}}},
            },
        }
    )


def secret(version: int, *, key: Key = TOKEN, owner: str = "") -> SecretMetadata:
    owners = [{"apiVersion": API_VERSION, "kind": KIND, "uid": owner, "controller": True}] if owner else []
    return SecretMetadata.parse(
        {
            "metadata": {
                "name": key.name,
                "namespace": key.namespace,
                "uid": f"uid-of-{key.name}",
                "resourceVersion": str(version),
                "ownerReferences": owners,
            }
        }
    )


@pytest.fixture
def inventory() -> Inventory:
    return Inventory()


def test_an_older_secret_changes_nothing(inventory: Inventory) -> None:
    """Versions are numbers: 9 is older than 10, and equal is no news."""
    assert inventory.put_secret(secret(10))
    assert not inventory.put_secret(secret(9))
    assert not inventory.put_secret(secret(10))
    assert inventory.put_secret(secret(11))
    known = inventory.secret(TOKEN)
    assert known
    assert known.resource_version == "11"


def test_an_older_resource_changes_nothing(inventory: Inventory) -> None:
    """The same for resources, of one uid or of another."""
    assert inventory.put_resource(record(10))
    assert not inventory.put_resource(record(9, target="other"))
    assert not inventory.put_resource(record(8, uid="uid-0"))
    assert inventory.put_resource(record(12, uid="uid-2"))
    assert inventory.is_live("uid-2")
    assert not inventory.is_live("uid-1")


def test_a_late_answer_does_not_bring_a_secret_back(inventory: Inventory) -> None:
    """A Secret that was deleted at version 12 is not there because of an answer or a list of version 11."""
    inventory.put_resource(record(1))
    inventory.put_secret(secret(10))
    inventory.remove_secret(secret(12))

    assert not inventory.put_secret(secret(11))
    assert inventory.secret(TOKEN) is None
    assert inventory.put_secret(secret(13))


def test_a_secret_that_was_never_seen_can_be_gone(inventory: Inventory) -> None:
    """The deletion may be seen before the answer to the write that created it."""
    inventory.put_resource(record(1))
    inventory.remove_secret(secret(12))

    assert not inventory.put_secret(secret(11))
    assert inventory.secret(TOKEN) is None


def test_an_older_deletion_changes_nothing(inventory: Inventory) -> None:
    """A Secret that was created anew is not removed by the end of its predecessor."""
    inventory.put_secret(secret(20))
    inventory.remove_secret(secret(12))

    assert inventory.secret(TOKEN) is not None


def test_nothing_is_remembered_of_secrets_that_nobody_names(inventory: Inventory) -> None:
    """Other people's Secrets come and go without a trace."""
    for number in range(100):
        key = Key(NAMESPACE, f"other-{number}")
        inventory.put_secret(secret(number + 1, key=key))
        inventory.remove_secret(secret(number + 1000, key=key))

    assert not inventory._gone
    assert not list(inventory._secrets)
    assert not inventory._owned


def test_nothing_is_remembered_of_a_resource_that_is_gone(inventory: Inventory) -> None:
    """With its last user a Secret's end is forgotten too."""
    inventory.put_resource(record(1))
    inventory.remove_secret(secret(12))
    inventory.learn_secret(secret(13, key=CERTIFICATE))
    inventory.remove_resource(GRAPH, "uid-1")
    inventory.remove_secret(secret(14, key=CERTIFICATE))

    assert not inventory._gone
    assert not inventory._users
    assert not inventory._uids
    assert not inventory._untold


def test_a_read_secret_is_news_once(inventory: Inventory) -> None:
    """The event of what one resource has read already is news to the others, and only that once."""
    inventory.put_secret(secret(10))
    inventory.learn_secret(secret(12))

    assert not inventory.put_secret(secret(11))
    assert inventory.put_secret(secret(12))
    assert not inventory.put_secret(secret(12))


def test_what_was_no_news_to_the_reader_is_none_to_the_others(inventory: Inventory) -> None:
    """Reading a version that the watch has shown makes no news of it."""
    inventory.put_secret(secret(10))
    inventory.learn_secret(secret(10))

    assert not inventory.put_secret(secret(10))


def test_an_answer_does_not_bring_a_resource_back(inventory: Inventory) -> None:
    """Only the watch and the lists add resources; an answer makes a known one newer."""
    inventory.learn_resource(record(10))
    assert inventory.resource(GRAPH) is None
    inventory.put_resource(record(11))
    inventory.learn_resource(record(12))

    known = inventory.resource(GRAPH)
    assert known
    assert known.resource_version == "12"


def test_another_resource_of_the_name_stays(inventory: Inventory) -> None:
    """The end of a predecessor does not remove its successor."""
    inventory.put_resource(record(10, uid="uid-2"))
    inventory.remove_resource(GRAPH, "uid-1")

    assert inventory.resource(GRAPH) is not None


def test_users_follow_the_spec(inventory: Inventory) -> None:
    """Who names a Secret, as target or credential, is known, and no longer than that."""
    inventory.put_resource(record(1))
    assert inventory.users_of(TOKEN) == inventory.users_of(CERTIFICATE) == {GRAPH}
    inventory.put_resource(record(2, target="second"))

    assert inventory.users_of(TOKEN) == frozenset()
    assert inventory.users_of(Key(NAMESPACE, "second")) == {GRAPH}
    inventory.remove_resource(GRAPH, "uid-1")
    assert inventory.users_of(CERTIFICATE) == frozenset()


def test_owned_secrets_follow_the_owner_reference(inventory: Inventory) -> None:
    """Which Secrets a resource controls is known, and no longer than that."""
    first, second = Key(NAMESPACE, "first"), Key(NAMESPACE, "second")
    inventory.put_secret(secret(1, key=second, owner="uid-1"))
    inventory.put_secret(secret(2, key=first, owner="uid-1"))
    assert [owned.key for owned in inventory.owned_by("uid-1")] == [first, second]
    inventory.put_secret(secret(3, key=first))
    inventory.remove_secret(secret(4, key=second))

    assert inventory.owned_by("uid-1") == []


def test_a_foreign_controller_is_no_owner_of_ours(inventory: Inventory) -> None:
    """Only Secrets that a ClientCredentialToken controls can be leftovers of one."""
    inventory.put_secret(replace(secret(1, owner="uid-1"), controlled_by_token=False))

    assert inventory.owned_by("uid-1") == []


def test_a_page_of_a_list_brings_nothing_back(inventory: Inventory) -> None:
    """What ended while a list is taken in stays gone, whoever names it; what is created anew is another."""
    with inventory.listing():
        inventory.put_resource(record(10))
        inventory.remove_resource(GRAPH, "uid-1")
        inventory.remove_secret(secret(12))

        assert not inventory.put_resource(record(10))
        assert not inventory.put_secret(secret(11))
        assert inventory.put_resource(record(13, uid="uid-2"))
    assert inventory.put_secret(secret(20))


def test_what_a_complete_list_lacks_is_gone(inventory: Inventory) -> None:
    """Of the listed namespace, and unless it is newer than the list."""
    other, new = Key("other", "token"), Key(NAMESPACE, "new")
    for number, key in enumerate((TOKEN, CERTIFICATE, other)):
        inventory.put_secret(secret(number + 1, key=key))
    inventory.put_secret(secret(60, key=new))

    unseen = inventory.secrets_unseen_in({CERTIFICATE}, "50", NAMESPACE)
    assert [gone.key for gone in unseen] == [TOKEN]
    unseen = inventory.secrets_unseen_in({CERTIFICATE}, "50", None)
    assert [gone.key for gone in unseen] == [TOKEN, other]


def test_what_a_complete_list_of_resources_lacks_is_gone(inventory: Inventory) -> None:
    """The same for resources."""
    inventory.put_resource(record(10))

    assert inventory.resources_unseen_in({GRAPH}, "50", None) == []
    assert inventory.resources_unseen_in(set(), "9", None) == []
    assert inventory.resources_unseen_in(set(), "50", "other") == []
    assert [gone.key for gone in inventory.resources_unseen_in(set(), "50", NAMESPACE)] == [GRAPH]


def test_a_record_keeps_what_is_needed() -> None:
    """Managed fields are not kept; a deletion timestamp shows; a spec without the usual fields is no trouble."""
    assert b"managedFields" not in record(1).body
    assert not record(1).deleting
    assert record(1, deletionTimestamp=rfc3339(START)).deleting
    bare = Record.of(
        {
            "metadata": {
                "name": "bare",
                "namespace": NAMESPACE,
                "uid": "uid",
                "resourceVersion": "1",
                "creationTimestamp": rfc3339(START),
            },
            "status": {"token": {"expiresAt": "nonsense"}},
        }
    )
    assert (bare.target, bare.credentials) == (Key(NAMESPACE, ""), ())
    assert bare.expires_at is None
