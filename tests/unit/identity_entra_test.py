"""Where Entra's tenants are."""

from typing import Any

import pytest

from support.token_source import TENANT, make_spec
from tokensync.errors import Reason, SpecError
from tokensync.identity.authority import authority


@pytest.mark.parametrize(
    ("entra", "url"),
    [
        ({}, f"https://login.microsoftonline.com/{TENANT}"),
        ({"cloud": "Public"}, f"https://login.microsoftonline.com/{TENANT}"),
        ({"cloud": "USGovernment"}, f"https://login.microsoftonline.us/{TENANT}"),
        ({"cloud": "China"}, f"https://login.partner.microsoftonline.cn/{TENANT}"),
        ({"authorityHost": "Login.Example.com:8443"}, f"https://login.example.com:8443/{TENANT}"),
        ({"tenant_id": "contoso.onmicrosoft.com"}, "https://login.microsoftonline.com/contoso.onmicrosoft.com"),
    ],
)
def test_the_cloud_or_the_authority_host_decides(entra: dict[str, Any], url: str) -> None:
    """The tenant's address follows from the provider's fields."""
    assert authority(make_spec(**entra)).url == url


@pytest.mark.parametrize(
    "entra",
    [
        {"tenant_id": "tenant/../other"},
        {"tenant_id": "tenant/other"},
        {"tenant_id": "tenant?x=1"},
        {"tenant_id": ""},
        {"tenant_id": ".."},
        {"authorityHost": "user@login.example.com"},
        {"authorityHost": "login.example.com/prefix"},
        {"authorityHost": "login.example.com#"},
    ],
)
def test_what_makes_no_address_is_refused(entra: dict[str, Any]) -> None:
    """The CRD lets none of these through; a resource from before it was applied may still have one."""
    with pytest.raises(SpecError) as caught:
        authority(make_spec(**entra))
    assert caught.value.reason is Reason.INVALID_SPEC
    assert caught.value.text == (
        "spec.provider.entra does not name a host and a tenant: set tenantId to a GUID or a domain, and authorityHost, "
        "if it is needed, to host[:port]"
    )
