"""Which answers are accepted as an access token."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt

from tokensync.clock import to_milliseconds
from tokensync.errors import ProviderError, Reason
from tokensync.identity.asked import Asked
from tokensync.resource.status import SCOPE_LENGTH
from tokensync.token import AccessToken

LONGEST_LIFETIME = timedelta(hours=24)
"""What is planned with at most, however long a token may live."""

LIFETIME_WHERE_NONE_IS_GIVEN = timedelta(minutes=10)

LONGEST_TOKEN = 64 * 1024
"""Characters. A Secret may hold 1 MiB, and the token several times."""

_VISIBLE = re.compile(r"[\x21-\x7E]+")
_SCOPE = re.compile(rf"[\x20-\x7E]{{0,{SCOPE_LENGTH}}}")  # RFC 6749, section 3.3
_TOKEN_TYPE = "Bearer"
_SECOND = timedelta(seconds=1)
_LATEST_EXPIRY = 10**11  # seconds since 1970: some thousand years from now
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")


def accept(answer: Mapping[str, Any], *, asked: Asked, sent_at: datetime) -> AccessToken:
    """Take the token out of a successful answer (RFC 6749, section 5.1).

    Args:
        answer: the members of the answer.
        asked: what was asked for.
        sent_at: when the request was sent; the lifetime counts from there.

    Raises:
        ProviderError: `ProviderResponseInvalid`, if it is no usable bearer token.
    """
    value = answer.get("access_token")
    if not isinstance(value, str) or not _VISIBLE.fullmatch(value):
        raise _unusable(asked, "an access token that is empty or not visible ASCII")
    if len(value) > LONGEST_TOKEN:
        raise _unusable(asked, f"an access token of more than {LONGEST_TOKEN} characters")
    if str(answer.get("token_type")).lower() != _TOKEN_TYPE.lower():
        raise _unusable(asked, "a token of another type than Bearer")
    issued_at = to_milliseconds(sent_at)
    return AccessToken(
        value=value,
        token_type=_TOKEN_TYPE,
        scope=_scope(answer.get("scope"), asked),
        issued_at=issued_at,
        expires_at=issued_at + _lifetime(answer, issued_at, asked),
    )


def _lifetime(answer: Mapping[str, Any], issued_at: datetime, asked: Asked) -> timedelta:
    """From `expires_in`, else from the token itself, else assumed."""
    expires_in = answer.get("expires_in")
    if expires_in is None:
        seconds = _own_lifetime(answer["access_token"], issued_at)
    elif isinstance(expires_in, str) and _WHOLE_NUMBER.fullmatch(expires_in):
        seconds = int(expires_in)
    else:
        seconds = expires_in if type(expires_in) is int else 0
    if seconds <= 0:
        raise _unusable(asked, "a token whose lifetime is not a positive number of seconds")
    return timedelta(seconds=min(seconds, LONGEST_LIFETIME // _SECOND))


def _own_lifetime(value: str, issued_at: datetime) -> int:
    """Seconds that a JWT says it lives. Nothing but our planning relies on it, so the signature is not verified."""
    try:
        expiry = jwt.decode(value, options={"verify_signature": False}).get("exp")
    except (jwt.InvalidTokenError, RecursionError):
        expiry = None
    if not isinstance(expiry, int | float) or not 0 < expiry < _LATEST_EXPIRY:
        return LIFETIME_WHERE_NONE_IS_GIVEN // _SECOND
    return int(expiry - issued_at.timestamp())


def _scope(granted: object, asked: Asked) -> str:
    """As the provider names it; where it names none, it is what was asked for (RFC 6749, section 5.1).

    Some name an empty one, although the syntax has none: nothing was granted.
    """
    return granted if isinstance(granted, str) and _SCOPE.fullmatch(granted) else asked.scope


def _unusable(asked: Asked, what: str) -> ProviderError:
    return ProviderError(
        Reason.PROVIDER_RESPONSE_INVALID,
        f"{asked.host} answered with {what}",
        remedy=f"find out what answers in the place of {asked.host}",
    )
