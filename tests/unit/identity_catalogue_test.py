"""What servers in use answer, and what the person who has to act reads of it: by provider, and by kind of credential."""

from dataclasses import replace
from typing import Any

import pytest

from support.token_source import ASKED, CLIENT, SHA1, SHA256, TENANT
from tokensync.errors import ProviderError, Reason
from tokensync.identity import refusals
from tokensync.identity.answers import Context, refusal
from tokensync.identity.asked import Asked, Offered
from tokensync.identity.cleaning import Cleaner
from tokensync.resource.status import CredentialKind

HOST = "idp.example"
ISSUER = f"https://{HOST}/realms/reports"
SUBJECT = "system:serviceaccount:reports:reader"
AUDIENCE = "https://idp.example"
CLUSTER = "https://oidc.example/cluster-1"

CERTIFICATE = Offered(CredentialKind.CERTIFICATE, thumbprint_sha1=SHA1, thumbprint_sha256=SHA256)
SECRET = Offered(CredentialKind.CLIENT_SECRET)
TOKEN = Offered(CredentialKind.SERVICE_ACCOUNT, issuer=CLUSTER, subject=SUBJECT, audience=AUDIENCE)

OIDC = Asked("oidc", HOST, ISSUER, "spec.provider.oidc.issuer", "reports", "a b", CERTIFICATE)
OAUTH2 = replace(OIDC, provider="oauth2", realm=f"{ISSUER}/token", field="spec.provider.oauth2.tokenEndpoint")

OFFERED_CERTIFICATE = f"the certificate with thumbprint {SHA1} (SHA-256 {SHA256})"
REGISTER = (
    f"register the certificate with thumbprint {SHA1}, or its public key, for client reports, and let algorithm, keyId and "
    f"audience of spec.credential.certificate be what {HOST} wants"
)
RIGHT_SECRET = (
    "put the secret of client reports into the Secret, and set spec.credential.clientSecret.method to the way that is "
    "registered for it, Post or Basic"
)
REGISTER_TOKEN = (
    f"register issuer {CLUSTER}, subject {SUBJECT} and audience {AUDIENCE} for client reports at {HOST}, or correct "
    "spec.credential.serviceAccount"
)
COMPARE = (
    "compare spec.provider.oidc.issuer, spec.clientId, spec.scopes, spec.parameters and the fields of spec.credential with "
    f"what {HOST} has registered for client reports"
)


def explained(asked: Asked, status: int, error: str, description: str = "", **members: Any) -> ProviderError:
    document = {"error": error, **({"error_description": description} if description else {}), **members}
    return refusal(status, document, context=Context(asked, Cleaner()))


@pytest.mark.parametrize(
    ("status", "error", "description"),
    [
        (
            400,
            "invalid_client",
            "Client authentication with signed JWT failed: Signature on JWT token failed validation",
        ),
        (400, "invalid_client", "Token reuse detected"),
        (400, "invalid_client", "Unable to load public key"),
        (400, "invalid_client", "Invalid token audience"),
        (401, "invalid_client", "client authentication failed"),
        (400, "invalid_client", "No key for kid"),
        (401, "unauthorized_client", "Invalid client or Invalid client credentials"),
        (400, "invalid_grant", "Invalid JWT Signature."),
        (401, "something_new", "who are you"),
    ],
)
@pytest.mark.parametrize(
    ("offered", "named", "remedy"),
    [
        (CERTIFICATE, OFFERED_CERTIFICATE, REGISTER),
        (SECRET, "the client secret", RIGHT_SECRET),
        (TOKEN, f"the token of {SUBJECT} with audience {AUDIENCE}", REGISTER_TOKEN),
    ],
    ids=["certificate", "secret", "token"],
)
def test_a_credential_that_is_not_accepted_is_told_by_its_kind(
    *, offered: Offered, named: str, remedy: str, status: int, error: str, description: str
) -> None:
    """Whichever way a server says so, and with whichever status: the server's own words are in the middle."""
    answer = explained(replace(OIDC, offered=offered), status, error, description)
    assert answer.reason is Reason.CREDENTIAL_REJECTED
    assert answer.message == f"{HOST} does not accept {named} for client reports: {description.rstrip('.')}"
    assert answer.remedy == remedy


