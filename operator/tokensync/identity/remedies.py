"""What to say about a refusal and what to do about it, as tables. The braces are filled with `phrases`.

Remedies are Entra's, or anybody else's; those of credentials differ by their kind too. Where a code has a remedy of its
own, that goes first.
"""

from tokensync.errors import Reason
from tokensync.identity.asked import Asked
from tokensync.identity.phrases import ENTRA, phrases
from tokensync.resource.status import CredentialKind

SENTENCES = {
    Reason.TENANT_UNKNOWN: "{host} does not know {realm}",
    Reason.CLIENT_UNKNOWN: "{host} does not know {client}{within}",
    Reason.CREDENTIAL_REJECTED: "{host} does not accept {offered} for {client}",
    Reason.ASSERTION_REJECTED: "{host} does not accept {assertion} for {client}",
    Reason.CLOCK_SKEWED: "{host} finds the assertion expired or not yet valid",
    Reason.SCOPE_REJECTED: "{host} refuses {scope} for {client}",
    Reason.CLIENT_NOT_AUTHORIZED: "{host} does not let {client} use the client credentials grant",
    Reason.POLICY_BLOCKED: "a policy at {host} blocks {client}",
    Reason.REQUEST_REJECTED: "{host} refuses the request of {client}",
    Reason.PROVIDER_UNAVAILABLE: "{host} is not available at the moment",
    Reason.PROVIDER_THROTTLED: "{host} asks for fewer requests of {client}",
}

_SYNCHRONISE = "synchronise the clock of the node that tokensync runs on"
_FIND_OUT = (
    "find out what else requests tokens for {application}, or ask the administrator of tokensync to set "
    "provider-requests-per-second"
)

_ENTRAS = {
    Reason.TENANT_UNKNOWN: "correct spec.provider.entra: tenantId is the directory (tenant) id or a domain of the "
    "tenant, cloud is the one that the tenant is in",
    Reason.CLIENT_UNKNOWN: "correct spec.clientId or spec.provider.entra.tenantId, or register the application in that "
    "tenant and wait some minutes until it is known",
    Reason.CLOCK_SKEWED: _SYNCHRONISE,
    Reason.SCOPE_REJECTED: "set spec.scopes to exactly one <resource>/.default of a resource that {realm} knows",
    Reason.CLIENT_NOT_AUTHORIZED: "allow the client credentials grant for {application} at the provider, or correct "
    "spec.clientId",
    Reason.POLICY_BLOCKED: "ask an administrator of {realm} to let {application} sign in from this cluster's address",
    Reason.REQUEST_REJECTED: "check spec.provider, spec.clientId and spec.scopes, or give the correlation id to the "
    "provider's support",
    Reason.PROVIDER_THROTTLED: _FIND_OUT,
}

_ANYBODYS = {
    Reason.TENANT_UNKNOWN: "correct {field}",
    Reason.CLIENT_UNKNOWN: "correct spec.clientId or {field}, or register the client there",
    Reason.CLOCK_SKEWED: _SYNCHRONISE,
    Reason.SCOPE_REJECTED: "set spec.scopes to what {application} may have, or allow it that at {host}",
    Reason.CLIENT_NOT_AUTHORIZED: "allow the client credentials grant for {application} at {host}, or correct "
    "spec.clientId or {field}",
    Reason.POLICY_BLOCKED: "ask who runs {host} to let {application} have tokens",
    Reason.REQUEST_REJECTED: "compare {field}, spec.clientId, spec.scopes, spec.parameters and the fields of "
    "spec.credential with what {host} has registered for {application}",
    Reason.PROVIDER_THROTTLED: _FIND_OUT,
}

_ENTRAS_CREDENTIALS = {
    CredentialKind.CERTIFICATE: "register the certificate with thumbprint {thumbprint_sha1} on {application}, or put a "
    "registered certificate and its key into the Secret; a new registration takes minutes to be known",
    CredentialKind.CLIENT_SECRET: "put the value of a client secret of {application}, not its Secret ID, into the "
    "Secret; a new one takes minutes to be known",
    CredentialKind.SERVICE_ACCOUNT: "add a federated credential with {issuer}, subject {subject} and audience "
    "{audience} to {application}; a new one takes minutes to be known",
}

_ANYBODYS_CREDENTIALS = {
    CredentialKind.CERTIFICATE: "register the certificate with thumbprint {thumbprint_sha1}, or its public key, for "
    "{application}, and let algorithm, keyId and audience of spec.credential.certificate be what {host} wants",
    CredentialKind.CLIENT_SECRET: "put the secret of {application} into the Secret, and set "
    "spec.credential.clientSecret.method to the way that is registered for it, Post or Basic",
    CredentialKind.SERVICE_ACCOUNT: "register {issuer}, subject {subject} and audience {audience} for "
    "{application} at {host}, or correct spec.credential.serviceAccount",
}

_ENTRAS_ASSERTIONS = {
    CredentialKind.CERTIFICATE: "check that the certificate with thumbprint {thumbprint_sha1} is registered on "
    "{application}, and give the correlation id to the provider's support if it is",
    CredentialKind.CLIENT_SECRET: _ENTRAS_CREDENTIALS[CredentialKind.CLIENT_SECRET],
    CredentialKind.SERVICE_ACCOUNT: "check that {issuer} can be reached from the internet, that it signs with "
    "RS256, and that {application} has a federated credential for {subject}",
}

_BY_CODE = {
    50194: "set spec.provider.entra.tenantId to the tenant that {application} is registered in",
    65001: "have an administrator of {realm} consent to the permissions of {application}",
    500011: "correct the resource in spec.scopes, or add its enterprise application to {realm}",
    7000112: "ask an administrator of {realm} to enable {application}",
    7000222: "add a new client secret to {application}, and put its value into the Secret",
    7000229: "create the enterprise application (service principal) of {client_id} in {realm}",
}

_BY_ERROR = {
    "jti_known": "find out whether something between this cluster and {host} sends requests twice: every assertion is "
    "signed anew",
    "error": f"{_SYNCHRONISE}, if this lasts: some servers answer so to an assertion that is not within its time",
}
"""Errors that no specification has, of servers in use."""


def sentence(reason: Reason, asked: Asked) -> str:
    """What a refusal means."""
    return SENTENCES[reason].format(**phrases(asked))


def remedy(reason: Reason, asked: Asked, *, code: int | None = None, error: str = "") -> str:
    """What to do about a refusal; empty where it passes by itself.

    Args:
        reason: why it was refused.
        asked: what was asked for.
        code: Entra's number, if it is a known one.
        error: RFC 6749's `error`.
    """
    special = _BY_CODE.get(code or 0, "") if asked.provider == ENTRA else _by_error(error, asked)
    return (special or _by_reason(reason, asked)).format(**phrases(asked))


def _by_reason(reason: Reason, asked: Asked) -> str:
    in_entra, kind = asked.provider == ENTRA, asked.offered.kind
    if reason is Reason.ASSERTION_REJECTED and in_entra:
        return _ENTRAS_ASSERTIONS[kind]
    if reason in {Reason.ASSERTION_REJECTED, Reason.CREDENTIAL_REJECTED}:
        return (_ENTRAS_CREDENTIALS if in_entra else _ANYBODYS_CREDENTIALS)[kind]
    return (_ENTRAS if in_entra else _ANYBODYS).get(reason, "")


def _by_error(error: str, asked: Asked) -> str:
    signed = asked.offered.kind is not CredentialKind.CLIENT_SECRET
    return _BY_ERROR.get(error, "") if signed else ""
