"""The bodies of our writes: one that creates the Secret, one merge patch (RFC 7396) for everything later.

A patch carries the uid and the resourceVersion of the Secret it was made for, so that it can touch nothing else, and a
null for whatever of ours has to go. What others put beside our fields stays.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tokensync.clock import rfc3339
from tokensync.resource import names
from tokensync.resource.spec import ClientCredentialToken
from tokensync.resource.target import DeletionPolicy
from tokensync.target.content import render
from tokensync.target.fingerprint import AcquiredFor
from tokensync.target.metadata import SecretMetadata
from tokensync.target.previous import PreviousToken, previous_keys
from tokensync.token import AccessToken


@dataclass(frozen=True, slots=True)
class Issue:
    """A token with what it answers: the inputs, and the renew request (empty without one)."""

    token: AccessToken
    acquired_for: AcquiredFor
    renewed_for: str


def create_body(resource: ClientCredentialToken, issue: Issue) -> dict[str, Any]:
    """A new target Secret."""
    owners = [_owner_reference(resource)] if _wants_owner_reference(resource, adopted=False) else []
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": resource.spec.target.type,
        "metadata": {
            "name": resource.spec.target.name,
            "namespace": resource.metadata.namespace,
            "labels": _labels(resource),
            "annotations": {**_annotations(resource, adopted=False), **_marks(issue)},
            **({"ownerReferences": owners} if owners else {}),
        },
        "data": _data(resource, issue),
    }


def renew_patch(
    resource: ClientCredentialToken,
    secret: SecretMetadata,
    issue: Issue,
    *,
    adopting: bool,
    previous: PreviousToken | None = None,
) -> dict[str, Any]:
    """A new token for an existing target, with everything else brought in order.

    Args:
        resource: whose target it is.
        secret: the target.
        issue: the new token.
        adopting: it was somebody else's until now.
        previous: the token that is replaced, where it is to be kept beside the new one.
    """
    adopted = adopting or is_adopted(secret)
    data = _data(resource, issue, previous)
    annotations = {**_annotations(resource, adopted=adopted), **_marks(issue)}
    patch = _patch(resource, secret, annotations, adopted=adopted)
    patch["metadata"]["annotations"] |= _previous_mark(secret, previous)
    return {
        **patch,
        "type": resource.spec.target.type,
        "data": {**_nulls(_our_fields(secret, "data"), data), **data},
    }


def relabel_patch(resource: ClientCredentialToken, secret: SecretMetadata) -> dict[str, Any] | None:
    """Labels, annotations and the owner reference brought in order, without a token; None if they are."""
    adopted = is_adopted(secret)
    annotations = _annotations(resource, adopted=adopted)
    patch = _patch(resource, secret, annotations, adopted=adopted)
    metadata = patch["metadata"]
    in_order = (
        _agrees(metadata["labels"], secret.labels)
        and _agrees(metadata["annotations"], secret.annotations)
        and "ownerReferences" not in metadata
    )
    return None if in_order else patch


def drop_previous_patch(resource: ClientCredentialToken, secret: SecretMetadata) -> dict[str, Any]:
    """The previous token taken out; whatever else the Secret holds stays as it is."""
    return {
        "metadata": {**_identity(secret), "annotations": _previous_mark(secret, None)},
        "data": dict.fromkeys(previous_keys(resource.spec.target), ""),
    }


def is_adopted(secret: SecretMetadata) -> bool:
    """Whether the Secret was somebody else's before: it is never deleted."""
    return names.ADOPTED in secret.annotations


