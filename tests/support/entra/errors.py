"""How Entra refuses: HTTP status, OAuth `error` (RFC 6749, section 5.2) and AADSTS number, as its documentation has them.

Entra changes texts and numbers without notice, so nothing should depend on more of them than it must.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

SEE = "Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."


class EntraError(Exception):
    """A refusal, before it becomes an answer.

    Attributes:
        status: of the HTTP answer.
        error: RFC 6749's `error`.
        code: the number after `AADSTS`.
        message: what follows it, without trace, correlation and time. Kept out of `str`: it may echo what was sent.
        headers: further ones of the answer.
    """

    def __init__(
        self, status: int, error: str, code: int, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"AADSTS{code}")
        self.status = status
        self.error = error
        self.code = code
        self.message = message
        self.headers = headers or {}


def bad_request(error: str, code: int, message: str) -> EntraError:
    """A request that is wrong whoever sends it, or that this client may not make."""
    return EntraError(HTTPStatus.BAD_REQUEST, error, code, message)


def invalid_client(code: int, message: str) -> EntraError:
    """The client has not proved who it is."""
    return EntraError(HTTPStatus.UNAUTHORIZED, "invalid_client", code, f"{message} {SEE}")


def tenant_not_found(tenant: str) -> EntraError:
    """No tenant has this identifier or domain."""
    return bad_request(
        "invalid_tenant",
        90002,
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct "
        "cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for "
        "the tenant.",
    )


def request_malformed() -> EntraError:
    """Not a form, or a parameter stands in it twice."""
    return bad_request("invalid_request", 9002313, "Invalid request. Request is malformed or invalid.")


def parameter_missing(name: str) -> EntraError:
    """A form without a parameter that it needs."""
    return bad_request("invalid_request", 900144, f"The request body must contain the following parameter: '{name}'.")


def grant_type_unsupported(grant_type: str) -> EntraError:
    """Something else than the client credentials grant."""
    return bad_request("unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant_type}'.")


def assertion_missing() -> EntraError:
    """Neither an assertion nor a secret is in the body."""
    return EntraError(
        HTTPStatus.UNAUTHORIZED,
        "invalid_client",
        7000218,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    )


def assertion_type_unsupported() -> EntraError:
    """Not the `client_assertion_type` of RFC 7523, section 2.2."""
    return bad_request("invalid_request", 90023, "Unsupported 'client_assertion_type' value.")


def application_not_found(client_id: str, tenant: str) -> EntraError:
    """The tenant has no such application; also for minutes after it was registered."""
    return bad_request(
        "unauthorized_client",
        700016,
        f"Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
    )


def application_disabled(client_id: str) -> EntraError:
    """An administrator has switched the application off."""
    return bad_request("unauthorized_client", 7000112, f"Application '{client_id}'(fake application) is disabled.")


def assertion_malformed(why: str) -> EntraError:
    """Not a JWT, or a JWT without what it must have."""
    return bad_request("invalid_request", 50027, f"JWT token is invalid or malformed. {why}")


def algorithm_unsupported(algorithm: object) -> EntraError:
    """Signed with something that Entra does not take from certificates: it takes RSA only."""
    return bad_request(
        "invalid_request", 5002738, f"Invalid JWT token. '{algorithm}' is not a supported signature algorithm."
    )


def certificate_not_registered(thumbprint: str, client_id: str) -> EntraError:
    """The header names a certificate that the application does not have."""
    return invalid_client(
        700027,
        "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - "
        f"The key was not found., Thumbprint of key used by client: '{thumbprint}', Please visit the Azure Portal, Graph "
        f"Explorer or directly use MS Graph to see configured keys for app Id '{client_id}'.]",
    )


def signature_wrong(thumbprint: str) -> EntraError:
    """The certificate that the header names did not sign this."""
    return invalid_client(
        700027,
        "Client assertion failed signature validation. [Reason - The provided signature value did not match the expected "
        f"signature value., Thumbprint of key used by client: '{thumbprint}'.]",
    )


def certificate_not_valid() -> EntraError:
    """The registered certificate has expired, or is not valid yet."""
    return invalid_client(1000502, "The provided certificate is not within its specified validity period.")


def audience_wrong() -> EntraError:
    """The assertion is for somebody else. The documentation has another meaning for this number, of a scope."""
    return invalid_client(700023, "Client assertion audience claim does not match Realm issuer.")


def identifier_wrong() -> EntraError:
    """`iss` and `sub` are not both the client that asks."""
    return invalid_client(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")


def assertion_out_of_time(now: datetime, valid_from: datetime, expires: datetime) -> EntraError:
    """Expired, or from the future."""
    return invalid_client(
        700024,
        f"Client assertion is not within its valid time range. Current time: {_sevenths(now)}, assertion valid from "
        f"{_sevenths(valid_from)}, expiry time of assertion {_sevenths(expires)}.",
    )


def secret_wrong(client_id: str) -> EntraError:
    """No client secret of the application has this value."""
    return invalid_client(
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the "
        f"client secret ID, for a secret added to app '{client_id}'.",
    )


def secret_expired(client_id: str) -> EntraError:
    """The client secret is the application's, and its time is over."""
    return invalid_client(7000222, f"The provided client secret keys for app '{client_id}' are expired.")


def federation_missing(issuer: object, subject: object, audience: object) -> EntraError:
    """The application takes nobody's tokens."""
    return bad_request(
        "invalid_request",
        70021,
        "No matching federated identity record found for presented assertion. Assertion Issuer: "
        f"'{issuer}'. Assertion Subject: '{subject}'. Assertion Audience: '{audience}'.",
    )


def federation_unmatched(code: int, claim: str, value: object) -> EntraError:
    """The application takes others' tokens, but not with this issuer (700211), audience (700212) or subject (700213)."""
    return invalid_client(
        code, f"No matching federated identity record found for presented assertion {claim} '{value}'."
    )


def federated_signature_wrong() -> EntraError:
    """None of the issuer's keys signed this."""
    return invalid_client(700027, "Client assertion failed signature validation. [Reason - The key was not found.]")


def scope_wrong(scope: str) -> EntraError:
    """Not exactly one `<resource>/.default`."""
    return bad_request(
        "invalid_scope",
        1002012,
        f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default "
        "suffixed to the resource identifier (application ID URI).",
    )


def resource_not_found(resource: str, tenant: str) -> EntraError:
    """The tenant knows no such resource."""
    return bad_request(
        "invalid_resource",
        500011,
        f"The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You might have sent your authentication request to the wrong tenant.",
    )


def blocked_by_policy() -> EntraError:
    """Conditional Access says no."""
    return bad_request(
        "invalid_grant",
        53003,
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    )


def _sevenths(moment: datetime) -> str:
    """Seven decimals, as .NET writes times."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}0Z"
