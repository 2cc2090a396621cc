"""Documents as HTTP answers, in Entra's form."""

import uuid
from datetime import datetime
from typing import Any

from aiohttp import web

from support.entra.errors import EntraError
from support.entra.tokens import IssuedToken

NEVER_STORED = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


def token(issued: IssuedToken) -> web.Response:
    """RFC 6749, section 5.1."""
    seconds = int(issued.lifetime.total_seconds())
    document = {
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": issued.value,
    }
    return web.json_response(document, headers=NEVER_STORED)


def error(problem: EntraError, *, error_uri: str, now: datetime, request_id: str | None) -> web.Response:
    """RFC 6749, section 5.2, with everything that Entra adds to it.

    Args:
        problem: what is wrong.
        error_uri: a page about it.
        now: by the provider's clock.
        request_id: the client's own (`client-request-id`), which comes back if it is a UUID.
    """
    trace, correlation, timestamp = str(uuid.uuid4()), _correlation(request_id), f"{now:%Y-%m-%d %H:%M:%SZ}"
    where = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
    document: dict[str, Any] = {
        "error": problem.error,
        "error_description": f"AADSTS{problem.code}: {problem.message} {where}",
        "error_codes": [problem.code],
        "timestamp": timestamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": error_uri,
    }
    headers = {**NEVER_STORED, "x-ms-request-id": trace, "client-request-id": correlation, **problem.headers}
    return web.json_response(document, status=problem.status, headers=headers)


def _correlation(request_id: str | None) -> str:
    try:
        return str(uuid.UUID(request_id or ""))
    except ValueError:
        return str(uuid.uuid4())
