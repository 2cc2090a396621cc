"""Events about resources, through events.k8s.io/v1: what `kubectl events` and `kubectl describe` show."""

import secrets
from datetime import datetime
from typing import Any

from tokensync.cluster.api import Api, Collection, Verb
from tokensync.resource.names import API_VERSION, FIELD_MANAGER, GROUP, KIND
from tokensync.resource.spec import Key
from tokensync.rotation.transitions import Transition

EVENTS = Collection("/apis/events.k8s.io/v1", "events")
CONTROLLER = f"{GROUP}/operator"

# The API server's bounds, in bytes.
_LONGEST_NOTE = 1024
_LONGEST_INSTANCE = 128
_ROOM_FOR_A_NAME = 230


class ClusterEvents:
    """The API server's Events, as the controller's `EventStore`."""

    def __init__(self, api: Api, *, instance: str) -> None:
        """Write through `api`, as this pod."""
        self._api = api
        self._instance = instance[:_LONGEST_INSTANCE]

    async def create(self, key: Key, uid: str, resource_version: str, transition: Transition, at: datetime) -> None:
        """Tell of a resource, as it was at that version, what happened to it."""
        name = f"{key.name[:_ROOM_FOR_A_NAME].rstrip('-.')}.{secrets.token_hex(8)}"
        body = {
            "metadata": {"name": name, "namespace": key.namespace},
            "eventTime": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),  # MicroTime
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "regarding": _reference(key, uid, resource_version),
            "type": transition.type,
            "reason": transition.reason.value,
            "action": transition.action,
            "note": _cut(transition.note),
        }
        await self._api.call(
            Verb.CREATE, EVENTS, key.namespace, key.name, query={"fieldManager": FIELD_MANAGER}, body=body
        )


def _reference(key: Key, uid: str, resource_version: str) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "namespace": key.namespace,
        "name": key.name,
        "uid": uid,
        "resourceVersion": resource_version,
    }


def _cut(note: str) -> str:
    """Shorten a note to what an Event may hold, an ellipsis included."""
    encoded = note.encode()
    if len(encoded) <= _LONGEST_NOTE:
        return note
    ellipsis = "…"
    return encoded[: _LONGEST_NOTE - len(ellipsis.encode())].decode(errors="ignore") + ellipsis
