"""An OpenID provider that is not ours: the npm package `oidc-provider`, run beside the tests, over TLS."""

from support.oidc_provider.clients import Client, jwk_of
from support.oidc_provider.journal import TokenRequest
from support.oidc_provider.packages import PackagesError
from support.oidc_provider.server import OidcProvider

__all__ = ["Client", "OidcProvider", "PackagesError", "TokenRequest", "jwk_of"]
