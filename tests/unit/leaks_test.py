"""The searcher that the test of secrecy relies on."""

import base64
import json
from urllib.parse import quote, urlencode

import pytest

from support.certificates import make_certificate
from support.leaks import PIECE, Leaks, encodings

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2dyYXBoIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbi10aGF0LWlzLWZha2U"
KEY = make_certificate().private_key_pem.decode()
LEAKS = Leaks({"token": TOKEN, "key": KEY})


@pytest.mark.parametrize("form", encodings(""))
@pytest.mark.parametrize(("name", "secret"), [("token", TOKEN), ("key", KEY)])
def test_every_form_is_found(name: str, secret: str, form: str) -> None:
    """Anywhere in a text."""
    assert LEAKS.find(f"before {encodings(secret)[form]} after") == {name}


@pytest.mark.parametrize("before", ["", "a", "ab", "Bearer "])
def test_base64_is_found_whatever_stands_before_the_secret(before: str) -> None:
    """As in `Authorization: Basic`, or in a Secret's data."""
    text = f"{before}{TOKEN} and what follows".encode()

    assert LEAKS.find(base64.b64encode(text).decode()) == {"token"}
    assert LEAKS.find(base64.urlsafe_b64encode(text).decode()) == {"token"}


@pytest.mark.parametrize("line", KEY.splitlines()[1:-2])
def test_any_line_of_a_pem_is_found(line: str) -> None:
    """By itself, and in other clothes."""
    for text in line, quote(line, safe=""), base64.b64encode(line.encode()).decode(), repr(line.encode()):
        assert LEAKS.find(text) == {"key"}


@pytest.mark.parametrize("start", range(0, len(TOKEN) - 2 * PIECE, 7))
def test_a_part_is_found(start: int) -> None:
    """A message that was cut leaks all the same."""
    assert LEAKS.find(TOKEN[start : start + 2 * PIECE]) == {"token"}


def test_documents_and_forms_are_read() -> None:
    """Line ends that are escaped hide nothing."""
    assert LEAKS.find(json.dumps({"data": KEY})) == {"key"}
    assert LEAKS.find(urlencode({"client_assertion": TOKEN, "key": KEY})) == {"token", "key"}


def test_other_texts_are_innocent() -> None:
    """The lines around a PEM are known to everybody, and a few characters say nothing."""
    assert LEAKS.find(f"it has no line like -----BEGIN PRIVATE KEY-----, but {TOKEN[: PIECE - 1]}") == set()
    assert LEAKS.find(make_certificate().thumbprint_sha256) == set()
    assert LEAKS.find("") == set()
