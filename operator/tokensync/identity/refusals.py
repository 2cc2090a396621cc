"""What refusals mean and what to do about them, as tables. Sentences and remedies are filled with the fields of `Asked`.

The OAuth error (RFC 6749, section 5.2) decides. Entra's AADSTS numbers, which Microsoft may change at any time, only
make the reason and the remedy more exact.
"""

from tokensync.errors import Reason

REASON_OF_ERROR = {
    "access_denied": Reason.POLICY_BLOCKED,
    "interaction_required": Reason.POLICY_BLOCKED,
    "invalid_client": Reason.CREDENTIAL_REJECTED,
    "invalid_resource": Reason.SCOPE_REJECTED,
    "invalid_scope": Reason.SCOPE_REJECTED,
    "invalid_tenant": Reason.TENANT_UNKNOWN,
    "server_error": Reason.PROVIDER_UNAVAILABLE,
    "temporarily_unavailable": Reason.PROVIDER_UNAVAILABLE,
    "unauthorized_client": Reason.CLIENT_NOT_AUTHORIZED,
}

REASON_OF_CODE = {
    # the tenant, or the cloud that it lives in
    50194: Reason.TENANT_UNKNOWN,
    90002: Reason.TENANT_UNKNOWN,
    90038: Reason.TENANT_UNKNOWN,
    500021: Reason.TENANT_UNKNOWN,
    500022: Reason.TENANT_UNKNOWN,
    900021: Reason.TENANT_UNKNOWN,
    900023: Reason.TENANT_UNKNOWN,
    900382: Reason.TENANT_UNKNOWN,
    9001023: Reason.TENANT_UNKNOWN,
    # the application
    700016: Reason.CLIENT_UNKNOWN,
    7000229: Reason.CLIENT_UNKNOWN,
    # its certificate
    50012: Reason.CREDENTIAL_REJECTED,
    700027: Reason.CREDENTIAL_REJECTED,
    700030: Reason.CREDENTIAL_REJECTED,
    7000213: Reason.CREDENTIAL_REJECTED,
    # the assertion that the certificate's key signed
    50013: Reason.ASSERTION_REJECTED,
    50027: Reason.ASSERTION_REJECTED,
    700021: Reason.ASSERTION_REJECTED,
    500133: Reason.CLOCK_SKEWED,
    700024: Reason.CLOCK_SKEWED,
    # the resource that the token is for
    50001: Reason.SCOPE_REJECTED,
    70011: Reason.SCOPE_REJECTED,
    500011: Reason.SCOPE_REJECTED,
    650057: Reason.SCOPE_REJECTED,
    700022: Reason.SCOPE_REJECTED,
    1002012: Reason.SCOPE_REJECTED,
    # an administrator's decision
    53003: Reason.POLICY_BLOCKED,
    70001: Reason.POLICY_BLOCKED,
    530032: Reason.POLICY_BLOCKED,
    530035: Reason.POLICY_BLOCKED,
    7000112: Reason.POLICY_BLOCKED,
    # passes by itself
    50033: Reason.PROVIDER_UNAVAILABLE,
    90006: Reason.PROVIDER_UNAVAILABLE,
    90012: Reason.PROVIDER_UNAVAILABLE,
    90024: Reason.PROVIDER_UNAVAILABLE,
    90033: Reason.PROVIDER_UNAVAILABLE,
    90090: Reason.PROVIDER_UNAVAILABLE,
    50196: Reason.PROVIDER_THROTTLED,
    90055: Reason.PROVIDER_THROTTLED,
}

REQUEST_LOOP = 50196
"""The provider saw the same request again and again: it wants to be left alone for longer than it says."""

SELF_EXPLANATORY = frozenset({90002, 500133, 700016, 700024, 700027})
"""Our own sentence says all that the provider's text says, in fewer words."""

SENTENCES = {
    Reason.TENANT_UNKNOWN: "{host} does not know tenant {tenant}",
    Reason.CLIENT_UNKNOWN: "{host} does not know application (client) id {client_id} in tenant {tenant}",
    Reason.CREDENTIAL_REJECTED: "{host} does not accept the certificate with thumbprint {thumbprint_sha1} "
    "(SHA-256 {thumbprint_sha256}) for application (client) id {client_id}",
    Reason.ASSERTION_REJECTED: "{host} does not accept the assertion signed for application (client) id {client_id}",
    Reason.CLOCK_SKEWED: "{host} finds the assertion expired or not yet valid",
    Reason.SCOPE_REJECTED: "{host} refuses scope {scope} for application (client) id {client_id}",
    Reason.CLIENT_NOT_AUTHORIZED: "{host} does not let application (client) id {client_id} use the client credentials "
    "grant",
    Reason.POLICY_BLOCKED: "a policy at {host} blocks application (client) id {client_id}",
    Reason.REQUEST_REJECTED: "{host} refuses the request of application (client) id {client_id}",
    Reason.PROVIDER_UNAVAILABLE: "{host} is not available at the moment",
    Reason.PROVIDER_THROTTLED: "{host} asks for fewer requests of application (client) id {client_id}",
}

REMEDIES = {
    Reason.TENANT_UNKNOWN: "correct spec.provider.entra: tenantId is the directory (tenant) id or a domain of the "
    "tenant, cloud is the one that the tenant is in",
    Reason.CLIENT_UNKNOWN: "correct spec.clientId or spec.provider.entra.tenantId, or register the application in that "
    "tenant and wait some minutes until it is known",
    Reason.CREDENTIAL_REJECTED: "register the certificate with thumbprint {thumbprint_sha1} on application "
    "{client_id}, or put a registered certificate and its key into the Secret; a new registration takes minutes to be "
    "known",
    Reason.ASSERTION_REJECTED: "check that the certificate with thumbprint {thumbprint_sha1} is registered on "
    "application {client_id}, and give the correlation id to the provider's support if it is",
    Reason.CLOCK_SKEWED: "synchronise the clock of the node that tokensync runs on",
    Reason.SCOPE_REJECTED: "set spec.scopes to exactly one <resource>/.default of a resource that tenant {tenant} knows",
    Reason.CLIENT_NOT_AUTHORIZED: "allow the client credentials grant for application {client_id} at the provider, or "
    "correct spec.clientId",
    Reason.POLICY_BLOCKED: "ask an administrator of tenant {tenant} to let application {client_id} sign in from this "
    "cluster's address",
    Reason.REQUEST_REJECTED: "check spec.provider, spec.clientId and spec.scopes, or give the correlation id to the "
    "provider's support",
    Reason.PROVIDER_THROTTLED: "find out what else requests tokens for application {client_id}, or ask the "
    "administrator of tokensync to set provider-requests-per-second",
}

REMEDY_OF_CODE = {
    50194: "set spec.provider.entra.tenantId to the tenant that application {client_id} is registered in",
    500011: "correct the resource in spec.scopes, or add its enterprise application to tenant {tenant}",
    7000112: "ask an administrator of tenant {tenant} to enable application {client_id}",
    7000229: "create the enterprise application (service principal) of {client_id} in tenant {tenant}",
}
