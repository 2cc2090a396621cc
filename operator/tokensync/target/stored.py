"""The token that a target Secret holds, told from metadata alone."""

from dataclasses import dataclass
from datetime import datetime

from tokensync.clock import parse_rfc3339
from tokensync.resource.names import ACQUIRED_FOR, EXPIRES_AT, ISSUED_AT, RENEWED_FOR
from tokensync.resource.spec import Spec
from tokensync.resource.status import TokenTimes
from tokensync.target.fingerprint import AcquiredFor
from tokensync.target.metadata import SecretMetadata


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What is known of the token in the target.

    Attributes:
        issued_at: when it was requested.
        expires_at: when it expires.
        acquired_for: the inputs that it answers; none where the Secret does not say.
        renewed_for: the renew request that it answers; empty without one.
        edited: somebody else changed the Secret after us, so what it holds is not known.
    """

    issued_at: datetime
    expires_at: datetime
    acquired_for: AcquiredFor
    renewed_for: str
    edited: bool


_TIMES = (ISSUED_AT, EXPIRES_AT)
_MARKS = (*_TIMES, ACQUIRED_FOR)


def read_stored(
    secret: SecretMetadata, spec: Spec, *, written_resource_version: str, reported: TokenTimes | None
) -> StoredToken | None:
    """Tell what the target holds; None if nothing is known of it.

    The Secret's own annotations say it while they are ours. Where somebody changed them, the times of the status stand
    in, so that `Ready` stays right until the token is renewed.

    Args:
        secret: the target, owned by the resource.
        spec: the resource's.
        written_resource_version: what our last write of it answered; empty if that is not known.
        reported: the status's times of the last token.
    """
    edited = _edited(secret, spec, written_resource_version)
    times = None if edited & {f"annotations/{name}" for name in _TIMES} else _annotated_times(secret)
    if times is None and reported is not None:
        times = (reported.issued_at, reported.expires_at)
    if times is None:
        return None
    return StoredToken(
        *times,
        AcquiredFor.parse(secret.annotations.get(ACQUIRED_FOR, "")),
        secret.annotations.get(RENEWED_FOR, ""),
        edited=bool(edited),
    )


def _edited(secret: SecretMetadata, spec: Spec, written_resource_version: str) -> set[str]:
    if secret.resource_version == written_resource_version or secret.fields is None:
        return set()
    written = (*(f"data/{key}" for key in spec.target.shape), *(f"annotations/{name}" for name in _MARKS))
    return {field for field in written if secret.fields.shows_edit_of(field)}


def _annotated_times(secret: SecretMetadata) -> tuple[datetime, datetime] | None:
    try:
        issued_at, expires_at = (parse_rfc3339(secret.annotations[name]) for name in _TIMES)
    except (KeyError, ValueError):
        return None
    return issued_at, expires_at
