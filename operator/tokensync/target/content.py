"""What the target Secret holds: each value of `target.data`, or the file of `target.format`, rendered from a token."""

import json
from collections.abc import Callable

from tokensync.clock import rfc3339
from tokensync.resource.target import Target, ValueName
from tokensync.target import formats
from tokensync.token import AccessToken

_EXPIRES_AT = "expires-at"
"""The key that stands beside the file of a format."""


def render(target: Target, token: AccessToken, *, previous: str = "") -> dict[str, str]:
    """The Secret's keys and their values, as text.

    Args:
        target: the spec's.
        token: what the Secret is for.
        previous: the value of the token before, as long as that is kept. Its key is there without one, and empty.
    """
    if target.format:
        return {**formats.write(target.format, token.value), _EXPIRES_AT: rfc3339(token.expires_at)}
    return {
        key: previous if name is ValueName.PREVIOUS_ACCESS_TOKEN else _VALUES[name](token)
        for key, name in target.shape.items()
    }


def keys(target: Target) -> tuple[str, ...]:
    """The Secret's keys."""
    return (*formats.keys(target.format), _EXPIRES_AT) if target.format else tuple(target.shape)


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
