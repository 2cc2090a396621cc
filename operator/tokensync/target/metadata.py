"""What a watch shows of a Secret: its metadata, never its data.

A cluster holds many Secrets that are none of our business, and all of them may be named by a resource one day. Of those
only the identity is kept; labels, annotations and field ownership are kept where anything mentions us.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from tokensync.resource.names import API_VERSION, FIELD_MANAGER, GROUP, KIND
from tokensync.resource.spec import Key

_NOTHING: Mapping[str, str] = MappingProxyType({})  # one for all the Secrets that are none of our business
_OUR_PREFIX = f"{GROUP}/"


@dataclass(frozen=True, slots=True)
class FieldOwnership:
    """What `metadata.managedFields` says of the fields that we may have written.

    Fields are written as `data/token`, `annotations/tokensync.dev/issued-at`, `labels/team`.

    Attributes:
        ours: the fields that our `Update` entry holds.
        older: the fields that somebody else holds since before our last write: they had the value that we wrote, as
            in an adopted Secret, so that the write did not make them ours. Whoever changes one takes it from him.
    """

    ours: frozenset[str]
    older: frozenset[str]

    def shows_edit_of(self, field: str) -> bool:
        """Whether somebody else replaced or removed the field after our last write."""
        return field not in self.ours and field not in self.older


@dataclass(frozen=True, slots=True)
class SecretMetadata:
    """One Secret, as last seen.

    Attributes:
        controller_uid: uid of the owner reference with `controller: true`; empty without one.
        controlled_by_token: that owner is a `ClientCredentialToken`.
        owners: the owner references, as JSON objects.
        fields: who wrote what; None where the server keeps no record (stripped `managedFields`): nothing can be told.
    """

    key: Key
    uid: str
    resource_version: str
    controller_uid: str = ""
    controlled_by_token: bool = False
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    annotations: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    owners: tuple[Mapping[str, Any], ...] = ()
    fields: FieldOwnership | None = None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> "SecretMetadata":
        """Read a Secret's or a PartialObjectMetadata's JSON."""
        metadata = body["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        owners = tuple(metadata.get("ownerReferences") or ())
        controller: Mapping[str, Any] = next((owner for owner in owners if owner.get("controller")), {})
        identity = cls(
            key,
            metadata["uid"],
            metadata["resourceVersion"],
            controller.get("uid", ""),
            controller.get("kind") == KIND and controller.get("apiVersion") == API_VERSION,
        )
        if not _mentions_us(metadata, identity):
            return identity
        return replace(
            identity,
            labels=metadata.get("labels") or _NOTHING,
            annotations=metadata.get("annotations") or _NOTHING,
            owners=owners,
            fields=_field_ownership(metadata.get("managedFields") or []),
        )


def _mentions_us(metadata: Mapping[str, Any], identity: SecretMetadata) -> bool:
    names = [*(metadata.get("labels") or ()), *(metadata.get("annotations") or ())]
    return (
        identity.controlled_by_token
        or any(name.startswith(_OUR_PREFIX) for name in names)
        or any(_is_ours(entry) for entry in metadata.get("managedFields") or ())
    )


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Update"


def _field_ownership(entries: list[Mapping[str, Any]]) -> FieldOwnership | None:
    if not any(entry.get("manager") for entry in entries):
        return None
    mine = [entry for entry in entries if _is_ours(entry)]
    ours = frozenset(field for entry in mine for field in _fields(entry))
    written_at = max((entry.get("time", "") for entry in mine), default="")
    earlier = [entry for entry in entries if not _is_ours(entry) and entry.get("time", "") < written_at]
    older = frozenset(field for entry in earlier for field in _fields(entry))
    return FieldOwnership(ours, older - ours)


def _fields(entry: Mapping[str, Any]) -> list[str]:
    tree = entry.get("fieldsV1") or {}
    metadata = tree.get("f:metadata") or {}
    branches = (
        ("data", tree.get("f:data")),
        ("annotations", metadata.get("f:annotations")),
        ("labels", metadata.get("f:labels")),
    )
    return [f"{name}/{leaf[2:]}" for name, branch in branches for leaf in branch or () if leaf.startswith("f:")]
