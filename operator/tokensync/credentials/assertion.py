"""The client assertion: a short-lived, signed statement of the client about itself (RFC 7521, RFC 7523).

It is what the request for a token carries as `client_assertion`, and proves possession of the private key without
sending it. Its form is a JWS in compact serialization (RFC 7515): header, claims and signature, each in Base64url
without padding, joined by dots.

Header:

==========  ============================================================================================================
`alg`       `PS256`: RSASSA-PSS with SHA-256 (RFC 7518, section 3.5), signed with the private key of the Secret
`typ`       `JWT`
`x5t#S256`  the certificate's SHA-256 thumbprint in Base64url (RFC 7515, section 4.1.8): which of the application's
            registered certificates to verify with
==========  ============================================================================================================

Claims (RFC 7523, section 3), times in whole seconds since 1970:

==========  ============================================================================================================
`iss`       the client says it: `spec.clientId`
`sub`       about itself: the same
`aud`       to whom: the token endpoint that the tenant's discovery document names
`iat`       when: ten seconds ago, because some servers accept no time that is ahead of their own clock
`nbf`       valid from: the same
`exp`       valid until: four minutes from now, room enough for a slow request and a clock that is off
`jti`       a new UUID each time: an assertion is good for one request
==========  ============================================================================================================
"""

from datetime import datetime, timedelta
from uuid import uuid4

import jwt
from jwt.utils import base64url_encode

from tokensync.credentials.pair import KeyPair

BACKDATING = timedelta(seconds=10)
VALIDITY = timedelta(minutes=4)


def sign_assertion(pair: KeyPair, *, client_id: str, audience: str, now: datetime) -> str:
    """Sign a new assertion. It is a secret for as long as it is valid.

    Args:
        pair: what the client is registered with.
        client_id: the application.
        audience: the token endpoint's URL.
        now: the time on the wall clock, aware.
    """
    issued_at = int((now - BACKDATING).timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": int((now + VALIDITY).timestamp()),
        "jti": str(uuid4()),
    }
    header = {"x5t#S256": base64url_encode(bytes.fromhex(pair.thumbprint_sha256)).decode()}
    return jwt.encode(claims, pair.private_key, algorithm="PS256", headers=header)
