"""Which HTTP answers are a success, and what the others are."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from multidict import CIMultiDict

from support.token_source import ASKED
from tokensync.errors import ProviderError, Reason
from tokensync.identity.cleaning import Cleaner
from tokensync.identity.reading import read_document
from tokensync.identity.response import Response

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOST = "login.microsoftonline.com"
IN_ITS_PLACE = f"correct spec.provider.entra, or find out what answers in the place of {HOST}"


def read(status: int, body: bytes, **headers: str) -> dict[str, Any]:
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return read_document(Response(status, named, body, NOW, NOW), ASKED, Cleaner(), correlation_id="sent")


def failure(status: int, body: bytes, **headers: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read(status, body, **headers)
    return caught.value


def test_a_json_object_with_status_200_is_a_success() -> None:
    """Nothing else is; null stands for what is not there."""
    assert read(200, b'{"access_token": "x"}') == {"access_token": "x"}
    assert read(200, b'{"access_token": "x", "error": null}')["access_token"] == "x"


@pytest.mark.parametrize(
    ("status", "location", "message"),
    [
        (307, "https://other.example/token?x=1", f"{HOST} redirects to other.example (HTTP 307)"),
        (302, "http://other.example:8080", f"{HOST} redirects to other.example:8080 (HTTP 302)"),
        (301, "/elsewhere", f"{HOST} redirects (HTTP 301)"),
        (303, "https://user:password@other.example/", f"{HOST} redirects (HTTP 303)"),
        (304, "", f"{HOST} redirects (HTTP 304)"),
    ],
)
def test_a_redirect_says_where_it_leads(status: int, location: str, message: str) -> None:
    """To which host only, for the rest of a location may hold anything."""
    error = failure(status, b"", location=location)
    assert error.reason is Reason.PROVIDER_REDIRECTED
    assert error.text == f"{message}, and redirects are not followed: {IN_ITS_PLACE}"


@pytest.mark.parametrize("body", [b"", b"<html>Sign in</html>", b'{"token_type": "Bearer"', b"[]", b"null"])
@pytest.mark.parametrize("status", [200, 404])
def test_what_is_no_json_object_is_invalid(status: int, body: bytes) -> None:
    """A captive portal, a proxy, a broken server: none of its text is repeated."""
    error = failure(status, body)
    assert error.reason is Reason.PROVIDER_RESPONSE_INVALID
    assert error.text == f"{HOST} answered something that is not a JSON object (HTTP {status}): {IN_ITS_PLACE}"


@pytest.mark.parametrize(
    ("status", "document"), [(404, {}), (400, {"message": "no"}), (204, {"access_token": "x"}), (200, {"error": 7})]
)
def test_a_json_object_that_says_neither_is_invalid(status: int, document: dict[str, Any]) -> None:
    """Another protocol's errors, another 2xx, an `error` that is no text."""
    error = failure(status, json.dumps(document).encode())
    assert error.reason is Reason.PROVIDER_RESPONSE_INVALID
    assert error.message == f"{HOST} answered neither a success nor an OAuth 2.0 error (HTTP {status})"


@pytest.mark.parametrize("status", [200, 400, 401])
def test_an_oauth_error_is_explained(status: int) -> None:
    """Even with status 200, which some servers give it."""
    assert failure(status, b'{"error": "invalid_scope"}').reason is Reason.SCOPE_REJECTED


@pytest.mark.parametrize(
    ("status", "reason"),
    [(429, Reason.PROVIDER_THROTTLED), (503, Reason.PROVIDER_UNAVAILABLE), (599, Reason.PROVIDER_UNAVAILABLE)],
)
@pytest.mark.parametrize("body", [b"Too Many Requests", b"<html>", b"{}", b'{"error": "invalid_client"}'])
def test_throttling_and_outages_need_no_json(status: int, body: bytes, reason: Reason) -> None:
    """Entra throttles in plain text too; the wait is kept, and the request's own identifier is there for its support."""
    error = failure(status, body, retry_after="17")
    assert (error.reason, error.retry_after) == (reason, timedelta(seconds=17))
    assert (error.answer.http_status, error.answer.correlation_id) == (status, "sent")


def test_the_clock_is_compared_where_it_is_what_is_wrong() -> None:
    """The answer's Date header goes into the explanation."""
    body = b'{"error": "invalid_client", "error_codes": [700024]}'
    assert "about 5m behind its own" in failure(401, body, date="Mon, 23 Nov 2026 12:05:00 GMT").message
