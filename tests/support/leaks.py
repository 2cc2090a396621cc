"""Finds secrets in text, whichever way somebody may have written them, whole or in part."""

import base64
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

PIECE = 20
"""Characters. Whatever run of a secret is twice as long as this is found."""

_BOUNDARY = re.compile(r"-----(?:BEGIN|END) [^-]+-----")


class Leaks:
    """A searcher for secrets, in every form that `encodings` gives them, whole lines and other parts included."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """Prepare.

        Args:
            secrets: each by a name that may be shown. What marks the ends of a PEM is no secret.
        """
        self._names = {
            piece: name
            for name, secret in secrets.items()
            for form in encodings(_BOUNDARY.sub("", secret)).values()
            for piece in _pieces(form)
        }

    def find(self, text: str) -> set[str]:
        """The names of those that are in a text."""
        windows = (text[start : start + PIECE] for start in range(len(text) - PIECE + 1))
        return {self._names[window] for window in windows if window in self._names}


def encodings(secret: str) -> dict[str, str]:
    """A secret as a text may have it, by the name of the form."""
    raw = secret.encode()
    forms = {
        "as it is": secret,
        "percent-encoded": quote(secret, safe=""),
        "every byte percent-encoded": "".join(f"%{byte:02X}" for byte in raw),
        "hexadecimal": raw.hex(),
        "upper-case hexadecimal": raw.hex().upper(),
    }
    for skipped in range(3):
        # What stands before a secret shifts the bits of its Base64: only whole groups of three bytes look the same.
        aligned = raw[skipped:]
        whole = aligned[: len(aligned) // 3 * 3]
        forms[f"Base64, alignment {skipped}"] = base64.b64encode(whole).decode()
        forms[f"Base64url, alignment {skipped}"] = base64.urlsafe_b64encode(whole).decode()
    return forms


def _pieces(text: str) -> Iterator[str]:
    return (text[start : start + PIECE] for start in range(0, len(text) - PIECE + 1, PIECE))