@pytest.mark.parametrize(
    ("asked", "status", "error", "description", "reason", "message", "remedy"),
    [
        (
            OIDC,
            400,
            "invalid_scope",
            "Invalid scopes: a b",
            Reason.SCOPE_REJECTED,
            f"{HOST} refuses scope a b for client reports: Invalid scopes: a b",
            f"set spec.scopes to what client reports may have, or allow it that at {HOST}",
        ),
        (
            replace(OIDC, scope=""),
            400,
            "invalid_scope",
            "",
            Reason.SCOPE_REJECTED,
            f"{HOST} refuses a request without scopes for client reports (invalid_scope)",
            f"set spec.scopes to what client reports may have, or allow it that at {HOST}",
        ),
        (
            OIDC,
            400,
            "unauthorized_client",
            "Client not enabled to retrieve service account",
            Reason.CLIENT_NOT_AUTHORIZED,
            (
                f"{HOST} does not let client reports use the client credentials grant: Client not enabled to retrieve service "
                "account"
            ),
            (
                f"allow the client credentials grant for client reports at {HOST}, or correct spec.clientId or "
                "spec.provider.oidc.issuer"
            ),
        ),
        (
            OAUTH2,
            400,
            "unsupported_grant_type",
            "",
            Reason.CLIENT_NOT_AUTHORIZED,
            f"{HOST} does not let client reports use the client credentials grant (unsupported_grant_type)",
            (
                f"allow the client credentials grant for client reports at {HOST}, or correct spec.clientId or "
                "spec.provider.oauth2.tokenEndpoint"
            ),
        ),
        (
            OIDC,
            400,
            "invalid_request",
            "client_id mismatch",
            Reason.REQUEST_REJECTED,
            f"{HOST} refuses the request of client reports: client_id mismatch",
            COMPARE,
        ),
        (
            OIDC,
            400,
            "invalid_target",
            "",
            Reason.REQUEST_REJECTED,
            f"{HOST} refuses the request of client reports (invalid_target)",
            COMPARE,
        ),
        (
            OIDC,
            403,
            "access_denied",
            "Service not found: reports",
            Reason.POLICY_BLOCKED,
            f"a policy at {HOST} blocks client reports: Service not found: reports",
            f"ask who runs {HOST} to let client reports have tokens",
        ),
        (
            OIDC,
            404,
            "Realm does not exist",
            "",
            Reason.TENANT_UNKNOWN,
            f"{HOST} does not know issuer {ISSUER} (Realm does not exist)",
            "correct spec.provider.oidc.issuer",
        ),
        (
            OAUTH2,
            404,
            "not_found",
            "",
            Reason.TENANT_UNKNOWN,
            f"{HOST} does not know token endpoint {ISSUER}/token (not_found)",
            "correct spec.provider.oauth2.tokenEndpoint",
        ),
        (
            OIDC,
            400,
            "jti_known",
            "The jti was already used.",
            Reason.ASSERTION_REJECTED,
            f"{HOST} does not accept the assertion signed for client reports: The jti was already used",
            (
                f"find out whether something between this cluster and {HOST} sends requests twice: every assertion is signed "
                "anew"
            ),
        ),
        (
            OIDC,
            500,
            "error",
            "The error is unrecognizable",
            Reason.PROVIDER_UNAVAILABLE,
            f"{HOST} is not available at the moment: The error is unrecognizable",
            (
                "synchronise the clock of the node that tokensync runs on, if this lasts: some servers answer so to an "
                "assertion that is not within its time"
            ),
        ),
        (
            replace(OIDC, offered=SECRET),
            500,
            "error",
            "The error is unrecognizable",
            Reason.PROVIDER_UNAVAILABLE,
            f"{HOST} is not available at the moment: The error is unrecognizable",
            "",
        ),
        (
            OIDC,
            503,
            "temporarily_unavailable",
            "",
            Reason.PROVIDER_UNAVAILABLE,
            f"{HOST} is not available at the moment (temporarily_unavailable)",
            "",
        ),
        (
            OIDC,
            429,
            "slow_down",
            "",
            Reason.PROVIDER_THROTTLED,
            f"{HOST} asks for fewer requests of client reports (slow_down)",
            (
                "find out what else requests tokens for client reports, or ask the administrator of tokensync to set "
                "provider-requests-per-second"
            ),
        ),
        (
            OIDC,
            400,
            "something_new",
            "in words of its own",
            Reason.REQUEST_REJECTED,
            f"{HOST} refuses the request of client reports: in words of its own",
            COMPARE,
        ),
    ],
)
def test_other_refusals_name_what_there_is_to_correct(
    *, asked: Asked, status: int, error: str, description: str, reason: Reason, message: str, remedy: str
) -> None:
    """RFC 6749, section 5.2, and what servers add to it; the field is this provider's, and no tenant is spoken of."""
    answer = explained(asked, status, error, description)
    assert (answer.reason, answer.message, answer.remedy) == (reason, message, remedy)


def test_the_telling_end_of_a_long_description_stays() -> None:
    """Ory Hydra begins all of them with the same long sentence."""
    sentence = "Client authentication failed (e.g., unknown client, no client authentication included). " * 8
    answer = explained(OIDC, 401, "invalid_client", f"{sentence}Unable to verify the integrity of the assertion.")
    assert answer.message.endswith("Unable to verify the integrity of the assertion")


