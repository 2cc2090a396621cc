"""What a provider granted, beside what it was asked for (RFC 6749, section 3.3)."""

from tokensync.rotation.observation import Observation


def missing_scopes(seen: Observation) -> tuple[str, ...]:
    """The scopes that were asked for and that the stored token lacks, as far as the provider said.

    Nothing is said of Microsoft Entra ID's tokens: it answers `/.default` with that, or with the permissions behind it.
    """
    spec = seen.resource.spec
    if spec.provider.entra or not seen.granted or not _is_for_this_spec(seen):
        return ()
    granted = set(seen.granted.split(" "))
    return tuple(scope for scope in dict.fromkeys(spec.scopes) if scope not in granted)


def _is_for_this_spec(seen: Observation) -> bool:
    return seen.stored is not None and seen.stored.acquired_for.spec == seen.acquired_for.spec
