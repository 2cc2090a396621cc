"""ServiceAccounts whose tokens a provider takes for an application's assertions."""

import json
from collections.abc import Callable

from support.entra import FederatedCredential

AUDIENCE = "api://AzureADTokenExchange"


def federated_credential(
    kubectl: Callable[..., str], namespace: str, name: str, audience: str = AUDIENCE
) -> FederatedCredential:
    """What to register with an application: the API server's issuer and keys, as it publishes them, and the subject."""
    document, keys = (
        json.loads(kubectl("get", f"--raw={path}")) for path in ("/.well-known/openid-configuration", "/openid/v1/jwks")
    )
    return FederatedCredential(document["issuer"], f"system:serviceaccount:{namespace}:{name}", audience, keys)
