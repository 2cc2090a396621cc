"""What refusals mean, as tables.

The OAuth error (RFC 6749, section 5.2) decides. Entra's AADSTS numbers, which Microsoft may change at any time, only
make the reason and the remedy more exact.
"""

from tokensync.errors import Reason

REASON_OF_ERROR = {
    "access_denied": Reason.POLICY_BLOCKED,
    "interaction_required": Reason.POLICY_BLOCKED,
    "invalid_client": Reason.CREDENTIAL_REJECTED,
    "invalid_grant": Reason.CREDENTIAL_REJECTED,  # the grant is the credential (RFC 6749, section 1.3.4)
    "invalid_resource": Reason.SCOPE_REJECTED,
    "invalid_scope": Reason.SCOPE_REJECTED,
    "invalid_tenant": Reason.TENANT_UNKNOWN,
    "jti_known": Reason.ASSERTION_REJECTED,  # Ory Hydra's
    "server_error": Reason.PROVIDER_UNAVAILABLE,
    "temporarily_unavailable": Reason.PROVIDER_UNAVAILABLE,
    "unauthorized_client": Reason.CLIENT_NOT_AUTHORIZED,
    "unsupported_grant_type": Reason.CLIENT_NOT_AUTHORIZED,
}

REASON_OF_STATUS = {401: Reason.CREDENTIAL_REJECTED, 404: Reason.TENANT_UNKNOWN}
"""Where the error is none of these."""

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
    # its certificate, its client secret, its federated credential
    50012: Reason.CREDENTIAL_REJECTED,
    70021: Reason.CREDENTIAL_REJECTED,
    700027: Reason.CREDENTIAL_REJECTED,
    700030: Reason.CREDENTIAL_REJECTED,
    700211: Reason.CREDENTIAL_REJECTED,
    700212: Reason.CREDENTIAL_REJECTED,
    700213: Reason.CREDENTIAL_REJECTED,
    7000213: Reason.CREDENTIAL_REJECTED,
    7000215: Reason.CREDENTIAL_REJECTED,
    7000222: Reason.CREDENTIAL_REJECTED,
    7002138: Reason.CREDENTIAL_REJECTED,
    # the assertion: the one that the certificate's key signed, or a ServiceAccount's token
    50013: Reason.ASSERTION_REJECTED,
    50027: Reason.ASSERTION_REJECTED,
    90061: Reason.ASSERTION_REJECTED,
    700021: Reason.ASSERTION_REJECTED,
    5002738: Reason.ASSERTION_REJECTED,
    500133: Reason.CLOCK_SKEWED,
    700024: Reason.CLOCK_SKEWED,
    # the resource that the token is for
    50001: Reason.SCOPE_REJECTED,
    70011: Reason.SCOPE_REJECTED,
    500011: Reason.SCOPE_REJECTED,
    650057: Reason.SCOPE_REJECTED,
    700022: Reason.SCOPE_REJECTED,
    700023: Reason.SCOPE_REJECTED,
    1002012: Reason.SCOPE_REJECTED,
    # an administrator's decision; some of these belong to flows with a user
    50076: Reason.POLICY_BLOCKED,
    50079: Reason.POLICY_BLOCKED,
    53003: Reason.POLICY_BLOCKED,
    70001: Reason.POLICY_BLOCKED,
    530032: Reason.POLICY_BLOCKED,
    530035: Reason.POLICY_BLOCKED,
    7000112: Reason.POLICY_BLOCKED,
    65001: Reason.CLIENT_NOT_AUTHORIZED,
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
