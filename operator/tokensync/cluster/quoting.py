"""What the API server says of a write, without what was to be written: webhooks and policies may quote that."""

import base64
import itertools
import re
from collections.abc import Mapping
from typing import Any

_PIECE = 16
"""Characters: a shorter piece of a token is of no use to anybody, and a text may contain one by chance."""
_LONGEST_READ = 2048
_RUN = re.compile(rf"\S{{{_PIECE},}}")
_REMOVED = "[removed]"


def without_data(answer: Mapping[str, Any], body: Any) -> Mapping[str, Any]:
    """A `Status` object, its message cut to a bound, without pieces of the Secret's values: as text, and in base64.

    Args:
        answer: the refusal.
        body: what was sent: a Secret, or a merge patch of one, as JSON. Anything else has nothing to hide.
    """
    data = body.get("data") if isinstance(body, Mapping) else None
    values = [value for value in (data or {}).values() if value]
    if not values:
        return answer
    forms = "\n".join([*values, *(base64.b64decode(value).decode() for value in values)])
    message = str(answer.get("message", ""))[:_LONGEST_READ]
    return {**answer, "message": _RUN.sub(lambda run: _without(run[0], forms), message)}


def _without(run: str, forms: str) -> str:
    starts = [at for at in range(len(run) - _PIECE + 1) if run[at : at + _PIECE] in forms]
    covered = {at + offset for at in starts for offset in range(_PIECE)}
    pieces = itertools.groupby(enumerate(run), lambda numbered: numbered[0] in covered)
    return "".join(_REMOVED if secret else "".join(letter for _, letter in piece) for secret, piece in pieces)
