"""What this installation does not allow of a target's labels and annotations."""

from collections.abc import Sequence

from tokensync.errors import Reason, SpecError
from tokensync.resource.spec import Target


def denied_metadata(target: Target, denied: Sequence[str]) -> SpecError | None:
    """Why the target's labels or annotations are not allowed; None if they are.

    Args:
        target: the spec's.
        denied: prefixes of names, as the setting `denied-metadata` has them.
    """
    for field, names in (("labels", target.labels), ("annotations", target.annotations)):
        for name in names:
            prefix = next((prefix for prefix in denied if name.startswith(prefix)), None)
            if prefix:
                return SpecError(
                    Reason.METADATA_NOT_ALLOWED,
                    f"target.{field} may not hold {name}: this installation denies names that start with {prefix}",
                    remedy="remove it, or ask the administrator to change the setting denied-metadata",
                )
    return None
