"""Where tokens come from, for every kind of provider but Entra."""

import pytest

from support.token_source import TENANT, make_spec, spec_for
from tokensync.errors import Reason, SpecError
from tokensync.identity.authority import authority, authority_field, metadata_address

PROVIDERS = {"oidc": "issuer", "oauth2": "tokenEndpoint"}


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://idp.example", "idp.example"),
        ("https://idp.example/", "idp.example"),
        ("https://IDP.example:8443/realms/a", "idp.example:8443"),
        ("https://idp.example:443/realms/a/", "idp.example"),
    ],
)
def test_an_address_is_read_from_the_providers_one_field(kind: str, url: str, origin: str) -> None:
    """Its path stays as it is written, a final slash included."""
    address = authority(spec_for({kind: {PROVIDERS[kind]: url}}))
    assert address.origin == origin
    assert address.url.endswith(url.partition("example")[2].replace(":443", ""))


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
@pytest.mark.parametrize(
    "url",
    ["http://idp.example", "https://user@idp.example", "https://idp.example/a/../b", "https://idp.example/?a=b", ""],
)
def test_what_is_no_address_is_refused_by_its_field(kind: str, url: str) -> None:
    """The CRD lets none of these through; a resource from before it was applied may still have one."""
    spec = spec_for({kind: {PROVIDERS[kind]: url}})
    with pytest.raises(SpecError) as caught:
        authority(spec)
    assert caught.value.reason is Reason.INVALID_SPEC
    assert caught.value.message.startswith(f"spec.provider.{kind}.{PROVIDERS[kind]} cannot be used: it")
    assert caught.value.remedy == "write it as https://host[:port][/path]"


def test_the_field_that_names_it_is_known() -> None:
    """For messages: it is what has to be corrected."""
    assert authority_field(make_spec().provider) == "spec.provider.entra"
    assert authority_field(spec_for({"oidc": {"issuer": "https://a"}}).provider) == "spec.provider.oidc.issuer"
    assert (
        authority_field(spec_for({"oauth2": {"tokenEndpoint": "https://a"}}).provider)
        == "spec.provider.oauth2.tokenEndpoint"
    )


@pytest.mark.parametrize(
    ("issuer", "document"),
    [
        ("https://idp.example", "https://idp.example/.well-known/openid-configuration"),
        ("https://idp.example/", "https://idp.example/.well-known/openid-configuration"),
        ("https://idp.example/a/b", "https://idp.example/a/b/.well-known/openid-configuration"),
        ("https://idp.example/a/b/", "https://idp.example/a/b/.well-known/openid-configuration"),
    ],
)
def test_a_discovery_document_is_below_the_issuer(issuer: str, document: str) -> None:
    """After its final slash, if it has one (OpenID Connect Discovery 1.0, section 4)."""
    assert metadata_address(spec_for({"oidc": {"issuer": issuer}})).url == document


def test_a_tenants_discovery_document_is_of_version_2() -> None:
    """The other one names the token endpoint of version 1.0, which takes no scope."""
    document = f"https://login.microsoftonline.us/{TENANT}/v2.0/.well-known/openid-configuration"
    assert metadata_address(make_spec(cloud="USGovernment")).url == document
