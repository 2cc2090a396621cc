"""Access tokens: JWTs signed by this provider, and the key set that they can be verified with."""

import math
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KEY_ID = "fake-entra-signing-key"
BACKDATED = timedelta(minutes=5)
"""Entra's tokens say that they were issued this long before they were: `exp - iat` is not the lifetime."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that was handed out.

    Attributes:
        value: the token itself.
        client_id: who got it.
        resource: its audience.
        thumbprint: SHA-256 of the certificate that it was got with, upper-case hexadecimal.
        issued_at: when.
        expires_at: its `exp`: from then on nobody accepts it. Less than a second later than `expires_in` tells.
        lifetime: what `expires_in` tells.
    """

    value: str = field(repr=False)
    client_id: str
    resource: str
    thumbprint: str
    issued_at: datetime
    expires_at: datetime
    lifetime: timedelta


class TokenIssuer:
    """Signs access tokens with RS256."""

    def issue(
        self,
        *,
        issuer: str,
        tenant_id: str,
        client_id: str,
        resource: str,
        thumbprint: str,
        now: datetime,
        lifetime: timedelta,
    ) -> IssuedToken:
        """Make an application's token for a resource, of about 1.5 KB."""
        expires_at = math.ceil((now + lifetime).timestamp())
        began = int((now - BACKDATED).timestamp())
        claims: dict[str, Any] = {
            "aud": resource,
            "iss": issuer,
            "iat": began,
            "nbf": began,
            "exp": expires_at,
            "aio": secrets.token_urlsafe(96),
            "app_displayname": "fake application",
            "appid": client_id,
            "appidacr": "2",
            "azp": client_id,
            "idp": issuer,
            "idtyp": "app",
            "jti": str(uuid.uuid4()),
            "oid": str(uuid.uuid5(uuid.NAMESPACE_URL, client_id)),
            "rh": f"1.{secrets.token_urlsafe(64)}.",
            "roles": ["Directory.Read.All", "Mail.Send", "Reports.Read.All", "Sites.Selected", "User.Read.All"],
            "sub": str(uuid.uuid5(uuid.NAMESPACE_URL, client_id)),
            "tid": tenant_id,
            "ver": "2.0",
            "wids": ["0997a1d0-0d1d-4acb-b408-d5ca73121e90"],
        }
        return IssuedToken(
            value=jwt.encode(claims, _signing_key(), algorithm="RS256", headers={"kid": KEY_ID}),
            client_id=client_id,
            resource=resource,
            thumbprint=thumbprint,
            issued_at=now,
            expires_at=datetime.fromtimestamp(expires_at, UTC),
            lifetime=lifetime,
        )

    def key_set(self) -> dict[str, Any]:
        """The public key as a JWK set (RFC 7517, section 5)."""
        key = RSAAlgorithm.to_jwk(_signing_key().public_key(), as_dict=True)
        return {"keys": [{**key, "use": "sig", "kid": KEY_ID, "alg": "RS256"}]}


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    """One for the process: making it takes longer than everything else here."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
