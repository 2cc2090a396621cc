"""What a provider's refusal is taken for, and what it says to the person who has to act."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.token_source import ASKED, CLIENT, SHA1, SHA256, TENANT
from tokensync.errors import ProviderAnswer, Reason
from tokensync.identity import refusals, remedies
from tokensync.identity.answers import Context, refusal
from tokensync.identity.cleaning import Cleaner

HOST = "login.microsoftonline.com"
TEXT = "what Entra writes about it"
NO_TENANT = f"{HOST} does not know tenant {TENANT}"
CHECK_TENANT = (
    "correct spec.provider.entra: tenantId is the directory (tenant) id or a domain of the tenant, cloud is the one that "
    "the tenant is in"
)
OTHER_TENANT = f"set spec.provider.entra.tenantId to the tenant that application {CLIENT} is registered in"
NO_CLIENT = f"{HOST} does not know application (client) id {CLIENT} in tenant {TENANT}"
CHECK_CLIENT = (
    "correct spec.clientId or spec.provider.entra.tenantId, or register the application in that tenant and wait some "
    "minutes until it is known"
)
ADD_PRINCIPAL = f"create the enterprise application (service principal) of {CLIENT} in tenant {TENANT}"
NOT_ACCEPTED = f"{HOST} does not accept the certificate with thumbprint {SHA1} (SHA-256 {SHA256}) for application (client) id {CLIENT}"
REGISTER = (
    f"register the certificate with thumbprint {SHA1} on application {CLIENT}, or put a registered certificate and its "
    "key into the Secret; a new registration takes minutes to be known"
)
BAD_ASSERTION = f"{HOST} does not accept the assertion signed for application (client) id {CLIENT}"
CHECK_ASSERTION = (
    f"check that the certificate with thumbprint {SHA1} is registered on application {CLIENT}, and give the correlation "
    "id to the provider's support if it is"
)
BAD_TIME = f"{HOST} finds the assertion expired or not yet valid"
SET_CLOCK = "synchronise the clock of the node that tokensync runs on"
BAD_SCOPE = f"{HOST} refuses scope https://graph.microsoft.com/.default for application (client) id {CLIENT}"
SET_SCOPE = f"set spec.scopes to exactly one <resource>/.default of a resource that tenant {TENANT} knows"
ADD_RESOURCE = f"correct the resource in spec.scopes, or add its enterprise application to tenant {TENANT}"
BLOCKED = f"a policy at {HOST} blocks application (client) id {CLIENT}"
UNBLOCK = f"ask an administrator of tenant {TENANT} to let application {CLIENT} sign in from this cluster's address"
ENABLE = f"ask an administrator of tenant {TENANT} to enable application {CLIENT}"
NOT_LET = f"{HOST} does not let application (client) id {CLIENT} use the client credentials grant"
LET = f"allow the client credentials grant for application {CLIENT} at the provider, or correct spec.clientId"
REFUSED = f"{HOST} refuses the request of application (client) id {CLIENT}"
CHECK_ALL = "check spec.provider, spec.clientId and spec.scopes, or give the correlation id to the provider's support"
NOT_AVAILABLE = f"{HOST} is not available at the moment"
FEWER = f"{HOST} asks for fewer requests of application (client) id {CLIENT}"
FIND_OUT = (
    f"find out what else requests tokens for application {CLIENT}, or ask the administrator of tokensync to set "
    "provider-requests-per-second"
)


def entra(error: str, code: int, text: str = TEXT, **more: Any) -> dict[str, Any]:
    """An error document as Entra makes it."""
    trailer = "Trace ID: 0f1e Correlation ID: 2d3c Timestamp: 2026-11-23 12:00:00Z"
    return {
        "error": error,
        "error_description": f"AADSTS{code}: {text}. {trailer}",
        "error_codes": [code],
        "timestamp": "2026-11-23 12:00:00Z",
        "trace_id": "0f1e",
        "correlation_id": "2d3c",
        **more,
    }


def context(**known: Any) -> Context:
    return Context(ASKED, Cleaner(["a-secret-that-was-sent-to-the-provider"]), **known)


@pytest.mark.parametrize(
    ("status", "error", "code", "reason", "message", "remedy"),
    [
        (400, "invalid_tenant", 90002, Reason.TENANT_UNKNOWN, f"{NO_TENANT} (AADSTS90002)", CHECK_TENANT),
        (400, "invalid_request", 900023, Reason.TENANT_UNKNOWN, f"{NO_TENANT}: AADSTS900023: {TEXT}", CHECK_TENANT),
        (400, "unauthorized_client", 50194, Reason.TENANT_UNKNOWN, f"{NO_TENANT}: AADSTS50194: {TEXT}", OTHER_TENANT),
        (400, "unauthorized_client", 700016, Reason.CLIENT_UNKNOWN, f"{NO_CLIENT} (AADSTS700016)", CHECK_CLIENT),
        (401, "invalid_client", 7000229, Reason.CLIENT_UNKNOWN, f"{NO_CLIENT}: AADSTS7000229: {TEXT}", ADD_PRINCIPAL),
        (401, "invalid_client", 700027, Reason.CREDENTIAL_REJECTED, f"{NOT_ACCEPTED} (AADSTS700027)", REGISTER),
        (
            401,
            "invalid_client",
            1000502,
            Reason.CREDENTIAL_REJECTED,
            f"{NOT_ACCEPTED}: AADSTS1000502: {TEXT}",
            REGISTER,
        ),
        (
            400,
            "invalid_request",
            50027,
            Reason.ASSERTION_REJECTED,
            f"{BAD_ASSERTION}: AADSTS50027: {TEXT}",
            CHECK_ASSERTION,
        ),
        (401, "invalid_client", 700024, Reason.CLOCK_SKEWED, f"{BAD_TIME} (AADSTS700024)", SET_CLOCK),
        (400, "invalid_scope", 1002012, Reason.SCOPE_REJECTED, f"{BAD_SCOPE}: AADSTS1002012: {TEXT}", SET_SCOPE),
        (400, "invalid_scope", 70011, Reason.SCOPE_REJECTED, f"{BAD_SCOPE}: AADSTS70011: {TEXT}", SET_SCOPE),
        (400, "invalid_resource", 500011, Reason.SCOPE_REJECTED, f"{BAD_SCOPE}: AADSTS500011: {TEXT}", ADD_RESOURCE),
        (400, "unauthorized_client", 7000112, Reason.POLICY_BLOCKED, f"{BLOCKED}: AADSTS7000112: {TEXT}", ENABLE),
        (400, "invalid_grant", 53003, Reason.POLICY_BLOCKED, f"{BLOCKED}: AADSTS53003: {TEXT}", UNBLOCK),
        (
            400,
            "temporarily_unavailable",
            90033,
            Reason.PROVIDER_UNAVAILABLE,
            f"{NOT_AVAILABLE}: AADSTS90033: {TEXT}",
            "",
        ),
        (429, "temporarily_unavailable", 90055, Reason.PROVIDER_THROTTLED, f"{FEWER}: AADSTS90055: {TEXT}", FIND_OUT),
        (400, "unauthorized_client", 999999, Reason.CLIENT_NOT_AUTHORIZED, f"{NOT_LET}: AADSTS999999: {TEXT}", LET),
        (400, "invalid_request", 999999, Reason.REQUEST_REJECTED, f"{REFUSED}: AADSTS999999: {TEXT}", CHECK_ALL),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_to_do(
    *, status: int, error: str, code: int, reason: Reason, message: str, remedy: str
) -> None:
    """For each kind of refusal, all that stands in the condition."""
    explained = refusal(status, entra(error, code), context=context())
    assert (explained.reason, explained.message, explained.remedy) == (reason, message, remedy)


@pytest.mark.parametrize(
    ("status", "document", "reason"),
    [
        (400, {"error": "invalid_client"}, Reason.CREDENTIAL_REJECTED),
        (401, {"error": "something_new"}, Reason.CREDENTIAL_REJECTED),
        (400, {"error": "invalid_scope"}, Reason.SCOPE_REJECTED),
        (403, {"error": "access_denied"}, Reason.POLICY_BLOCKED),
        (400, {"error": "unauthorized_client"}, Reason.CLIENT_NOT_AUTHORIZED),
        (400, {"error": "something_new"}, Reason.REQUEST_REJECTED),
        (400, entra("invalid_client", 999999), Reason.CREDENTIAL_REJECTED),
        (400, entra("invalid_scope", 999999), Reason.SCOPE_REJECTED),
        (400, {"error": "server_error"}, Reason.PROVIDER_UNAVAILABLE),
        # a status that passes by itself outranks what the body says, and so does an error that does
        (500, entra("invalid_client", 700027), Reason.PROVIDER_UNAVAILABLE),
        (503, {}, Reason.PROVIDER_UNAVAILABLE),
        (408, {}, Reason.PROVIDER_UNAVAILABLE),
        (429, entra("invalid_client", 700016), Reason.PROVIDER_THROTTLED),
        (429, {}, Reason.PROVIDER_THROTTLED),
        (400, entra("temporarily_unavailable", 700016), Reason.PROVIDER_UNAVAILABLE),
    ],
)
def test_status_and_oauth_error_decide_where_numbers_are_unknown(
    status: int, document: dict[str, Any], reason: Reason
) -> None:
    """AADSTS numbers change; they only make more exact what status and error already say."""
    assert refusal(status, document, context=context()).reason is reason


@pytest.mark.parametrize(
    ("reason", "codes"),
    [
        (Reason.TENANT_UNKNOWN, [90002, 9001023, 50194, 90038, 900382, 500021, 500022]),
        (Reason.CLIENT_UNKNOWN, [700016, 7000229]),
        (Reason.CREDENTIAL_REJECTED, [700027, 50012, 700030, 7000213, 7000215, 7000222, 70021, 700213, 7002138]),
        (Reason.ASSERTION_REJECTED, [50027, 5002738]),
        (Reason.CLOCK_SKEWED, [700024]),
        (Reason.SCOPE_REJECTED, [70011, 1002012, 700022, 700023, 50001, 500011, 650057]),
        (Reason.POLICY_BLOCKED, [7000112, 70001, 53003, 530032, 530035, 50076, 50079]),
        (Reason.CLIENT_NOT_AUTHORIZED, [65001]),
        (Reason.PROVIDER_UNAVAILABLE, [90033, 90006, 90012, 90024, 90090, 50033]),
        (Reason.PROVIDER_THROTTLED, [90055, 50196]),
    ],
)
def test_a_number_makes_a_vague_error_exact(reason: Reason, codes: list[int]) -> None:
    """Entra answers many of them with `invalid_request`, which says nothing."""
    for code in codes:
        assert refusal(400, entra("invalid_request", code), context=context()).reason is reason, code


@pytest.mark.parametrize(
    ("document", "code", "reason"),
    [
        ({"error_codes": [700016]}, "AADSTS700016", Reason.CLIENT_UNKNOWN),
        ({"error_description": "AADSTS700016: not found"}, "AADSTS700016", Reason.CLIENT_UNKNOWN),
        ({"error_codes": [], "error_description": "AADSTS53003: no"}, "AADSTS53003", Reason.POLICY_BLOCKED),
        ({"error_codes": ["700016", None, True, -1, 10**40]}, "invalid_request", Reason.REQUEST_REJECTED),
        ({"error_codes": {"700016": 1}}, "invalid_request", Reason.REQUEST_REJECTED),
        ({"error_codes": [999999, 700016]}, "AADSTS999999", Reason.CLIENT_UNKNOWN),
        ({"error_description": "AADSTS12345678901234: no"}, "invalid_request", Reason.REQUEST_REJECTED),
    ],
)
def test_the_number_is_found_where_it_is(document: dict[str, Any], code: str, reason: Reason) -> None:
    """In the list, or else in the text; the first known one decides."""
    explained = refusal(400, {"error": "invalid_request", **document}, context=context())
    assert (explained.answer.error_code, explained.reason) == (code, reason)


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(minutes=7, seconds=12), ": this node's clock is about 7m ahead of its own (AADSTS700024)"),
        (timedelta(hours=-1, seconds=1), ": this node's clock is about 1h behind its own (AADSTS700024)"),
        (timedelta(seconds=-21), ": this node's clock is about 20s behind its own (AADSTS700024)"),
        (timedelta(seconds=1), ", although this node's clock agrees with its own (AADSTS700024)"),
    ],
)
def test_a_skewed_clock_is_measured(ahead: timedelta, said: str) -> None:
    """The difference to the answer's Date header tells how far it is off, in words that every attempt repeats."""
    explained = refusal(401, entra("invalid_client", 700024), context=context(clock_ahead=ahead))
    assert explained.message == f"{BAD_TIME}{said}"


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        (None, timedelta(minutes=5)),
        (timedelta(seconds=60), timedelta(minutes=5)),
        (timedelta(minutes=20), timedelta(minutes=20)),
    ],
)
@pytest.mark.parametrize("status", [400, 429])
def test_a_request_loop_is_left_alone_for_five_minutes(status: int, asked: timedelta | None, wait: timedelta) -> None:
    """AADSTS50196 comes when the same was asked again and again: coming back after a minute keeps it alive."""
    explained = refusal(status, entra("invalid_grant", 50196), context=context(retry_after=asked))
    assert (explained.reason, explained.retry_after) == (Reason.PROVIDER_THROTTLED, wait)


