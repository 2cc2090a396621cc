"""The objects of one kind, as an API server keeps them: uid, resourceVersion, generation, preconditions, events."""

import copy
import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from support.simulators.clock import true_time
from support.simulators.managed_fields import after_update
from support.simulators.stream import EventType, Stream
from tokensync.errors import ConflictError
from tokensync.resource.spec import Key

Json = dict[str, Any]

_OMITTED_IF_EMPTY = {"labels", "annotations", "ownerReferences", "finalizers"}


class Version(NamedTuple):
    """What an object was from a moment on; None from its deletion on."""

    at: datetime
    key: Key
    body: Json | None


class Store:
    """One kind's objects. Whatever goes in or out is a copy.

    Attributes:
        stream: tells what happens to them.
        history: each version of each object that there ever was, in order.
        stored: called with the key and the state of each new version.
    """

    def __init__(self, versions: Iterator[int]) -> None:
        """`versions` are the numbers of the cluster's one sequence of resourceVersions."""
        self.stream = Stream()
        self.history: list[Version] = []
        self.stored: Callable[[Key, Json], None] = lambda _key, _body: None
        self._versions = versions
        self._objects: dict[Key, Json] = {}
        self._uids = itertools.count(1)

    def __iter__(self) -> Iterator[Json]:
        return iter(copy.deepcopy(list(self._objects.values())))

    def get(self, key: Key) -> Json | None:
        """The object; None if there is none."""
        return copy.deepcopy(self._objects.get(key))

    def uids(self) -> set[str]:
        """The uids of all objects."""
        return {body["metadata"]["uid"] for body in self._objects.values()}

    def in_namespace(self, namespace: str | None) -> list[Json]:
        """All objects of a namespace, in the order of their names; None for all namespaces."""
        keys = sorted(key for key in self._objects if namespace in (None, key.namespace))
        return [copy.deepcopy(self._objects[key]) for key in keys]

    def create(self, key: Key, body: Json, manager: str) -> Json:
        """Store a new object.

        Raises:
            ConflictError: if there is one of that name.
        """
        if key in self._objects:
            raise ConflictError(f"{key} exists")
        identity = {
            "name": key.name,
            "namespace": key.namespace,
            "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{key}/{next(self._uids)}")),
            "generation": 1,
            "creationTimestamp": true_time().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return self._store(key, {**body, "metadata": {**body.get("metadata", {}), **identity}}, None, manager)

    def replace(self, key: Key, body: Json, manager: str) -> Json:
        """Put another state in an object's place; one that is the same is no change, and gets no new version."""
        before = self._objects[key]
        if body == before:
            return copy.deepcopy(before)
        if body.get("spec") != before.get("spec"):
            body = {**body, "metadata": {**body["metadata"], "generation": before["metadata"]["generation"] + 1}}
        return self._store(key, body, before, manager)

    def keep(self, key: Key, body: Json, event: EventType = "MODIFIED") -> Json:
        """Store a state exactly as it is, with a version of its own."""
        metadata = {name: value for name, value in body["metadata"].items() if value or name not in _OMITTED_IF_EMPTY}
        body = copy.deepcopy({**body, "metadata": {**metadata, "resourceVersion": str(next(self._versions))}})
        self._objects[key] = body
        self.history.append(Version(true_time(), key, copy.deepcopy(body)))
        self.stream.emit(event, body)
        self.stored(key, body)
        return copy.deepcopy(body)

    def delete(self, key: Key) -> Json:
        """Take an object away; its last event carries a version of its own."""
        body = self._objects.pop(key)
        body["metadata"]["resourceVersion"] = str(next(self._versions))
        self.history.append(Version(true_time(), key, None))
        self.stream.emit("DELETED", body)
        return body

    def require(self, key: Key, uid: str, resource_version: str) -> Json:
        """The object, if it is the very one.

        Raises:
            ConflictError: if it is gone, another, or of another version.
        """
        body = self._objects.get(key)
        if body is None or (body["metadata"]["uid"], body["metadata"]["resourceVersion"]) != (uid, resource_version):
            raise ConflictError(f"{key} is not what it was")
        return copy.deepcopy(body)

    def version(self) -> str:
        """The resourceVersion of a list that is made now."""
        return str(next(self._versions))

    def _store(self, key: Key, body: Json, before: Json | None, manager: str) -> Json:
        entries = before["metadata"]["managedFields"] if before else []
        fields = after_update(entries, before, body, manager=manager, time=true_time())
        body = {**body, "metadata": {**body["metadata"], "managedFields": fields}}
        return self.keep(key, body, "MODIFIED" if before else "ADDED")


def merged(target: Any, patch: Any) -> Any:
    """A merge patch (RFC 7396) applied."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
