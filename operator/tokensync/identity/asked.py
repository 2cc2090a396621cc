"""What a token request asked for, in the words that an answer's explanation needs."""

from dataclasses import dataclass
from typing import Self

from tokensync.credentials.pair import KeyPair
from tokensync.identity.entra import authority
from tokensync.resource.spec import Spec


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked whom for what. Nothing in it is secret: messages are made of it.

    Attributes:
        host: the authority's host, with its port where that is not 443.
        tenant: tenant id or domain, as in the spec.
        client_id: the application.
        scope: RFC 6749 `scope`.
        thumbprint_sha1: of the certificate whose key signed, in upper-case hexadecimal.
        thumbprint_sha256: the same with SHA-256.
    """

    host: str
    tenant: str
    client_id: str
    scope: str
    thumbprint_sha1: str
    thumbprint_sha256: str

    @classmethod
    def of(cls, spec: Spec, pair: KeyPair) -> Self:
        """What a resource asks for with this pair."""
        return cls(
            host=authority(spec).origin,
            tenant=spec.provider.entra.tenant_id,
            client_id=spec.client_id,
            scope=" ".join(spec.scopes),
            thumbprint_sha1=pair.thumbprint_sha1,
            thumbprint_sha256=pair.thumbprint_sha256,
        )
