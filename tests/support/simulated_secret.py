"""One Secret as the API server keeps it, with its record of who wrote which field (`managedFields`)."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tokensync.resource.names import FIELD_MANAGER
from tokensync.target.metadata import SecretMetadata

Json = dict[str, Any]
Path = tuple[str, str]
"""A branch and a name in it: `("data", "token")`, `("labels", "team")`, `("ownerReferences", UID)`, `("type", "")`."""

UPDATE = "Update"
APPLY = "Apply"
_BEFORE_FIRST_APPLY = "before-first-apply"
_METADATA_BRANCHES = ("labels", "annotations", "ownerReferences")


class PreconditionFailedError(Exception):
    """The patch was made for another Secret, or for another version of it: nothing was written."""


@dataclass
class _Entry:
    paths: set[Path]
    at: datetime | None


@dataclass
class SimulatedSecret:
    """What a write leaves: fields, resourceVersion, and field ownership by the API server's rules.

    A field belongs to whoever changed its value last, and to each manager who applied the very same value; a write of
    an equal value changes no owner. Times are kept to the second. Once the record was stripped, nothing is recorded
    until somebody applies; what is there then belongs to `before-first-apply`, and his entry has no time.
    """

    namespace: str
    name: str
    uid: str
    version: int = 0
    fields: dict[Path, Any] = field(default_factory=dict)
    _entries: dict[tuple[str, str], _Entry] = field(default_factory=dict)

    @classmethod
    def created(
        cls, body: Json, *, at: datetime, manager: str = FIELD_MANAGER, uid: str = "secret"
    ) -> "SimulatedSecret":
        """The Secret that a POST makes."""
        secret = cls(body["metadata"]["namespace"], body["metadata"]["name"], uid)
        secret._write(_flatten(body), manager, at)
        return secret

    @property
    def data(self) -> dict[str, str]:
        """The keys and their values, in base64."""
        return self._branch("data")

    @property
    def labels(self) -> dict[str, str]:
        """The labels."""
        return self._branch("labels")

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations."""
        return self._branch("annotations")

    @property
    def owners(self) -> list[Json]:
        """The owner references."""
        return list(self._branch("ownerReferences").values())

    def seen(self) -> SecretMetadata:
        """Its metadata, as a watch shows it."""
        return SecretMetadata.parse(self.partial())

    def partial(self) -> Json:
        """Its metadata as JSON."""
        return {
            "metadata": {
                "namespace": self.namespace,
                "name": self.name,
                "uid": self.uid,
                "resourceVersion": str(self.version),
                "labels": self.labels,
                "annotations": self.annotations,
                "ownerReferences": self.owners,
                "managedFields": [_managed(*key, entry) for key, entry in self._entries.items()],
            }
        }

    def patch(self, patch: Json, *, at: datetime, manager: str = FIELD_MANAGER) -> None:
        """Apply a JSON merge patch (RFC 7396), if its uid and resourceVersion are this Secret's."""
        metadata = patch.get("metadata", {})
        asked = (metadata.get("uid", self.uid), metadata.get("resourceVersion", str(self.version)))
        if asked != (self.uid, str(self.version)):
            raise PreconditionFailedError(f"asked for {asked}, is {(self.uid, str(self.version))}")
        self._write(_flatten(_merged(self._body(), patch)), manager, at)

    def edit(self, branch: str, name: str, value: str | None, *, at: datetime, manager: str = "kubectl-edit") -> None:
        """Let somebody set one field, or remove it."""
        changed = {path: old for path, old in self.fields.items() if path != (branch, name)}
        self._write(changed if value is None else {**changed, (branch, name): value}, manager, at)

    def apply(self, fields: dict[Path, Any], *, at: datetime, manager: str) -> None:
        """Let somebody apply fields by force (server-side apply), for the first time."""
        untracked = not self._entries
        if untracked:
            self._entries[_BEFORE_FIRST_APPLY, UPDATE] = _Entry(set(self.fields), at)
        self._write({**self.fields, **fields}, manager, at, operation=APPLY)
        self._entries[manager, APPLY] = _Entry(set(fields), None if untracked else at)
        self.version += 1

    def replace_unchanged(self) -> None:
        """Let somebody write it anew as it is: only the resourceVersion moves (encryption at rest switched on)."""
        self.version += 1

    def strip(self) -> None:
        """Let somebody empty the record of field ownership."""
        self.version += 1
        self._entries = {}

    def _write(self, fields: dict[Path, Any], manager: str, at: datetime, operation: str = UPDATE) -> None:
        changed = {path for path, value in fields.items() if path not in self.fields or self.fields[path] != value}
        removed = set(self.fields) - set(fields)
        if not changed | removed:
            return
        tracked = bool(self._entries) or self.version == 0
        self.version += 1
        self.fields = fields
        if tracked:
            self._record(changed, removed, (manager, operation), at)

    def _record(self, changed: set[Path], removed: set[Path], writer: tuple[str, str], at: datetime) -> None:
        for entry in self._entries.values():
            entry.paths -= changed | removed
        if changed:
            held = self._entries.get(writer, _Entry(set(), at)).paths
            self._entries[writer] = _Entry(held | changed, at)
        self._entries = {key: entry for key, entry in self._entries.items() if entry.paths}

    def _branch(self, wanted: str) -> dict[str, Any]:
        return {name: value for (branch, name), value in self.fields.items() if branch == wanted}

    def _body(self) -> Json:
        return {
            "type": self.fields["type", ""],
            "metadata": {"labels": self.labels, "annotations": self.annotations, "ownerReferences": self.owners},
            "data": self.data,
        }


def _flatten(body: Json) -> dict[Path, Any]:
    metadata = body["metadata"]
    branches = {"data": body.get("data") or {}}
    branches |= {name: metadata.get(name) or {} for name in ("labels", "annotations")}
    fields = {(branch, name): value for branch, values in branches.items() for name, value in values.items()}
    fields |= {("ownerReferences", owner["uid"]): owner for owner in metadata.get("ownerReferences") or ()}
    return {**fields, ("type", ""): body.get("type", "Opaque")}


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _managed(manager: str, operation: str, entry: _Entry) -> Json:
    tree: defaultdict[str, Json] = defaultdict(lambda: {".": {}})
    for branch, name in entry.paths:
        tree[f"f:{branch}"][f'k:{{"uid":"{name}"}}' if branch == "ownerReferences" else f"f:{name}"] = {}
    metadata = {f"f:{name}": tree.pop(f"f:{name}") for name in _METADATA_BRANCHES if f"f:{name}" in tree}
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        **({"time": at_second(entry.at)} if entry.at else {}),
        "fieldsType": "FieldsV1",
        "fieldsV1": {**tree, **({"f:metadata": metadata} if metadata else {})},
    }


def at_second(moment: datetime) -> str:
    """A time as the API server writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