def _patch(
    resource: ClientCredentialToken, secret: SecretMetadata, annotations: dict[str, str], *, adopted: bool
) -> dict[str, Any]:
    labels = _labels(resource)
    owners = _owners(resource, secret, adopted=adopted)
    consent = {names.ADOPTABLE_BY} & set(secret.annotations)  # of an adopted Secret it is not ours to withdraw
    kept = {*annotations, *_MARK_NAMES, *(consent if adopted else ())}
    obsolete = {*_our_fields(secret, "annotations"), *consent}
    return {
        "metadata": {
            **_identity(secret),
            "labels": {**_nulls(_our_fields(secret, "labels"), labels), **labels},
            "annotations": {**_nulls(obsolete, kept), **annotations},
            **({"ownerReferences": owners} if owners != list(secret.owners) else {}),
        }
    }


def _identity(secret: SecretMetadata) -> dict[str, str]:
    return {"uid": secret.uid, "resourceVersion": secret.resource_version}


def _labels(resource: ClientCredentialToken) -> dict[str, str]:
    return {
        **resource.spec.target.labels,
        names.MANAGED_BY_LABEL: names.MANAGED_BY,
        names.OWNER_UID_LABEL: resource.metadata.uid,
    }


def _annotations(resource: ClientCredentialToken, *, adopted: bool) -> dict[str, str]:
    annotations = dict(resource.spec.target.annotations)
    if adopted:
        annotations[names.ADOPTED] = "true"
    elif resource.spec.target.deletion_policy is DeletionPolicy.RETAIN:
        annotations[names.ADOPTABLE_BY] = resource.metadata.name
    return annotations


def _marks(issue: Issue) -> dict[str, str]:
    marks = {
        names.ISSUED_AT: rfc3339(issue.token.issued_at),
        names.EXPIRES_AT: rfc3339(issue.token.expires_at),
        names.ACQUIRED_FOR: str(issue.acquired_for),
    }
    return {**marks, names.RENEWED_FOR: issue.renewed_for} if issue.renewed_for else marks


_MARK_NAMES = (
    names.ISSUED_AT,
    names.EXPIRES_AT,
    names.ACQUIRED_FOR,
    names.RENEWED_FOR,
    names.PREVIOUS_EXPIRES_AT,
)


def _previous_mark(secret: SecretMetadata, previous: PreviousToken | None) -> dict[str, str | None]:
    if previous:
        return {names.PREVIOUS_EXPIRES_AT: rfc3339(previous.expires_at)}
    return {names.PREVIOUS_EXPIRES_AT: None} if names.PREVIOUS_EXPIRES_AT in secret.annotations else {}


def _data(resource: ClientCredentialToken, issue: Issue, previous: PreviousToken | None = None) -> dict[str, str]:
    values = render(resource.spec.target, issue.token, previous=previous.value if previous else "")
    return {key: base64.b64encode(value.encode()).decode("ascii") for key, value in values.items()}


def _wants_owner_reference(resource: ClientCredentialToken, *, adopted: bool) -> bool:
    return resource.spec.target.deletion_policy is DeletionPolicy.DELETE and not adopted


def _owner_reference(resource: ClientCredentialToken) -> dict[str, Any]:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": resource.metadata.name,
        "uid": resource.metadata.uid,
        "controller": True,
    }


def _owners(resource: ClientCredentialToken, secret: SecretMetadata, *, adopted: bool) -> list[Mapping[str, Any]]:
    uid = resource.metadata.uid
    owners = list(secret.owners)
    if not _wants_owner_reference(resource, adopted=adopted):
        return [owner for owner in owners if owner.get("uid") != uid]
    if any(owner.get("uid") == uid and owner.get("controller") for owner in owners):
        return owners
    return [*(owner for owner in owners if owner.get("uid") != uid), _owner_reference(resource)]


def _our_fields(secret: SecretMetadata, branch: str) -> list[str]:
    prefix = f"{branch}/"
    ours = secret.fields.ours if secret.fields else frozenset[str]()
    return [field.removeprefix(prefix) for field in ours if field.startswith(prefix)]


def _nulls(names_written: Iterable[str], wanted: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(set(names_written) - set(wanted))


def _agrees(wanted: Mapping[str, str | None], actual: Mapping[str, str]) -> bool:
    return all(actual.get(name) == value for name, value in wanted.items())
