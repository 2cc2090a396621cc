"""One Secret as the API server keeps it, for tests that write it themselves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from support.simulators.managed_fields import after_apply, after_update
from support.simulators.store import Json, merged
from tokensync.errors import ConflictError
from tokensync.resource.names import FIELD_MANAGER
from tokensync.target.metadata import SecretMetadata

_BEFORE_FIRST_APPLY = "before-first-apply"


@dataclass
class SimulatedSecret:
    """What writes leave of it: fields, version, and the record of who wrote which field (`managedFields`).

    Once the record was stripped, nothing is recorded until somebody applies: what is there then belongs to
    `before-first-apply`.
    """

    body: Json
    version: int = 1

    @classmethod
    def created(
        cls, body: Json, *, at: datetime, manager: str = FIELD_MANAGER, uid: str = "secret"
    ) -> "SimulatedSecret":
        """The Secret that a POST makes."""
        managed = after_update([], None, body, manager=manager, time=at)
        return cls({**body, "metadata": {**body["metadata"], "uid": uid, "managedFields": managed}})

    @property
    def data(self) -> dict[str, str]:
        """The keys and their values, in base64."""
        return self.body.get("data") or {}

    @property
    def labels(self) -> dict[str, str]:
        """The labels."""
        return self.body["metadata"].get("labels") or {}

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations."""
        return self.body["metadata"].get("annotations") or {}

    @property
    def owners(self) -> list[Json]:
        """The owner references."""
        return self.body["metadata"].get("ownerReferences") or []

    def seen(self) -> SecretMetadata:
        """Its metadata, as a watch shows it."""
        return SecretMetadata.parse({"metadata": {**self.body["metadata"], "resourceVersion": str(self.version)}})

    def patch(self, patch: Json, *, at: datetime, manager: str = FIELD_MANAGER) -> None:
        """Apply a merge patch.

        Raises:
            ConflictError: if it was made for another Secret, or for another version of this one.
        """
        metadata = dict(patch.get("metadata", {}))
        known = {"uid": self.body["metadata"]["uid"], "resourceVersion": str(self.version)}
        asked = {name: metadata.pop(name) for name in known if name in metadata}
        if not asked.items() <= known.items():
            raise ConflictError("the Secret is not what it was")
        before, self.body = self.body, merged(self.body, {**patch, "metadata": metadata})
        if self.body != before:
            entries = before["metadata"]["managedFields"]
            self._wrote(after_update(entries, before, self.body, manager=manager, time=at))

    def edit(self, branch: str, name: str, value: str | None, *, at: datetime, manager: str = "kubectl-edit") -> None:
        """Let somebody set one key of `data`, `labels` or `annotations`, or remove it."""
        change = {branch: {name: value}}
        self.patch(change if branch == "data" else {"metadata": change}, at=at, manager=manager)

    def set_owners(self, owners: list[Json], *, at: datetime) -> None:
        """Let somebody replace the owner references."""
        self.patch({"metadata": {"ownerReferences": owners}}, at=at, manager="kubectl-edit")

    def apply_same_values(self, *, at: datetime, manager: str) -> None:
        """Let somebody apply by force everything that is there (server-side apply)."""
        entries = self.body["metadata"]["managedFields"]
        if not entries:
            entries = after_update([], None, self.body, manager=_BEFORE_FIRST_APPLY, time=at)
        self._wrote(after_apply(entries, self.body, self.body, self.body, manager=manager, time=at))

    def replace_unchanged(self) -> None:
        """Let somebody write it anew as it is: only the resourceVersion moves (encryption at rest switched on)."""
        self.version += 1

    def strip(self) -> None:
        """Let somebody empty the record of field ownership."""
        self._wrote([])

    def _wrote(self, managed: list[Any]) -> None:
        self.version += 1
        self.body = {**self.body, "metadata": {**self.body["metadata"], "managedFields": managed}}
