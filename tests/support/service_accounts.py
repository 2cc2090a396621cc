"""ServiceAccounts whose tokens a provider takes for an application's assertions."""

import json

from support.control_plane import ControlPlane
from support.entra import FederatedCredential

AUDIENCE = "api://AzureADTokenExchange"


def federated_credential(
    control_plane: ControlPlane, namespace: str, name: str, audience: str = AUDIENCE
) -> FederatedCredential:
    """What to register with an application: the API server's issuer and keys, as it publishes them, and the subject."""
    document, keys = (
        json.loads(control_plane.kubectl("get", f"--raw={path}"))
        for path in ("/.well-known/openid-configuration", "/openid/v1/jwks")
    )
    return FederatedCredential(document["issuer"], f"system:serviceaccount:{namespace}:{name}", audience, keys)
