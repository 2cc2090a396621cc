"""Where a resource's tokens come from: the one place that reads it out of a spec."""

from dataclasses import replace
from functools import lru_cache

from tokensync.errors import Reason, SpecError
from tokensync.identity.entra import tenant_address
from tokensync.identity.hosts import Address, parse_url
from tokensync.resource.provider import OAuth2Provider, OIDCProvider, Provider
from tokensync.resource.spec import Spec

WELL_KNOWN = "/.well-known/openid-configuration"
"""What follows the issuer in a discovery document's address (OpenID Connect Discovery 1.0, section 4)."""

_FIELDS = {
    "entra": "spec.provider.entra",
    "oidc": "spec.provider.oidc.issuer",
    "oauth2": "spec.provider.oauth2.tokenEndpoint",
}


def authority(spec: Spec) -> Address:
    """What the spec names: the tenant's address, the issuer, or the token endpoint.

    Everything that tells one provider from another goes by it. All requests of `entra` go to its host; what is
    discovered with `oidc` may lie elsewhere.

    Raises:
        SpecError: `InvalidSpec`, if it is no address, which the CRD does not let through.
    """
    return _authority(spec.provider)


def authority_field(provider: Provider) -> str:
    """The field of the spec that names it."""
    return _FIELDS[provider.kind]


def metadata_address(spec: Spec) -> Address:
    """Where the discovery document is; a terminating slash is not repeated. A tenant's is that of Entra's version 2.0.

    Raises:
        SpecError: `InvalidSpec`.
    """
    named, version = authority(spec), "/v2.0" if spec.provider.entra else ""
    return replace(named, path=f"{named.path.removesuffix('/')}{version}{WELL_KNOWN}")


def parse_endpoint(url: str) -> Address:
    """Read an https URL as `parse_url` does, but keep a terminating slash: to some servers it is another address.

    Raises:
        ValueError: as `parse_url`.
    """
    address = parse_url(url)
    return replace(address, path=f"{address.path}/") if url.endswith("/") else address


@lru_cache(maxsize=4096)
def _authority(provider: Provider) -> Address:
    match provider:
        case Provider(oidc=OIDCProvider(issuer=url)) | Provider(oauth2=OAuth2Provider(token_endpoint=url)):
            return _parse(url, authority_field(provider))
        case _:
            return tenant_address(provider.entra)


def _parse(url: str, field: str) -> Address:
    try:
        return parse_endpoint(url)
    except ValueError as error:
        raise SpecError(
            Reason.INVALID_SPEC,
            f"{field} cannot be used: {error}",
            remedy="write it as https://host[:port][/path]",
        ) from None
