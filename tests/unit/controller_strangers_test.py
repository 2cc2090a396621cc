"""Every Secret is known as it was seen, and other people's take little room."""

import gc
import json
import tracemalloc
from itertools import permutations

import pytest

from support.builders import make_metadata, make_owner, make_secret
from tokensync.controller.strangers import KnownSecrets
from tokensync.resource.spec import Key
from tokensync.target.metadata import SecretMetadata

KEY = Key("reports", "graph-token")
FORMS = {
    "nobody's": SecretMetadata(KEY, "uid-1", "7"),
    "somebody's": SecretMetadata(KEY, "uid-1", "8", controller_uid="uid-9 with a space"),
    "ours": make_secret().seen(),
    "controlled by us": make_metadata(owners=(make_owner(),)),
    "somebody else's of that name": SecretMetadata(KEY, "uid-2", "10", labels={"tokensync.dev/owner-uid": "x"}),
}


@pytest.mark.parametrize(("before", "after"), list(permutations(FORMS, 2)))
def test_a_secret_is_what_it_was_last_seen_as(before: str, after: str) -> None:
    """Whichever form it is kept in, and whichever it was kept in before."""
    secrets = KnownSecrets()
    secrets.put(FORMS[before])
    secrets.put(FORMS[after])

    assert secrets.get(KEY) == FORMS[after]
    assert list(secrets) == [KEY]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_dropped_is_gone(form: str) -> None:
    """One of the same name elsewhere, or of another name, stays."""
    secrets = KnownSecrets()
    others = [SecretMetadata(Key("reports", "other"), "a", "1"), SecretMetadata(Key("other", KEY.name), "b", "2")]
    for secret in (FORMS[form], *others):
        secrets.put(secret)
    secrets.drop(KEY)
    secrets.drop(Key("nowhere", "nothing"))

    assert secrets.get(KEY) is None
    assert [secrets.get(secret.key) for secret in others] == others
    assert set(secrets) == {secret.key for secret in others}


def test_other_peoples_secrets_take_little_room() -> None:
    """Less than 250 bytes each, names included, as they come from the API server's JSON."""
    count = 2000
    secrets = KnownSecrets()
    tracemalloc.start()
    try:
        for number in range(count):
            metadata = {
                "namespace": "reports",
                "name": f"somebody-else-{number}",
                "uid": f"5a3f1d8e-7d0b-4f6c-9f39-{number:012}",
                "resourceVersion": str(10**8 + number),
                "labels": {"app": f"shop-{number}"},
            }
            secrets.put(SecretMetadata.parse(json.loads(json.dumps({"metadata": metadata}))))
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken / count < 250
    assert len(list(secrets)) == count
