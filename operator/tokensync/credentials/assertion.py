"""The client assertion: a short-lived, signed statement of the client about itself (RFC 7521, RFC 7523).

It is what the request for a token carries as `client_assertion`, and proves possession of the private key without
sending it. Its form is a JWS in compact serialization (RFC 7515): header, claims and signature, each in Base64url
without padding, joined by dots.

Header:

==========  ============================================================================================================
`alg`       the algorithm (RFC 7518, section 3.1): `spec.credential.certificate.algorithm`, or by the private key's type
            `PS256`, `ES256`, `ES384` or `ES512`
`typ`       `JWT`
`x5t#S256`  the certificate's SHA-256 thumbprint in Base64url (RFC 7515, section 4.1.8): which of the application's
            registered certificates to verify with
`kid`       only where `keyId` is set: the name that the provider gave the key
`x5c`       only with `sendChain`: the certificates themselves, leaf first, without the root, each its DER form in Base64
            without line breaks (RFC 7515, section 4.1.6)
==========  ============================================================================================================

Claims (RFC 7523, section 3), times in whole seconds since 1970:

==========  ============================================================================================================
`iss`       the client says it: `spec.clientId`
`sub`       about itself: the same
`aud`       to whom: the URL of the token endpoint, or the issuer's
`iat`       when: ten seconds ago, because some servers accept no time that is ahead of their own clock
`nbf`       valid from: the same
`exp`       valid until: four minutes from now, room enough for a slow request and a clock that is off
`jti`       a new UUID each time: an assertion is good for one request
==========  ============================================================================================================
"""

from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from jwt.utils import base64url_encode

from tokensync.credentials.pair import KeyPair
from tokensync.resource.credential import CertificateCredential

BACKDATING = timedelta(seconds=10)
VALIDITY = timedelta(minutes=4)


def sign_assertion(pair: KeyPair, form: CertificateCredential, *, client_id: str, audience: str, now: datetime) -> str:
    """Sign a new assertion. It is a secret for as long as it is valid.

    Args:
        pair: what the client is registered with.
        form: how the spec wants it to be signed, and what it wants in the header.
        client_id: the application.
        audience: the token endpoint's URL, or the issuer's.
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
    algorithm = form.algorithm or pair.algorithms[0]
    return jwt.encode(claims, pair.private_key, algorithm=algorithm, headers=_header(pair, form))


def _header(pair: KeyPair, form: CertificateCredential) -> dict[str, Any]:
    """What stands in it beside `alg` and `typ`."""
    header: dict[str, Any] = {"x5t#S256": base64url_encode(bytes.fromhex(pair.thumbprint_sha256)).decode()}
    if form.key_id:
        header["kid"] = form.key_id
    if form.send_chain:
        header["x5c"] = [b64encode(certificate).decode() for certificate in pair.chain]
    return header
