"""`PreviousAccessToken`: the token before the present one stays beside it until it expires."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tokensync.resource.target import Target, ValueName


@dataclass(frozen=True, slots=True)
class PreviousToken:
    """A token that a newer one replaces.

    Attributes:
        value: the access token. Left out of `repr`, and of every message.
        expires_at: when it expires, and goes.
    """

    value: str = field(repr=False)
    expires_at: datetime


def previous_keys(target: Target) -> tuple[str, ...]:
    """The keys that hold the previous token; none where the spec does not want it."""
    return () if target.format else _keys_of(target, ValueName.PREVIOUS_ACCESS_TOKEN)


def token_in(data: Mapping[str, bytes], target: Target) -> str:
    """The access token among the values of the target, in whichever form it is there; empty if there is none.

    Where no record of field ownership is kept, somebody may have put anything into the Secret.
    """
    for name, take in _FORMS.items():
        for key in _keys_of(target, name):
            try:
                token = take(data[key].decode("ascii"))
            except (LookupError, ValueError, TypeError, RecursionError):
                return ""
            return token if re.fullmatch(r"[\x21-\x7e]+", token) else ""
    return ""


def _keys_of(target: Target, wanted: ValueName) -> tuple[str, ...]:
    return tuple(key for key, name in target.shape.items() if name is wanted)


_FORMS: dict[ValueName, Callable[[str], str]] = {
    ValueName.ACCESS_TOKEN: str,
    ValueName.AUTHORIZATION_HEADER: lambda text: text.partition(" ")[2],
    ValueName.TOKEN_RESPONSE: lambda text: str(json.loads(text)["access_token"]),
}
