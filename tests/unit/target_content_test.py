"""The values of the target Secret's keys."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.builders import ISSUED_AT, make_token
from tokensync.clock import parse_rfc3339
from tokensync.resource.target import Target, ValueName
from tokensync.target.content import keys, render

TOKEN = make_token("abc.def.ghi", issued_at=ISSUED_AT + timedelta(milliseconds=250))
ALL = Target(name="graph-token", data={name.value: name for name in ValueName})


def holding(value: ValueName) -> Target:
    """A target with one key."""
    return Target(name="graph-token", data={"key": value})


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
        (ValueName.PREVIOUS_ACCESS_TOKEN, "xyz"),
    ],
)
def test_value(value: ValueName, text: str) -> None:
    """Each name stands for one text."""
    assert render(holding(value), TOKEN, previous="xyz") == {"key": text}


def test_key_of_the_previous_token_is_there_without_one() -> None:
    """Empty, so that it is seen if somebody fills or removes it."""
    assert render(holding(ValueName.PREVIOUS_ACCESS_TOKEN), TOKEN) == {"key": ""}


def test_token_response_is_one_json_document() -> None:
    """It has the members of RFC 6749 and the two times without which a stored answer says little."""
    assert json.loads(render(holding(ValueName.TOKEN_RESPONSE), TOKEN)["key"]) == {
        "access_token": "abc.def.ghi",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "https://graph.microsoft.com/.default",
        "issued_at": "2026-11-23T13:45:00.250Z",
        "expires_at": "2026-11-23T14:45:00.250Z",
    }


def test_default_shape() -> None:
    """Without `target.data` and `target.format` there are three keys."""
    assert render(Target(name="graph-token"), TOKEN) == {
        "token": "abc.def.ghi",
        "expires-at": "2026-11-23T14:45:00.250Z",
        "token-type": "Bearer",
    }


def test_file_of_a_format_stands_beside_the_expiry() -> None:
    """Whoever reads the file can know until when."""
    target = Target.model_validate({"name": "graph-token", "format": {"basicAuth": {"username": "ada"}}})
    assert render(target, TOKEN) == {
        "username": "ada",
        "password": "abc.def.ghi",
        "expires-at": "2026-11-23T14:45:00.250Z",
    }


def test_every_value_can_be_rendered() -> None:
    """A name that the schema allows is never missing here."""
    assert set(render(ALL, TOKEN)) == set(keys(ALL)) == {name.value for name in ValueName}


@given(st.timedeltas(timedelta(milliseconds=1), timedelta(days=1)))
def test_no_expiry_is_published_later_than_it_is(lifetime: timedelta) -> None:
    """What is rounded is rounded down: a consumer never takes a token for valid that is not."""
    token = make_token(lifetime=lifetime)
    values = render(ALL, token)
    response = json.loads(values[ValueName.TOKEN_RESPONSE])
    assert int(values[ValueName.EXPIRES_AT_UNIX]) <= token.expires_at.timestamp()
    assert response["expires_in"] <= lifetime.total_seconds()
    assert parse_rfc3339(values[ValueName.EXPIRES_AT]) <= token.expires_at
