"""Why a provider refused, and what to do about it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from tokensync.duration import show_duration
from tokensync.errors import ProviderAnswer, ProviderError, Reason
from tokensync.identity import refusals, remedies
from tokensync.identity.asked import Asked
from tokensync.identity.cleaning import Cleaner

_AADSTS = re.compile(r"AADSTS([0-9]{4,10})\b")
_LARGEST_CODE = 10**10
_ID_LENGTH = 128
_LOOP_WAIT = timedelta(minutes=5)
_MINUTE = timedelta(minutes=1)
_NOTABLE_SKEW = timedelta(seconds=5)  # a Date header is a whole second, and took its time to get here


@dataclass(frozen=True, slots=True)
class Context:
    """What else is known of an exchange when its answer is explained.

    Attributes:
        asked: what was asked for.
        cleaner: knows what was sent.
        correlation_id: the id that the request carried, for answers that name none.
        retry_after: what the answer asked us to wait.
        clock_ahead: how far our clock is ahead of the provider's; None if it did not say the time.
    """

    asked: Asked
    cleaner: Cleaner
    correlation_id: str = ""
    retry_after: timedelta | None = None
    clock_ahead: timedelta | None = None


def refusal(http_status: int, document: Mapping[str, Any], *, context: Context) -> ProviderError:
    """Explain an error answer (RFC 6749, section 5.2). Returns for any document, an empty one too."""
    known = next((code for code in _codes(document) if code in refusals.REASON_OF_CODE), None)
    reason = _reason(http_status, document, known)
    return ProviderError(
        reason,
        remedies.sentence(reason, context.asked) + _detail(http_status, document, known, context),
        remedy=remedies.remedy(reason, context.asked, code=known, error=_error(document)),
        retry_after=_wait(known, context.retry_after),
        answer=describe(http_status, document, context),
    )


def describe(http_status: int, document: Mapping[str, Any], context: Context) -> ProviderAnswer:
    """What an answer says of itself, short and clean."""

    def identifier(name: str) -> str:
        return context.cleaner.clean(document.get(name), _ID_LENGTH)

    return ProviderAnswer(
        http_status=http_status,
        error_code=_error_code(document, context),
        correlation_id=identifier("correlation_id") or context.correlation_id,
        trace_id=identifier("trace_id"),
    )


def is_transient(http_status: int) -> bool:
    """Whether the status alone says that nobody has to change anything."""
    return http_status >= HTTPStatus.INTERNAL_SERVER_ERROR or http_status in {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }


def _reason(http_status: int, document: Mapping[str, Any], known: int | None) -> Reason:
    if http_status == HTTPStatus.TOO_MANY_REQUESTS:
        return Reason.PROVIDER_THROTTLED
    by_error = refusals.REASON_OF_ERROR.get(_error(document))
    if is_transient(http_status) or by_error is Reason.PROVIDER_UNAVAILABLE:
        return Reason.PROVIDER_UNAVAILABLE
    if known is not None:
        return refusals.REASON_OF_CODE[known]
    if http_status == HTTPStatus.UNAUTHORIZED and by_error is Reason.CLIENT_NOT_AUTHORIZED:
        return Reason.CREDENTIAL_REJECTED  # Keycloak's word for a wrong secret: the status says who is not known
    return by_error or refusals.REASON_OF_STATUS.get(http_status, Reason.REQUEST_REJECTED)


def _error(document: Mapping[str, Any]) -> str:
    error = document.get("error")
    return error if isinstance(error, str) else ""


def _detail(http_status: int, document: Mapping[str, Any], known: int | None, context: Context) -> str:
    code = _error_code(document, context)
    if known in refusals.SELF_EXPLANATORY:
        skew = _skew(context) if refusals.REASON_OF_CODE.get(known or 0) is Reason.CLOCK_SKEWED else ""
        return f"{skew} ({code})"
    text = context.cleaner.clean(document.get("error_description")).rstrip(". ")
    return f": {text}" if text else f" ({code or f'HTTP {http_status}'})"


def _skew(context: Context) -> str:
    ahead = context.clock_ahead
    if ahead is None:
        return ""
    if abs(ahead) < _NOTABLE_SKEW:
        return ", although this node's clock agrees with its own"
    direction = "ahead of" if ahead > timedelta(0) else "behind"
    return f": this node's clock is about {show_duration(_rounded(abs(ahead)))} {direction} its own"


def _rounded(skew: timedelta) -> timedelta:
    """To what stays the same from one attempt to the next."""
    step = _MINUTE if skew >= _MINUTE else _NOTABLE_SKEW
    return round(skew / step) * step


def _wait(known: int | None, retry_after: timedelta | None) -> timedelta | None:
    return max(retry_after or _LOOP_WAIT, _LOOP_WAIT) if known == refusals.REQUEST_LOOP else retry_after


def _codes(document: Mapping[str, Any]) -> list[int]:
    """Entra's numbers: from `error_codes`, or else from the text."""
    listed = document.get("error_codes")
    numbers = [code for code in listed if _is_code(code)] if isinstance(listed, list) else []
    text = document.get("error_description")
    return numbers or [int(number) for number in _AADSTS.findall(text if isinstance(text, str) else "")]


def _is_code(code: object) -> bool:
    return type(code) is int and 0 < code < _LARGEST_CODE


def _error_code(document: Mapping[str, Any], context: Context) -> str:
    codes = _codes(document)
    return f"AADSTS{codes[0]}" if codes else context.cleaner.clean(document.get("error"), _ID_LENGTH)
