"""Clients as the provider registers them (RFC 7591, section 2, with the names that it has there)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from support.certificates import ClientCertificate
from support.objects import Json


@dataclass(frozen=True, slots=True)
class Client:
    """A client that gets tokens for itself alone.

    Attributes:
        client_id: its identifier.
        proof: the part of its metadata that says how it proves who it is.
        lifetime: of its tokens, in whole seconds.
        signed_with: JWS `alg` of its tokens, `RS256` or `ES256`.
    """

    client_id: str
    proof: Json = field(repr=False)
    lifetime: int = 600
    signed_with: str = "RS256"

    @classmethod
    def with_keys(cls, client_id: str, keys: Sequence[Json], *, algorithm: str | None = None, **others: Any) -> Self:
        """One that signs assertions (`private_key_jwt`).

        Args:
            client_id: its identifier.
            keys: its public ones, as `jwk_of` makes them.
            algorithm: the only one that is taken of it; whichever fits a key unless told.
            **others: further attributes.
        """
        pinned = {"token_endpoint_auth_signing_alg": algorithm} if algorithm else {}
        proof = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": list(keys)}, **pinned}
        return cls(client_id, proof, **others)

    @classmethod
    def with_secret(cls, client_id: str, secret: str, **others: Any) -> Self:
        """One that sends a secret, in the body or in a header."""
        return cls(client_id, {"token_endpoint_auth_method": "client_secret_basic", "client_secret": secret}, **others)

    @classmethod
    def federated(cls, client_id: str, *, issuer: str, subject: str, audience: str, jwks: Json, **others: Any) -> Self:
        """One that shows a token of another issuer, which is verified by `server/federation.js`.

        Args:
            client_id: its identifier.
            issuer: `iss` of that token.
            subject: its `sub`.
            audience: its only `aud`.
            jwks: the keys that its issuer publishes.
            **others: further attributes.
        """
        trust = {"issuer": issuer, "subject": subject, "audience": audience, "jwks": jwks}
        return cls(client_id, {"federated": trust}, **others)

    def metadata(self) -> Json:
        """The registration's JSON, with the client's secret in it."""
        return {
            "client_id": self.client_id,
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "response_types": [],
            "access_token_ttl": self.lifetime,
            "access_token_alg": self.signed_with,
            **self.proof,
        }


def jwk_of(certificate: ClientCertificate, **members: str) -> Json:
    """A certificate's public key as a JWK (RFC 7517), with further members such as `kid`."""
    key = certificate.private_key
    text = (
        RSAAlgorithm.to_jwk(key.public_key())
        if isinstance(key, RSAPrivateKey)
        else ECAlgorithm.to_jwk(key.public_key())
    )
    return {**json.loads(text), **members}
