"""What a token request asked for, in the words that an answer's explanation needs."""

from dataclasses import dataclass
from typing import Self

import jwt

from tokensync.credentials.pair import KeyPair
from tokensync.credentials.proof import ClientSecret, FederatedToken, Proof
from tokensync.identity.authority import authority, authority_field
from tokensync.resource.provider import Provider
from tokensync.resource.spec import Spec
from tokensync.resource.status import CredentialKind


@dataclass(frozen=True, slots=True)
class Offered:
    """What the client proved itself with, as far as it may be told.

    Attributes:
        kind: of the credential.
        thumbprint_sha1: of the certificate whose key signed, in upper-case hexadecimal.
        thumbprint_sha256: the same with SHA-256.
        issuer: of the ServiceAccount's token, as the token says; empty where it cannot be read.
        subject: whom that token is about.
        audience: to whom it is addressed.
    """

    kind: CredentialKind
    thumbprint_sha1: str = ""
    thumbprint_sha256: str = ""
    issuer: str = ""
    subject: str = ""
    audience: str = ""

    @classmethod
    def of(cls, proof: Proof) -> Self:
        """What may be told of a proof."""
        match proof:
            case KeyPair(thumbprint_sha1=sha1, thumbprint_sha256=sha256):
                return cls(CredentialKind.CERTIFICATE, thumbprint_sha1=sha1, thumbprint_sha256=sha256)
            case ClientSecret():
                return cls(CredentialKind.CLIENT_SECRET)
            case FederatedToken(value, subject, audience):
                return cls(CredentialKind.SERVICE_ACCOUNT, issuer=_issuer_of(value), subject=subject, audience=audience)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked whom for what. Nothing in it is secret: messages are made of it.

    Attributes:
        provider: `entra`, `oidc` or `oauth2`.
        host: that was asked, with its port where that is not 443.
        realm: the tenant id or domain, the issuer, or the token endpoint, as in the spec.
        field: of the spec, that says where to ask.
        client_id: the application.
        scope: RFC 6749 `scope`; empty where none was asked for.
        offered: what the client proved itself with.
    """

    provider: str
    host: str
    realm: str
    field: str
    client_id: str
    scope: str
    offered: Offered

    @classmethod
    def of(cls, spec: Spec, proof: Proof) -> Self:
        """What a resource asks for with this proof.

        Raises:
            SpecError: `InvalidSpec`.
        """
        return cls(
            provider=spec.provider.kind,
            host=authority(spec).origin,
            realm=_realm(spec.provider),
            field=authority_field(spec.provider),
            client_id=spec.client_id,
            scope=" ".join(spec.scopes),
            offered=Offered.of(proof),
        )


def _realm(provider: Provider) -> str:
    if provider.entra:
        return provider.entra.tenant_id
    return provider.oidc.issuer if provider.oidc else provider.oauth2.token_endpoint  # type: ignore[union-attr]


def _issuer_of(token: str) -> str:
    """The `iss` of a token that the API server gave us: whoever registers it has to know it, and it is no secret."""
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except jwt.InvalidTokenError:
        return ""
    return issuer if isinstance(issuer, str) else ""
