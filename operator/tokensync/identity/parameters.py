"""Further parameters of a token request: `spec.parameters`."""

from tokensync.errors import Reason, SpecError
from tokensync.resource.spec import Spec

RESERVED = frozenset(
    {"grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type", "client_claims"}
)
"""What the grant and the client authentication consist of (RFC 6749, section 4.4.2; RFC 7521, section 4.2), and a name of
MSAL's own, which it would not send."""


def form_parameters(spec: Spec) -> dict[str, str]:
    """The further parameters, which the CRD has checked already.

    Raises:
        SpecError: `InvalidSpec`, if one of them is not the spec's to set.
    """
    if taken := sorted(RESERVED & spec.parameters.keys()):
        raise SpecError(
            Reason.INVALID_SPEC,
            f"spec.parameters may not hold {', '.join(taken)}: tokensync sets them itself",
            remedy="remove them; spec.clientId, spec.scopes and spec.credential say what they hold",
        )
    return dict(spec.parameters)
