"""The values of the target Secret's keys."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.builders import ISSUED_AT, make_token
from tokensync.clock import parse_rfc3339
from tokensync.resource.spec import DEFAULT_DATA, ValueName
from tokensync.target.content import render

TOKEN = make_token("abc.def.ghi", issued_at=ISSUED_AT + timedelta(milliseconds=250))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ValueName.ACCESS_TOKEN, "abc.def.ghi"),
        (ValueName.AUTHORIZATION_HEADER, "Bearer abc.def.ghi"),
        (ValueName.TOKEN_TYPE, "Bearer"),
        (ValueName.EXPIRES_AT, "2026-11-23T14:45:00.250Z"),
        (ValueName.EXPIRES_AT_UNIX, "1795445100"),
        (ValueName.ISSUED_AT, "2026-11-23T13:45:00.250Z"),
        (ValueName.SCOPE, "https://graph.microsoft.com/.default"),
    ],
)
def test_value(value: ValueName, text: str) -> None:
    """Each name stands for one text."""
    assert render(TOKEN, {"key": value}) == {"key": text}


def test_token_response_is_one_json_document() -> None:
    """It has the members of RFC 6749 and the two times without which a stored answer says little."""
    assert json.loads(render(TOKEN, {"key": ValueName.TOKEN_RESPONSE})["key"]) == {
        "access_token": "abc.def.ghi",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "https://graph.microsoft.com/.default",
        "issued_at": "2026-11-23T13:45:00.250Z",
        "expires_at": "2026-11-23T14:45:00.250Z",
    }


def test_default_shape() -> None:
    """Without `target.data` there are three keys."""
    assert render(TOKEN, DEFAULT_DATA) == {
        "token": "abc.def.ghi",
        "expires-at": "2026-11-23T14:45:00.250Z",
        "token-type": "Bearer",
    }


def test_every_value_can_be_rendered() -> None:
    """A name that the schema allows is never missing here."""
    assert set(render(TOKEN, {name.value: name for name in ValueName})) == {name.value for name in ValueName}


@given(st.timedeltas(timedelta(milliseconds=1), timedelta(days=1)))
def test_no_expiry_is_published_later_than_it_is(lifetime: timedelta) -> None:
    """What is rounded is rounded down: a consumer never takes a token for valid that is not."""
    token = make_token(lifetime=lifetime)
    values = render(token, {name.value: name for name in ValueName})
    response = json.loads(values[ValueName.TOKEN_RESPONSE])
    assert int(values[ValueName.EXPIRES_AT_UNIX]) <= token.expires_at.timestamp()
    assert response["expires_in"] <= lifetime.total_seconds()
    assert parse_rfc3339(values[ValueName.EXPIRES_AT]) <= token.expires_at
