"""Whose Secret is it? We write what we created or were given, and nothing else."""

from collections.abc import Callable
from enum import Enum, auto

from tokensync.errors import Reason, TargetError
from tokensync.resource.names import ADOPTABLE_BY, ISSUED_AT, OWNER_UID_LABEL
from tokensync.resource.spec import ClientCredentialToken
from tokensync.target.metadata import SecretMetadata


class Ownership(Enum):
    """What a resource may do with the Secret of its target's name."""

    ABSENT = auto()
    """There is none: it may be created."""
    OURS = auto()
    """This resource created or adopted it."""
    ADOPTABLE = auto()
    """Nobody controls it, its owner consents, and the resource wants it."""
    CLAIMED = auto()
    """Another resource has it."""
    FOREIGN = auto()
    """It is somebody else's."""


def ownership(
    secret: SecretMetadata | None,
    resource: ClientCredentialToken,
    *,
    written_uid: str,
    is_live: Callable[[str], bool],
) -> Ownership:
    """Tell whose the Secret is.

    Args:
        secret: the Secret of the target's name; None if there is none.
        resource: who asks.
        written_uid: uid of the Secret that this resource wrote last, as far as is known; empty otherwise. With it a
            Secret whose label somebody removed is known again, if it still carries our annotations.
        is_live: whether a resource with that uid exists.
    """
    if secret is None:
        return Ownership.ABSENT
    if secret.controller_uid:
        return _of_controlled(secret, resource)
    owner = secret.labels.get(OWNER_UID_LABEL, "")
    known_again = not owner and secret.uid == written_uid and ISSUED_AT in secret.annotations
    if owner == resource.metadata.uid or known_again:
        return Ownership.OURS
    if owner and is_live(owner):
        return Ownership.CLAIMED
    consent = secret.annotations.get(ADOPTABLE_BY) == resource.metadata.name
    return Ownership.ADOPTABLE if consent and resource.spec.target.adopt else Ownership.FOREIGN


def _of_controlled(secret: SecretMetadata, resource: ClientCredentialToken) -> Ownership:
    if secret.controller_uid == resource.metadata.uid:
        return Ownership.OURS
    return Ownership.CLAIMED if secret.controlled_by_token else Ownership.FOREIGN


def refusal(whose: Ownership, resource: ClientCredentialToken) -> TargetError | None:
    """Why the target may not be written; None if it may."""
    secret = f"Secret {resource.target_key}"
    if whose is Ownership.CLAIMED:
        return TargetError(
            Reason.TARGET_CLAIMED,
            f"{secret} belongs to another ClientCredentialToken",
            remedy="give target.name another name, or delete the other resource and this one takes over",
        )
    if whose is Ownership.FOREIGN:
        return TargetError(
            Reason.TARGET_NOT_OWNED,
            f"{secret} exists and was not made by tokensync",
            remedy=(
                "give target.name another name; or, if the Secret may be overwritten, annotate it with "
                f"{ADOPTABLE_BY}={resource.metadata.name} and set target.adopt to true"
            ),
        )
    return None
