"""A tenant's addresses, and the OpenID metadata that names them (OpenID Connect Discovery 1.0, section 3)."""

from typing import Any

from support.entra.directory import Tenant

METADATA_PATH = "/{tenant}/v2.0/.well-known/openid-configuration"
TOKEN_PATH = "/{tenant}/oauth2/v2.0/token"
KEYS_PATH = "/{tenant}/discovery/v2.0/keys"


class Addresses:
    """Where things are. They name a tenant by its identifier, however the request named it."""

    def __init__(self, host: str) -> None:
        self.host = host

    def issuer(self, tenant: Tenant) -> str:
        """The `iss` of tokens."""
        return f"https://{self.host}/{tenant.tenant_id}/v2.0"

    def token_endpoint(self, tenant: Tenant) -> str:
        """Where tokens are asked for."""
        return self._url(TOKEN_PATH, tenant)

    def error(self, code: int) -> str:
        """A page about an AADSTS number."""
        return f"https://{self.host}/error?code={code}"

    def metadata(self, tenant: Tenant) -> dict[str, Any]:
        """The metadata document."""
        base = f"https://{self.host}/{tenant.tenant_id}"
        return {
            "token_endpoint": self.token_endpoint(tenant),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": self._url(KEYS_PATH, tenant),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": self.issuer(tenant),
            "request_uri_parameter_supported": False,
            "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "http_logout_supported": True,
            "frontchannel_logout_supported": True,
            "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "name", "tid", "ver"],
            "kerberos_endpoint": f"{base}/kerberos",
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
            "rbac_url": "https://pas.windows.net",
        }

    def _url(self, path: str, tenant: Tenant) -> str:
        return f"https://{self.host}{path.format(tenant=tenant.tenant_id)}"
