"""An Event as it is written: within the API server's bounds, whatever it tells."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tokensync.cluster.events import ClusterEvents
from tokensync.errors import Reason
from tokensync.resource.spec import Key
from tokensync.rotation.transitions import Transition

AT = datetime(2026, 11, 23, 13, 45, 0, 250, tzinfo=UTC)
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class Recorder:
    """Takes the place of the API."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []

    async def call(self, *_: Any, body: dict[str, Any], **__: Any) -> dict[str, Any]:
        self.bodies.append(body)
        return body


async def written(*, name: str = "graph", note: str = "it fails", instance: str = "pod") -> dict[str, Any]:
    """The body of an Event."""
    api = Recorder()
    events = ClusterEvents(api, instance=instance)  # type: ignore[arg-type]
    transition = Transition("Warning", Reason.PROVIDER_UNAVAILABLE, "Renew", note)
    await events.create(Key("reports", name), "uid", "7", transition, AT)
    return api.bodies[0]


async def test_an_event_says_what_happened_to_whom_and_who_tells() -> None:
    """Its time has microseconds, and what it is about is named down to its version."""
    body = await written()
    assert body.pop("metadata")["namespace"] == "reports"
    assert body == {
        "eventTime": "2026-11-23T13:45:00.000250Z",
        "reportingController": "tokensync.dev/operator",
        "reportingInstance": "pod",
        "regarding": {
            "apiVersion": "tokensync.dev/v1alpha1",
            "kind": "ClientCredentialToken",
            "namespace": "reports",
            "name": "graph",
            "uid": "uid",
            "resourceVersion": "7",
        },
        "type": "Warning",
        "reason": "ProviderUnavailable",
        "action": "Renew",
        "note": "it fails",
    }


@pytest.mark.parametrize("note", ["x" * 1024, "x" * 1025, "é" * 700, "x" + "ä" * 600, "漢" * 2048])
async def test_a_note_has_at_most_1024_bytes(note: str) -> None:
    """A longer one is cut between two characters, and shows that."""
    told = (await written(note=note))["note"]
    assert len(told.encode()) <= 1024
    assert told == note or (told.endswith("…") and note.startswith(told[:-1]) and len(told.encode()) > 1018)


@pytest.mark.parametrize("name", ["graph", "a" * 253, "a" * 229 + "-" + "b" * 23, "a" * 229 + "." + "b" * 23])
async def test_each_event_has_a_name_of_its_own(name: str) -> None:
    """It begins like the resource's and is no longer than a name may be."""
    one, other = [(await written(name=name))["metadata"]["name"] for _ in range(2)]
    assert one != other
    assert one.startswith(name[:229].rstrip("-."))
    assert len(one) <= 253
    assert SUBDOMAIN.fullmatch(one)


async def test_a_long_instance_is_cut() -> None:
    """A node's name may be longer than the field."""
    assert (await written(instance="n" * 200))["reportingInstance"] == "n" * 128
