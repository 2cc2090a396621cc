"""What the target Secret holds: each value of `target.data`, rendered from a token."""

import json
from collections.abc import Callable

from tokensync.clock import rfc3339
from tokensync.resource.spec import ValueName
from tokensync.token import AccessToken


def render(token: AccessToken, shape: dict[str, ValueName]) -> dict[str, str]:
    """The Secret's keys and their values, as text."""
    return {key: _VALUES[name](token) for key, name in shape.items()}


def _token_response(token: AccessToken) -> str:
    """A JSON document in the form of RFC 6749, section 5.1, with the times that a reader of a stored answer needs."""
    return json.dumps(
        {
            "access_token": token.value,
            "token_type": token.token_type,
            "expires_in": int(token.lifetime.total_seconds()),
            "scope": token.scope,
            "issued_at": rfc3339(token.issued_at),
            "expires_at": rfc3339(token.expires_at),
        }
    )


_VALUES: dict[ValueName, Callable[[AccessToken], str]] = {
    ValueName.ACCESS_TOKEN: lambda token: token.value,
    ValueName.AUTHORIZATION_HEADER: lambda token: f"{token.token_type} {token.value}",
    ValueName.TOKEN_TYPE: lambda token: token.token_type,
    ValueName.EXPIRES_AT: lambda token: rfc3339(token.expires_at),
    ValueName.EXPIRES_AT_UNIX: lambda token: str(int(token.expires_at.timestamp())),
    ValueName.ISSUED_AT: lambda token: rfc3339(token.issued_at),
    ValueName.SCOPE: lambda token: token.scope,
    ValueName.TOKEN_RESPONSE: _token_response,
}
