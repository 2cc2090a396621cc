"""A ServiceAccount's token becomes an assertion: read as far as it has to be before it leaves the cluster."""

from collections.abc import Mapping
from typing import Any

import jwt

from tokensync.credentials.proof import FederatedToken
from tokensync.errors import CredentialError, Reason

_USER = "system:serviceaccount:"


def read_federated_token(value: str, *, namespace: str, name: str, audience: str) -> FederatedToken:
    """Read the answer to a TokenRequest: an admission webhook may have changed what was asked for.

    Args:
        value: the token.
        namespace: the ServiceAccount's.
        name: the ServiceAccount's.
        audience: the only one that it was requested for.

    Raises:
        CredentialError: `CredentialMalformed` if it is no token of that ServiceAccount, `AudienceNotAllowed` if it is good
            for another audience, or for others too.
    """
    claims, subject = _claims(value), f"{_USER}{namespace}:{name}"
    if claims.get("sub") != subject:
        raise CredentialError(
            Reason.CREDENTIAL_MALFORMED,
            f"the API server answered with something else than a token of ServiceAccount {namespace}/{name}",
            remedy="find the admission webhook that changes TokenRequests, and exempt those of tokensync",
        )
    if _audiences(claims) != {audience}:
        raise CredentialError(
            Reason.AUDIENCE_NOT_ALLOWED,
            f"the token of ServiceAccount {namespace}/{name} is not for the audience {audience} alone, as it was requested",
            remedy="find the admission webhook that changes TokenRequests, and exempt those of tokensync",
        )
    return FederatedToken(value, subject, audience)


def audiences_of_server(credential: str) -> frozenset[str]:
    """The audiences that an API server certainly has, by a token that it takes for a credential.

    They are those of a ServiceAccount's token, and its issuer, which is an audience unless others are configured (the
    flag `--api-audiences` of kube-apiserver). Of any other credential they are unknown.
    """
    claims = _claims(credential)
    if not str(claims.get("sub")).startswith(_USER):
        return frozenset()
    return frozenset(_audiences(claims) | {str(claims.get("iss"))})


def _claims(token: str) -> Mapping[str, Any]:
    """What a JWT says; nothing if it is none. The API server wrote it, and whoever it is sent to verifies it."""
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return {}


def _audiences(claims: Mapping[str, Any]) -> set[str]:
    """The claim `aud` is one text or a list of them (RFC 7519, section 4.1.3)."""
    audiences = claims.get("aud", ())
    return {audiences} if isinstance(audiences, str) else set(audiences)
