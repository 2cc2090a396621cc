"""Microsoft Entra ID's addresses."""

from functools import lru_cache

from tokensync.errors import Reason, SpecError
from tokensync.identity.hosts import Address, parse_url
from tokensync.resource.provider import Cloud, EntraProvider

AUTHORITY_HOSTS = {
    Cloud.PUBLIC: "login.microsoftonline.com",
    Cloud.US_GOVERNMENT: "login.microsoftonline.us",
    Cloud.CHINA: "login.partner.microsoftonline.cn",
}


@lru_cache(maxsize=4096)
def tenant_address(entra: EntraProvider) -> Address:
    """The address of the tenant, under which its discovery document and its token endpoint are.

    Raises:
        SpecError: `InvalidSpec`, if host and tenant make no address, which the CRD does not let through.
    """
    host = entra.authority_host or AUTHORITY_HOSTS[entra.cloud or Cloud.PUBLIC]
    try:
        address = parse_url(f"https://{host}/{entra.tenant_id}")
    except ValueError:
        address = None
    if address is None or address.path.split("/") != ["", entra.tenant_id]:
        raise SpecError(
            Reason.INVALID_SPEC,
            "spec.provider.entra does not name a host and a tenant",
            remedy="set tenantId to a GUID or a domain, and authorityHost, if it is needed, to host[:port]",
        )
    return address