def test_what_the_answer_asks_to_wait_is_kept() -> None:
    """With every kind of refusal; none where none was asked."""
    document = entra("temporarily_unavailable", 90033)
    asked = timedelta(seconds=17)
    assert refusal(503, document, context=context(retry_after=asked)).retry_after == asked
    assert refusal(503, document, context=context()).retry_after is None


def test_the_answer_is_described_for_the_providers_support() -> None:
    """Status, number and identifiers; a request's own identifier where the answer has none."""
    explained = refusal(401, entra("invalid_client", 700027), context=context(correlation_id="sent"))
    assert explained.answer == ProviderAnswer(401, "AADSTS700027", "2d3c", "0f1e")
    bare = refusal(429, {}, context=context(correlation_id="sent"))
    assert bare.answer == ProviderAnswer(429, "", "sent", "")


def test_nothing_that_was_sent_is_in_any_part_of_an_explanation() -> None:
    """Whichever member of the answer echoes it."""
    echo = "a-secret-that-was-sent-to-the-provider"
    document = dict.fromkeys(("error", "error_description", "trace_id", "correlation_id"), f"<{echo}>")
    explained = refusal(400, document, context=context())
    assert echo not in f"{explained} {explained.answer}"
    assert explained.answer == ProviderAnswer(400, "<[removed]>", "<[removed]>", "<[removed]>")


