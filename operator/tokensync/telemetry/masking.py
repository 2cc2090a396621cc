"""The last line of defence of the log: what looks like a token or a key is masked, wherever it comes from.

Nothing secret is logged on purpose. This is for what a library puts into a message or an exception.
"""

import re
import traceback
from collections.abc import Iterator
from typing import Any

from structlog.typing import ExcInfo

_MASK = "[masked]"
_SECRET = re.compile(
    r"""
      (?: eyJ | ZXlK | QmVhcmVyI ) [\w+/=.%-]{12,}     # a JWT; it or 'Bearer ' and it in base64, as a Secret's data
    | -----BEGIN\ [^-]+-----                           # PEM, cut off or not, with real or escaped ends of lines
      .*? (?: -----END\ [^-]+----- | \Z )
    | LS0tLS1CRUdJTi [\w+/=\s-]*                       # PEM in base64
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)

_HARMLESS = (OSError, ImportError, NameError, AttributeError)


def masked(value: Any) -> Any:
    """Turn a value into what JSON knows, with its texts masked; what JSON does not know becomes text first."""
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {masked(str(key)): masked(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [masked(item) for item in value]
        case _:
            return _SECRET.sub(_MASK, str(value))


def one_line(text: str) -> str:
    """Escape what is not printable, ends of lines included: no value can pass for a line of its own."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def describe(exc_info: ExcInfo) -> str:
    """Write a traceback that holds no values: places in the code and types, for an exception and for what led to it.

    A text is kept where it is known to be harmless: of our own exceptions, of the operating system's, and of those that
    only speak of names in the code.
    """
    return "\n".join(line for error in reversed(list(_chain(exc_info[1]))) for line in _lines(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        for member in getattr(error, "exceptions", ()):
            yield from _chain(member)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _lines(error: BaseException) -> Iterator[str]:
    yield "Traceback (most recent call last):"
    yield from (frame.rstrip("\n") for frame in traceback.format_tb(error.__traceback__))
    package = type(error).__module__.partition(".")[0]
    harmless = isinstance(error, _HARMLESS) or package == __name__.partition(".")[0]
    yield f"{package}.{type(error).__qualname__}" + (f": {one_line(str(error))}" if harmless else "")
