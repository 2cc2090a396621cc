"""The shortest useful resource, and variations of it."""

from typing import Any

import yaml

Resource = dict[str, Any]

SHORTEST = """
apiVersion: tokensync.dev/v1alpha1
kind: ClientCredentialToken
metadata:
  name: graph
spec:
  provider:
    entra: {tenantId: 6babcaad-604b-40ac-a9d7-9fd97c0b779f}
  clientId: 535fb089-9ff3-47b6-9bfb-4f1264799865
  scopes: ["https://graph.microsoft.com/.default"]
  credential:
    certificate: {secretRef: {name: graph-client-certificate}}
  target: {name: graph-token}
"""


CERTIFICATE = {"secretRef": {"name": "graph-client-certificate"}}
OIDC = {"oidc": {"issuer": "https://login.example.com/realms/reports"}}
OAUTH2 = {"oauth2": {"tokenEndpoint": "https://login.example.com/oauth/token"}}
CLIENT_SECRET = {"clientSecret": {"secretKeyRef": {"name": "graph-client-secret", "key": "client-secret"}}}
SERVICE_ACCOUNT = {"serviceAccount": {"name": "reports"}}


def with_spec(**spec: Any) -> Resource:
    """The shortest resource, with these members of its spec instead of its own."""
    result = resource()
    result["spec"] |= spec
    return result


def resource(path: str = "", value: Any = None) -> Resource:
    """The shortest resource, with the member at a dotted path replaced, or left out where the value is None."""
    result: Resource = yaml.safe_load(SHORTEST)
    if path:
        *above, last = path.split(".")
        parent = result
        for name in above:
            parent = parent[name]
        parent[last] = value
        if value is None:
            del parent[last]
    return result
