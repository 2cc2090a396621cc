"""Names that are API: of the resource, of what we mark Secrets with, and of the Lease."""

GROUP = "tokensync.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "ClientCredentialToken"
PLURAL = "clientcredentialtokens"

FIELD_MANAGER = "tokensync"
LEASE = "tokensync"
"""The Lease that the working replica holds."""

RENEW_REQUESTED_AT = f"{GROUP}/renew-requested-at"
"""On a resource: any new value asks for a renewal now."""

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "tokensync"
OWNER_UID_LABEL = f"{GROUP}/owner-uid"

ISSUED_AT = f"{GROUP}/issued-at"
EXPIRES_AT = f"{GROUP}/expires-at"
ACQUIRED_FOR = f"{GROUP}/acquired-for"
RENEWED_FOR = f"{GROUP}/renewed-for"
PREVIOUS_EXPIRES_AT = f"{GROUP}/previous-expires-at"
ADOPTED = f"{GROUP}/adopted"
ADOPTABLE_BY = f"{GROUP}/adoptable-by"
