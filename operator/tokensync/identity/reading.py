"""Telling a success from everything else that a provider, or something in its place, can answer."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from tokensync.errors import ProviderError, Reason
from tokensync.identity.answers import Context, describe, is_transient, refusal
from tokensync.identity.asked import Asked
from tokensync.identity.cleaning import Cleaner
from tokensync.identity.response import Response

_LOCATION_HOST = re.compile(r"https?://([A-Za-z0-9.:-]{1,255})(?:[/?#]|$)")


def read_document(response: Response, asked: Asked, cleaner: Cleaner, *, correlation_id: str = "") -> dict[str, Any]:
    """The JSON object of a successful answer.

    Raises:
        ProviderError: for every other answer; the HTTP status decides before anything that the body says.
    """
    context = Context(asked, cleaner, correlation_id, response.retry_after, response.clock_ahead)
    document = response.document
    if response.status == HTTPStatus.OK and document is not None and document.get("error") is None:
        return document
    if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
        raise _redirected(response, context)
    if is_transient(response.status) or _has_error(document):
        raise refusal(response.status, document or {}, context=context)
    raise _unusable(response.status, document, context)


def _has_error(document: Mapping[str, Any] | None) -> bool:
    return document is not None and isinstance(document.get("error"), str)


def _redirected(response: Response, context: Context) -> ProviderError:
    match = _LOCATION_HOST.match(response.headers.get("Location", ""))
    where = f" to {context.cleaner.clean(match[1])}" if match else ""
    return ProviderError(
        Reason.PROVIDER_REDIRECTED,
        f"{context.asked.host} redirects{where} (HTTP {response.status}), and redirects are not followed",
        remedy=f"correct {context.asked.field}, or {_who_answers(context)}",
        answer=describe(response.status, {}, context),
    )


def _unusable(status: int, document: Mapping[str, Any] | None, context: Context) -> ProviderError:
    what = "something that is not a JSON object" if document is None else "neither a success nor an OAuth 2.0 error"
    return ProviderError(
        Reason.PROVIDER_RESPONSE_INVALID,
        f"{context.asked.host} answered {what} (HTTP {status})",
        remedy=f"correct {context.asked.field}, or {_who_answers(context)}",
        answer=describe(status, document or {}, context),
    )


def _who_answers(context: Context) -> str:
    return f"find out what answers in the place of {context.asked.host}"
