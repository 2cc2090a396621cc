"""What this installation allows of a target: the type of its Secret, its labels and annotations."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokensync.errors import Reason, SpecError
from tokensync.resource.target import BASIC_AUTH, DOCKER_CONFIG_JSON, OPAQUE, Target
from tokensync.target import formats

_EVERYWHERE = (OPAQUE, BASIC_AUTH, DOCKER_CONFIG_JSON)


@dataclass(frozen=True, slots=True)
class Limits:
    """The administrator's.

    Attributes:
        denied_metadata: how names of labels and annotations must not begin, as the setting of that name has it.
        secret_types: types that are allowed beside those that are allowed everywhere: `allowed-secret-types`.
    """

    denied_metadata: Sequence[str] = ()
    secret_types: Sequence[str] = ()

    def refusal(self, target: Target) -> SpecError | None:
        """Why the target cannot be written as the spec wants it; None if it can."""
        shape = formats.refusal(target.format) if target.format else None
        return self._of_type(target) or self._of_metadata(target) or shape

    def _of_type(self, target: Target) -> SpecError | None:
        if target.type in (*_EVERYWHERE, *self.secret_types):
            return None
        return SpecError(
            Reason.TARGET_TYPE_NOT_ALLOWED,
            f"target.type may not be {target.type}: this installation does not allow Secrets of that type",
            remedy=f"make it {', '.join(_EVERYWHERE[:-1])} or {_EVERYWHERE[-1]}, with another target.name if a Secret was "
            "written already, or ask the administrator to add it to the setting allowed-secret-types",
        )

    def _of_metadata(self, target: Target) -> SpecError | None:
        for field, names in (("labels", target.labels), ("annotations", target.annotations)):
            for name in names:
                prefix = next((prefix for prefix in self.denied_metadata if name.startswith(prefix)), None)
                if prefix:
                    return SpecError(
                        Reason.METADATA_NOT_ALLOWED,
                        f"target.{field} may not hold {name}: this installation denies names that start with {prefix}",
                        remedy="remove it, or ask the administrator to change the setting denied-metadata",
                    )
        return None
