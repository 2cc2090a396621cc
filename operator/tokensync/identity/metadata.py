"""What a discovery document says (OpenID Connect Discovery 1.0, section 3), and whether to believe it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from tokensync.errors import ProviderError, Reason
from tokensync.identity.authority import authority_field, parse_endpoint
from tokensync.identity.cleaning import Cleaner
from tokensync.identity.hosts import Address, parse_url
from tokensync.resource.provider import OIDCProvider, Provider


@dataclass(frozen=True, slots=True)
class Metadata:
    """The members of a document that count here.

    Attributes:
        source: where the document is.
        issuer: as the document writes it; empty if it names none.
        token_endpoint: as the document writes it; an https URL.
    """

    source: Address
    issuer: str
    token_endpoint: str

    @classmethod
    def read(cls, document: Mapping[str, Any], source: Address) -> Self:
        """Take the members out of a document.

        Raises:
            ProviderError: `ProviderResponseInvalid`, if it names no token endpoint that could be asked.
        """
        issuer, endpoint = document.get("issuer"), document.get("token_endpoint")
        try:
            parse_url(str(endpoint))
        except ValueError:
            endpoint = None
        if endpoint is None:
            raise _unusable(source, "that is no https URL")
        return cls(source, issuer if isinstance(issuer, str) else "", str(endpoint))

    @property
    def for_msal(self) -> str:
        """As JSON, with the members that MSAL reads."""
        members = {"issuer": self.issuer, "authorization_endpoint": None, "token_endpoint": self.token_endpoint}
        return json.dumps(members)

    def require_own_token_endpoint(self) -> None:
        """Refuse a token endpoint on another host than the document's.

        Raises:
            ProviderError: `ProviderResponseInvalid`.
        """
        endpoint = parse_endpoint(self.token_endpoint)
        if endpoint.origin != self.source.origin:
            raise _unusable(self.source, f"on another host, {endpoint.origin}")

    def require_issuer(self, provider: Provider) -> None:
        """Refuse an issuer that an assertion for this provider must not be addressed to.

        With `oidc` it is the spec's, character by character (section 4.3). Entra names a tenant by its id there, however the
        spec does: that it is on the authority's own host keeps that host from having assertions made for another.

        Raises:
            ProviderError: `IssuerMismatch`.
        """
        match provider.oidc:
            case OIDCProvider(issuer=issuer):
                if self.issuer != issuer:
                    raise self._other_issuer(f"and not {issuer}", authority_field(provider))
            case None:
                if _origin(self.issuer) != self.source.origin:
                    raise self._other_issuer("which is on another host", authority_field(provider))

    def _other_issuer(self, problem: str, field: str) -> ProviderError:
        issuer = Cleaner().clean(self.issuer)
        named = f"issuer {issuer}" if issuer else "no issuer"
        return ProviderError(
            Reason.ISSUER_MISMATCH,
            f"the discovery document of {self.source.origin} names {named}, {problem}",
            remedy=f"if that is the server that is meant, set {field} to exactly what its discovery document names, a final "
            "slash included; otherwise find out what answers in its place",
        )


def _origin(url: str) -> str | None:
    try:
        return parse_url(url).origin
    except ValueError:
        return None


def _unusable(source: Address, where: str) -> ProviderError:
    return ProviderError(
        Reason.PROVIDER_RESPONSE_INVALID,
        f"the discovery document of {source.origin} names a token endpoint {where}",
        remedy=f"find out what answers in the place of {source.origin}",
    )