ENTRAS_SECRET = replace(ASKED, offered=SECRET)
ENTRAS_TOKEN = replace(ASKED, offered=TOKEN)
FEDERATE = (
    f"add a federated credential with issuer {CLUSTER}, subject {SUBJECT} and audience {AUDIENCE} to application {CLIENT}; "
    "a new one takes minutes to be known"
)
NEW_VALUE = (
    f"put the value of a client secret of application {CLIENT}, not its Secret ID, into the Secret; a new one takes minutes "
    "to be known"
)


@pytest.mark.parametrize(
    ("asked", "code", "reason", "remedy"),
    [
        (ENTRAS_SECRET, 7000215, Reason.CREDENTIAL_REJECTED, NEW_VALUE),
        (
            ENTRAS_SECRET,
            7000222,
            Reason.CREDENTIAL_REJECTED,
            f"add a new client secret to application {CLIENT}, and put its value into the Secret",
        ),
        (ENTRAS_SECRET, 700016, Reason.CLIENT_UNKNOWN, None),
        *(
            (ENTRAS_TOKEN, code, Reason.CREDENTIAL_REJECTED, FEDERATE)
            for code in (70021, 700211, 700212, 700213, 7002138)
        ),
        (
            ENTRAS_TOKEN,
            5002738,
            Reason.ASSERTION_REJECTED,
            (
                f"check that issuer {CLUSTER} can be reached from the internet, that it signs with RS256, and that application "
                f"{CLIENT} has a federated credential for {SUBJECT}"
            ),
        ),
        (ENTRAS_TOKEN, 90061, Reason.ASSERTION_REJECTED, None),
        (ENTRAS_TOKEN, 700024, Reason.CLOCK_SKEWED, "synchronise the clock of the node that tokensync runs on"),
        (
            ASKED,
            65001,
            Reason.CLIENT_NOT_AUTHORIZED,
            f"have an administrator of tenant {TENANT} consent to the permissions of application {CLIENT}",
        ),
        (ASKED, 50076, Reason.POLICY_BLOCKED, None),
        (ASKED, 50079, Reason.POLICY_BLOCKED, None),
    ],
)
def test_entras_numbers_have_remedies_for_their_credential(
    *, asked: Asked, code: int, reason: Reason, remedy: str | None
) -> None:
    """Whatever the OAuth error beside the number; None: as with every credential, in other tests."""
    for error in ("invalid_client", "invalid_request", "invalid_grant"):
        answer = explained(asked, 400, error, f"AADSTS{code}: text", error_codes=[code])
        assert answer.reason is reason
        assert remedy is None or answer.remedy == remedy


def test_entras_numbers_are_known_by_whichever_kind_of_provider_it_is_asked() -> None:
    """Its issuer may be named with `oidc`; what to correct is that field."""
    answer = explained(OIDC, 400, "invalid_request", "AADSTS90002: no", error_codes=[90002])
    assert (answer.reason, answer.remedy) == (Reason.TENANT_UNKNOWN, "correct spec.provider.oidc.issuer")


def test_a_token_whose_issuer_cannot_be_read_is_named_without() -> None:
    """It comes from the API server, and so from this cluster's issuer."""
    asked = replace(ASKED, offered=replace(TOKEN, issuer=""))
    answer = explained(asked, 400, "invalid_request", "AADSTS70021: no", error_codes=[70021])
    assert "with issuer of this cluster's ServiceAccount tokens, subject" not in answer.remedy
    assert "with the issuer of this cluster's ServiceAccount tokens, subject" in answer.remedy


EVERY_ERROR = sorted({*refusals.REASON_OF_ERROR, "invalid_request", "error", "something_new"})
EVERY_CODE = sorted(refusals.REASON_OF_CODE)
CODES_OF_SECRETS = (7000215, 7000222)


@pytest.mark.parametrize("offered", [CERTIFICATE, SECRET, TOKEN], ids=["certificate", "secret", "token"])
@pytest.mark.parametrize("asked", [ASKED, OIDC, OAUTH2], ids=["entra", "oidc", "oauth2"])
def test_no_message_speaks_of_what_is_not_there(asked: Asked, offered: Offered) -> None:
    """No brace left open, no empty name, no tenant where there is none, no certificate beside a secret."""
    asked = replace(asked, offered=offered)
    answers = [explained(asked, status, error) for status in (400, 401, 404, 429, 500) for error in EVERY_ERROR]
    codes = [code for code in EVERY_CODE if offered is SECRET or code not in CODES_OF_SECRETS]
    answers += [explained(asked, 400, "invalid_request", error_codes=[code]) for code in codes]
    for answer in answers:
        assert not [mark for mark in ("{", "}", "  ", " ,", "()", "None") if mark in answer.text]
        assert offered is CERTIFICATE or "thumbprint" not in answer.text
        assert offered is TOKEN or "ServiceAccount" not in answer.text
        assert offered is SECRET or "client secret" not in answer.text
        assert asked.provider == "entra" or "entra" not in answer.text.lower()
