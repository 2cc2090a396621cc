"""Text from a provider, made fit to be shown: one line, short, and without anything secret that we sent."""

import base64
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property
from urllib.parse import quote, quote_plus

LENGTH = 512
"""The longest text that is kept, in characters."""

_REMOVED = "[removed]"
_SHORTEST_ENCODING = 4
"""Characters: shorter ones are in any text."""

_FRAGMENT = 16
"""Characters: a shorter piece of a secret is of no use to anybody, and a text may contain one by chance."""

# A JWS header is JSON in base64url: `{"` gives `ey`, `{ ` and a line break give `ew`.
_JWT = re.compile(r"e[yw][A-Za-z0-9_-]{14,}(?:\.[A-Za-z0-9_-]*)*")
# Entra ends every description with what differs each time: a condition that repeats it would never be stable.
_ENTRA_TRAILER = re.compile(r"Trace ID: .*", re.DOTALL)
_LONGEST_READ = 4096
_PART_OF_A_WORD = re.compile(r"^\S+")
_RUN = re.compile(rf"\S{{{_FRAGMENT},}}")


class Cleaner:
    """Cleans texts of one answer.

    Args:
        secrets: what the answer must not give back, as it was sent. Found in percent-encoding, base64 and base64url (at
            any alignment) and hexadecimal too, and in pieces of 16 characters or more; shorter ones as a whole.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(dict.fromkeys(secrets))

    def clean(self, text: object, length: int = LENGTH) -> str:
        """One line of at most `length` characters; empty for what is no text."""
        if not isinstance(text, str):
            return ""
        visible = _one_line(_ENTRA_TRAILER.sub("", _ends(text)))
        return _shorten("".join(_replace_covered(visible, self._covered(visible))), length)

    @cached_property
    def _forms(self) -> str:
        return "\n".join(form for secret in self._secrets for form in _forms(secret))

    @cached_property
    def _wholes(self) -> re.Pattern[str] | None:
        """What the search for pieces does not find: what is shorter than a piece, or has spaces."""
        forms = {" ".join(form.split()) for form in self._forms.split("\n") if len(form) < _FRAGMENT or " " in form}
        forms.discard("")
        return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None

    def _covered(self, text: str) -> bytearray:
        """Mark what is secret. A JWT goes as a whole: one that is not ours may have its beginning in common with ours."""
        covered = bytearray(len(text))
        for token in _JWT.finditer(text):
            covered[token.start() : token.end()] = b"\1" * len(token[0])
        for whole in self._wholes.finditer(text) if self._wholes else ():
            covered[whole.start() : whole.end()] = b"\1" * len(whole[0])
        starts = [start for run in _RUN.finditer(text) for start in range(run.start(), run.end() - _FRAGMENT + 1)]
        secret = self._those_of_secrets({text[start : start + _FRAGMENT] for start in starts})
        for start in starts:
            if text[start : start + _FRAGMENT] in secret:
                covered[start : start + _FRAGMENT] = b"\1" * _FRAGMENT
        return covered

    def _those_of_secrets(self, pieces: set[str]) -> set[str]:
        """The pieces that stand in some form of a secret. Takes time for the secrets' length alone, not for each piece."""
        starts = range(len(self._forms) - _FRAGMENT + 1) if pieces else ()
        return {piece for start in starts if (piece := self._forms[start : start + _FRAGMENT]) in pieces}


def _ends(text: str) -> str:
    """A text that is too long to be read, without its middle: the telling part may stand at its end.

    What is left of a word that was cut into goes too: a secret in it might not be known for one.
    """
    if len(text) <= _LONGEST_READ:
        return text
    half = _LONGEST_READ // 2
    return f"{text[:half]} {_PART_OF_A_WORD.sub('', text[-half:], count=1)}"


def _shorten(text: str, length: int) -> str:
    """Without its middle, if it is too long."""
    if len(text) <= length:
        return text
    head = length // 3
    return f"{text[:head]}…{text[len(text) - length + head + 1 :]}"


def _replace_covered(text: str, covered: bytearray) -> Iterator[str]:
    for position, character in enumerate(text):
        if not covered[position]:
            yield character
        elif position == 0 or not covered[position - 1]:
            yield _REMOVED


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield from (form for form in _encodings(secret) if len(form) >= _SHORTEST_ENCODING)


def _encodings(secret: str) -> Iterator[str]:
    raw = secret.encode()
    yield quote(secret, safe="")
    yield quote_plus(secret)
    for hexadecimal in (raw.hex(), raw.hex().upper()):
        yield hexadecimal
        yield "".join(f"%{hexadecimal[at : at + 2]}" for at in range(0, len(hexadecimal), 2))
    for skipped in range(3):
        # What stands before a value shifts the bits of its base64: only whole groups of three bytes look the same.
        aligned = raw[skipped:]
        whole = aligned[: len(aligned) // 3 * 3]
        yield base64.b64encode(whole).decode()
        yield base64.urlsafe_b64encode(whole).decode()


def _one_line(text: str) -> str:
    """Without control, format and surrogate characters; whatever is space becomes a single one."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    shown = "".join(character for character in spaced if not unicodedata.category(character).startswith("C"))
    return " ".join(shown.split())
