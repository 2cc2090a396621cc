"""Text from a provider is shown only after it was cleaned."""

import base64
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tokensync.identity.cleaning import LENGTH, Cleaner

ASSERTION = (
    "eyJhbGciOiJQUzI1NiIsIng1dCNTMjU2IjoiTjFiVUZ3In0.eyJhdWQiOiJodHRwczovL2xvZ2luIiwianRpIjoiNDJiYSJ9."
    "Qm90aCBwYXJ0cyBhcmUgbWFkZSB1cCBhbmQgcHJvdmUgbm90aGluZw"
)
SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=24, max_size=200)
ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded to the last character": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent-encoded in lower case": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 after one byte": lambda text: base64.b64encode(b"x" + text.encode()).decode(),
    "base64 after two bytes": lambda text: base64.b64encode(b"xy" + text.encode() + b"z").decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "upper-case hexadecimal": lambda text: text.encode().hex().upper(),
}


def longest_common_piece(left: str, right: str) -> int:
    """Length of the longest text that stands in both."""
    longest = 0
    for start in range(len(left)):
        while start + longest < len(left) and left[start : start + longest + 1] in right:
            longest += 1
    return longest


@given(st.sampled_from(sorted(ENCODINGS)), SECRETS, st.text(max_size=40), st.text(max_size=40))
@example("as it is", ASSERTION, "JWT token is invalid or malformed: ", ".")
def test_nothing_that_was_sent_comes_back(encoding: str, secret: str, before: str, after: str) -> None:
    """No piece of 18 characters of a secret is left in any of its encodings, wherever it stood in the text.

    Base64 counts in groups of four: up to two characters at its ends look different, whence not exactly 16.
    """
    encoded = ENCODINGS[encoding](secret)
    cleaned = Cleaner([secret]).clean(f"{before}{encoded}{after}", length=10_000)
    assert longest_common_piece(encoded, cleaned) < 18 or longest_common_piece(encoded, before + after) >= 18


def test_a_token_that_begins_like_ours_goes_as_a_whole() -> None:
    """All tokens of a provider have their header in common, often with our assertion's, and what follows is a secret."""
    token = ASSERTION.partition(".")[0] + ".eyJhdWQiOiJncmFwaCJ9.dGhlIHNpZ25hdHVyZSBvZiBzb21lYm9keSBlbHNl"
    assert Cleaner([ASSERTION]).clean(f"your token is {token} and no error") == "your token is [removed] and no error"


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_the_words_around_a_secret_stay(encoding: str) -> None:
    """Only the secret goes: the rest may say what is wrong."""
    text = f"the assertion {ENCODINGS[encoding](ASSERTION)} is not valid"
    cleaned = Cleaner([ASSERTION]).clean(text)
    assert re.fullmatch(r"the assertion \S{0,4}\[removed\]\S{0,4} is not valid", cleaned)


@pytest.mark.parametrize(("start", "end"), [(0, 60), (30, 90), (100, 150)])
def test_a_piece_of_a_secret_goes_too(start: int, end: int) -> None:
    """A provider that cuts what it echoes gives away no less."""
    assert Cleaner([ASSERTION]).clean(f"got {ASSERTION[start:end]}") == "got [removed]"


@pytest.mark.parametrize(
    "token",
    [ASSERTION, ASSERTION.rpartition(".")[0], ASSERTION.partition(".")[0], "ewogICJhbGciOiAibm9uZSIKfQ.e30."],
)
def test_whatever_looks_like_a_jwt_goes(token: str) -> None:
    """Another token than ours, an access token for example, is no less secret."""
    assert Cleaner().clean(f"token {token} is not for us") == "token [removed] is not for us"


def test_ordinary_text_stays_as_it_is() -> None:
    """Identifiers, addresses and thumbprints are what helps."""
    text = (
        "AADSTS700016: Application with identifier '535fb089-9ff3-47b6-9bfb-4f1264799865' was not found, see "
        "https://learn.microsoft.com/entra/identity-platform and thumbprint 'A1B2C3D4E5F6A1B2C3D4E5F6A1B2C3D4E5F6A1B2'"
    )
    assert Cleaner([ASSERTION]).clean(text) == text


@pytest.mark.parametrize("separator", [" ", "\r\n"])
def test_what_differs_each_time_is_left_out(separator: str) -> None:
    """A condition whose message changed with every attempt would be written and announced with every attempt."""
    text = separator.join(
        ["AADSTS90002: Tenant not found.", "Trace ID: 1f", "Correlation ID: 2e", "Timestamp: 2026-11-23 12:00:00Z"]
    )
    assert Cleaner().clean(text) == "AADSTS90002: Tenant not found."


def test_a_long_text_is_cut_in_its_middle() -> None:
    """A message has its place in a status, and that has bounds; some servers put what is telling at the end."""
    text = f"Client authentication failed. {'word ' * 200}The provided audience is wrong."
    cleaned = Cleaner().clean(text)
    assert len(cleaned) == LENGTH
    assert cleaned.startswith("Client authentication failed. word word")
    assert cleaned.endswith("word The provided audience is wrong.")
    assert cleaned.count("…") == 1


def test_the_end_of_an_endless_text_is_read() -> None:
    """Without the word that it begins within: that could be half a token, which nothing tells from text."""
    text = f"refused: {ASSERTION * 40} {'x' * 5000}{ASSERTION} because of this"
    assert Cleaner().clean(text) == "refused: [removed] because of this"


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize("secret", ["hunter2", "fifteen-letters", "correct horse battery staple"])
def test_a_short_secret_goes_as_a_whole(secret: str, encoding: str) -> None:
    """A client secret may be of any length, and have spaces."""
    encoded = ENCODINGS[encoding](secret)
    cleaned = Cleaner([secret]).clean(f"secret <{encoded}> is wrong")
    assert re.fullmatch(r"secret <\S{0,4}\[removed\]\S{0,4}> is wrong", cleaned)


def test_a_form_encoded_secret_goes() -> None:
    """As the body and the Basic header have it: with plus for space."""
    assert Cleaner(["a b&c d e f"]).clean("got a+b%26c+d+e+f") == "got [removed]"


@pytest.mark.parametrize("value", [None, 7, ["text"], {"text": 1}, b"text"])
def test_what_is_no_text_is_empty(value: object) -> None:
    """JSON may hold anything in the place of a text."""
    assert Cleaner().clean(value) == ""


@given(st.text(st.characters(codec=None)), st.integers(1, 100))
@example("\x1b[2J\u202egnp.exe\ud800\x00\u2028\r\nforged: line", 100)
def test_any_text_becomes_one_short_visible_line(text: str, length: int) -> None:
    """No terminal control, no reversed or split lines, nothing that UTF-8 cannot hold."""
    cleaned = Cleaner([ASSERTION]).clean(text, length)
    assert len(cleaned) <= length
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in cleaned)
    assert cleaned.encode().decode() == cleaned
