"""Whether somebody else's token is as good as an assertion of the application: workload identity federation."""

from datetime import datetime
from typing import Any

import jwt

from support.entra import errors
from support.entra.assertion import Assertion, verify_times
from support.entra.directory import Application, FederatedCredential

ALGORITHM = "RS256"
"""The only one that is documented for federated tokens."""


def is_federated(assertion: Assertion, application: Application) -> bool:
    """Whether an assertion does not even pretend that the application signed it."""
    return not assertion.names_certificate and assertion.claims.get("iss") != application.client_id


def verify_federated(assertion: Assertion, application: Application, now: datetime) -> None:
    """Verify a token of an issuer that the application trusts. It may be used again until it expires.

    Raises:
        EntraError: if anything is wrong with it.
    """
    if assertion.header.get("alg") != ALGORITHM:
        raise errors.algorithm_unsupported(assertion.header.get("alg"))
    credential = _matching(assertion.claims, application)
    _verify_signature(assertion, credential)
    verify_times(assertion.claims, now)


def _matching(claims: dict[str, Any], application: Application) -> FederatedCredential:
    """The credential for issuer, subject and audience; which of them fits none is told apart, in this order."""
    issuer, subject, audience = claims.get("iss"), claims.get("sub"), _only(claims.get("aud"))
    if not application.federated:
        raise errors.federation_missing(issuer, subject, audience)
    fitting = [known for known in application.federated if known.issuer == issuer]
    if not fitting:
        raise errors.federation_unmatched(700211, "issuer", issuer)
    fitting = [known for known in fitting if known.subject == subject]
    if not fitting:
        raise errors.federation_unmatched(700213, "subject", subject)
    fitting = [known for known in fitting if known.audience == audience]
    if not fitting:
        raise errors.federation_unmatched(700212, "audience", audience)
    return fitting[0]


def _only(audience: object) -> object:
    """A single audience, which Kubernetes writes as a list; several are none."""
    if isinstance(audience, list):
        return audience[0] if len(audience) == 1 else None
    return audience


def _verify_signature(assertion: Assertion, credential: FederatedCredential) -> None:
    try:
        key = jwt.PyJWKSet.from_dict(dict(credential.jwks))[str(assertion.header.get("kid"))]
        jwt.PyJWS().decode_complete(assertion.raw, key, algorithms=[ALGORITHM])
    except (KeyError, jwt.PyJWTError):
        raise errors.federated_signature_wrong() from None
