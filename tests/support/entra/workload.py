"""An issuer of ServiceAccount tokens such as an API server's, for tests that need no cluster."""

import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from support.entra.directory import FederatedCredential

AUDIENCE = "api://AzureADTokenExchange"
SUBJECT = "system:serviceaccount:reports:reader"


class WorkloadIssuer:
    """Signs tokens with one key.

    Attributes:
        url: `iss` of its tokens.
    """

    def __init__(self, url: str = "https://oidc.example/cluster-1", key_id: str = "key-1") -> None:
        self.url = url
        self._key_id = key_id

    @property
    def jwks(self) -> dict[str, Any]:
        """Its public keys."""
        key = RSAAlgorithm.to_jwk(_key().public_key(), as_dict=True)
        return {"keys": [{**key, "use": "sig", "kid": self._key_id, "alg": "RS256"}]}

    def credential(self, subject: str = SUBJECT, audience: str = AUDIENCE) -> FederatedCredential:
        """What to register with an application that is to take its tokens."""
        return FederatedCredential(self.url, subject, audience, self.jwks)

    def token(self, *, key: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        """Sign a token of ten minutes for `SUBJECT`, in the form that Kubernetes gives them.

        Args:
            key: instead of its own.
            algorithm: `alg`.
            **claims: instead of the right ones.
        """
        now = int(time.time())
        right = {"iss": self.url, "sub": SUBJECT, "aud": [AUDIENCE], "iat": now, "nbf": now, "exp": now + 600}
        headers = {"kid": self._key_id}
        return jwt.encode({**right, **claims}, key or _key(), algorithm=algorithm, headers=headers)


@cache
def _key() -> rsa.RSAPrivateKey:
    """One for the process: making it takes longer than everything else here."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
