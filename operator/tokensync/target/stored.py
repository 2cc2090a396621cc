"""The token that a target Secret holds, told from metadata alone."""

from dataclasses import dataclass
from datetime import datetime

from tokensync.clock import parse_rfc3339
from tokensync.resource.names import ACQUIRED_FOR, EXPIRES_AT, ISSUED_AT, PREVIOUS_EXPIRES_AT, RENEWED_FOR
from tokensync.resource.spec import Spec
from tokensync.resource.status import TokenTimes
from tokensync.target.content import keys
from tokensync.target.fingerprint import AcquiredFor
from tokensync.target.metadata import SecretMetadata
from tokensync.target.previous import previous_keys


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What is known of the token in the target.

    Attributes:
        issued_at: when it was requested.
        expires_at: when it expires.
        acquired_for: the inputs that it answers; none where the Secret does not say.
        renewed_for: the renew request that it answers; empty without one.
        edited: somebody else changed the Secret after us, so what it holds is not known.
        previous_until: when the token before it has to go; None where none is kept.
    """

    issued_at: datetime
    expires_at: datetime
    acquired_for: AcquiredFor
    renewed_for: str
    edited: bool
    previous_until: datetime | None = None


_TIMES = (ISSUED_AT, EXPIRES_AT)
_MARKS = (*_TIMES, ACQUIRED_FOR)
_TIME_FIELDS = {f"annotations/{name}" for name in _TIMES}
_PREVIOUS_FIELD = f"annotations/{PREVIOUS_EXPIRES_AT}"


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
    untouched = secret.resource_version == written_resource_version
    edited = set[str]() if untouched else _edited(secret, spec)
    times = None if edited & _TIME_FIELDS else _annotated_times(secret)
    if times is None and reported is not None:
        times = (reported.issued_at, reported.expires_at)
    if times is None:
        return None
    return StoredToken(
        *times,
        AcquiredFor.parse(secret.annotations.get(ACQUIRED_FOR, "")),
        secret.annotations.get(RENEWED_FOR, ""),
        edited=bool(edited - {_PREVIOUS_FIELD}),
        previous_until=_previous_until(secret, spec, otherwise=times[0], believed=_PREVIOUS_FIELD not in edited),
    )


def _edited(secret: SecretMetadata, spec: Spec) -> set[str]:
    if secret.fields is None:
        return set()
    written = [*(f"data/{key}" for key in keys(spec.target)), *(f"annotations/{name}" for name in _MARKS)]
    if PREVIOUS_EXPIRES_AT in secret.annotations:
        written.append(_PREVIOUS_FIELD)
    return {field for field in written if secret.fields.shows_edit_of(field)}


def _annotated_times(secret: SecretMetadata) -> tuple[datetime, datetime] | None:
    try:
        issued_at, expires_at = (parse_rfc3339(secret.annotations[name]) for name in _TIMES)
    except (KeyError, ValueError):
        return None
    return issued_at, expires_at


def _previous_until(secret: SecretMetadata, spec: Spec, *, otherwise: datetime, believed: bool) -> datetime | None:
    """When the previous token has to go; `otherwise` where somebody else, or nobody, says when."""
    text = secret.annotations.get(PREVIOUS_EXPIRES_AT)
    if text is None or not previous_keys(spec.target):
        return None
    try:
        return parse_rfc3339(text) if believed else otherwise
    except ValueError:
        return otherwise