def test_texts_of_an_answer_are_bounded() -> None:
    """A status has bounds, and a provider may write anything."""
    document = dict.fromkeys(("error", "error_description", "trace_id", "correlation_id"), "x" * 100_000)
    explained = refusal(400, document, context=context())
    answer = explained.answer
    assert len(explained.text) < 1024
    assert max(map(len, (answer.error_code, answer.correlation_id, answer.trace_id))) <= 128


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["error", "error_description", "error_codes", "trace_id", "correlation_id", "suberror"])


@given(st.integers(100, 999), st.dictionaries(NAMES, JSON | st.sampled_from(["{", "{host", "%s", "AADSTS700016:"])))
def test_no_document_breaks_the_explanation(status: int, document: dict[str, Any]) -> None:
    """Whatever JSON comes, there is a reason, a text of one line, and nothing that cannot be stored."""
    explained = refusal(status, document, context=context(clock_ahead=timedelta(hours=1)))
    assert explained.reason in remedies.SENTENCES
    assert "\n" not in explained.text
    assert explained.text.encode()


def test_every_reason_that_a_table_gives_has_its_sentence() -> None:
    """The tables fit together: what a number, an error or a status leads to can be said."""
    tables = (refusals.REASON_OF_CODE, refusals.REASON_OF_ERROR, refusals.REASON_OF_STATUS)
    assert {reason for table in tables for reason in table.values()} <= set(remedies.SENTENCES)
    assert all(code in refusals.REASON_OF_CODE for code in refusals.SELF_EXPLANATORY)
