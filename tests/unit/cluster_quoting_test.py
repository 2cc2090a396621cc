"""A webhook or a policy that quotes the Secret which it refuses."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokensync.cluster.quoting import without_data

TOKEN = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
FILE = f"machine api.example.com\nlogin ada\npassword {TOKEN}\n"


def encoded(text: str) -> str:
    """As it stands in a Secret."""
    return base64.b64encode(text.encode()).decode()


def said(message: str, *values: str) -> str:
    """What is left of a message about a Secret with these values."""
    body = {"data": {f"key-{number}": encoded(value) for number, value in enumerate(values)}}
    text: str = without_data({"code": 403, "message": message}, body)["message"]
    return text


QUOTED = {
    TOKEN: "[removed]",
    encoded(TOKEN): "[removed]",
    encoded(FILE): "[removed]",
    encoded(FILE)[20:60]: "[removed]",
    TOKEN[8:24]: "[removed]",
    f'{{"password":"{TOKEN}"}}': '{"password":"[removed]"}',
    f"password {TOKEN}": "password [removed]",
    TOKEN[8:23]: TOKEN[8:23],
}


@pytest.mark.parametrize(("quoted", "left"), QUOTED.items())
def test_no_piece_of_a_value_is_left(quoted: str, left: str) -> None:
    """Neither of the token, nor of the file in which it stands, nor of either in base64; fifteen characters are none."""
    assert said(f"denied: bad ({quoted}), ask us", TOKEN, FILE) == f"denied: bad ({left}), ask us"


def test_long_message_is_cut() -> None:
    """A webhook may write megabytes, and what it wrote is searched."""
    assert len(said("a " * 5_000_000, TOKEN)) < 5_000


@given(st.text("abcd", min_size=16, max_size=40), st.integers(0, 24), st.text("abcd ", max_size=20))
def test_whatever_stands_around_it(token: str, start: int, around: str) -> None:
    """Pieces of sixteen characters or more are found wherever they begin."""
    left = said(f"{around}{token[start : start + 16]}{around}", token)
    assert all(token[at : at + 16] not in left for at in range(len(token) - 15))


def test_words_of_the_policy_are_kept() -> None:
    """They say what to do."""
    message = 'admission webhook "policy.example.com" denied the request: the label team is missing'
    assert said(message, TOKEN, FILE, "Bearer", "2026-11-23T14:45:00.000Z") == message


@pytest.mark.parametrize("body", [None, [{"op": "test"}], {"metadata": {}}, {"data": {"a": None, "b": ""}}])
def test_write_of_nothing_secret_is_quoted_as_it_is(body: Any) -> None:
    """Statuses, leases, labels, and keys that are taken out."""
    answer = {"code": 403, "message": TOKEN}
    assert without_data(answer, body) == answer
