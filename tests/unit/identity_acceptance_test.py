"""Which answers are taken for an access token, and until when it lives."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.token_source import ASKED, SCOPE
from tokensync.errors import ProviderError, Reason
from tokensync.identity.acceptance import LIFETIME_WHERE_NONE_IS_GIVEN, LONGEST_LIFETIME, LONGEST_TOKEN, accept
from tokensync.token import AccessToken

SENT_AT = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
ANSWER = {"access_token": "opaque-token", "token_type": "Bearer", "expires_in": 3599}


def accepted(**members: Any) -> AccessToken:
    """The token of a good answer in which some members are others, or missing (None)."""
    answer = {name: value for name, value in {**ANSWER, **members}.items() if value is not None}
    return accept(answer, asked=ASKED, sent_at=SENT_AT)


def jwt_of(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, "a key of thirty-two bytes or more", algorithm="HS256")


def test_a_good_answer_becomes_a_token() -> None:
    """Its lifetime counts from the moment the request was sent; times are in milliseconds."""
    issued_at = SENT_AT.replace(microsecond=123000)
    assert accepted() == AccessToken(
        value="opaque-token",
        token_type="Bearer",
        scope=SCOPE,
        issued_at=issued_at,
        expires_at=issued_at + timedelta(seconds=3599),
    )


@pytest.mark.parametrize(
    "value", ["", None, 7, ["x"], "two words", "line\r\nbreak", "tab\t", "\x7f", "naïve", "x\x00", "token\n"]
)
def test_a_token_that_is_not_visible_ascii_is_refused(value: object) -> None:
    """It would break the header or the file that it is put into. The message has nothing of it."""
    with pytest.raises(ProviderError) as caught:
        accepted(access_token=value)
    assert caught.value.reason is Reason.PROVIDER_RESPONSE_INVALID
    assert caught.value.text == (
        "login.microsoftonline.com answered with an access token that is empty or not visible ASCII: find out what "
        "answers in the place of login.microsoftonline.com"
    )


def test_a_token_of_any_size_that_fits_is_accepted() -> None:
    """Several times into a Secret; more is refused, and said to be too long."""
    assert len(accepted(access_token="x" * LONGEST_TOKEN).value) == LONGEST_TOKEN
    with pytest.raises(ProviderError, match="an access token of more than 65536 characters"):
        accepted(access_token="x" * (LONGEST_TOKEN + 1))


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "BEARER"])
def test_the_token_type_is_told_in_any_case(token_type: str) -> None:
    """RFC 6749, section 5.1; it is passed on as RFC 6750 spells it."""
    assert accepted(token_type=token_type).token_type == "Bearer"


@pytest.mark.parametrize("token_type", [None, "", "DPoP", "mac", "pop", 7, ["Bearer"]])
def test_another_token_type_is_refused(token_type: object) -> None:
    """Whoever presented it as a bearer token would be refused."""
    with pytest.raises(ProviderError, match="a token of another type than Bearer"):
        accepted(token_type=token_type)


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        (1, timedelta(seconds=1)),
        ("3599", timedelta(seconds=3599)),
        (86400, LONGEST_LIFETIME),
        (86401, LONGEST_LIFETIME),
        (10**30, LONGEST_LIFETIME),
        ("9" * 18, LONGEST_LIFETIME),
    ],
)
def test_the_lifetime_is_what_the_answer_says(expires_in: object, lifetime: timedelta) -> None:
    """As a number or its digits; planned with for a day at most."""
    assert accepted(expires_in=expires_in).lifetime == lifetime


@pytest.mark.parametrize("expires_in", [0, -1, -(10**30), "0", "-5", "1h", "", 3599.5, True, [3599], "9" * 5000, "٣"])
def test_a_lifetime_that_is_not_positive_seconds_is_refused(expires_in: object) -> None:
    """Nobody can plan with such a token."""
    with pytest.raises(ProviderError, match="a token whose lifetime is not a positive number of seconds"):
        accepted(expires_in=expires_in)


@pytest.mark.parametrize("exp", [SENT_AT.timestamp() + 1200.5, int(SENT_AT.timestamp()) + 1201])
def test_without_a_lifetime_the_tokens_own_expiry_counts(exp: float) -> None:
    """The answer need not say (RFC 6749 recommends it only); a JWT says it itself. Rounded down."""
    assert accepted(expires_in=None, access_token=jwt_of({"exp": exp})).lifetime == timedelta(seconds=1200)


@pytest.mark.parametrize(
    "value",
    [
        "opaque-token",
        "a.b.c",
        jwt_of({}),
        jwt_of({"exp": "soon"}),
        jwt_of({"exp": 10**400}),
        jwt_of({"exp": float("nan")}),
        jwt_of({"exp": float("inf")}),
        jwt_of({"exp": -1}),
        jwt_of({"exp": None}),
    ],
)
def test_without_any_expiry_ten_minutes_are_assumed(value: str) -> None:
    """An opaque token, or one whose claims make no sense."""
    assert accepted(expires_in=None, access_token=value).lifetime == LIFETIME_WHERE_NONE_IS_GIVEN


def test_a_token_that_says_it_has_expired_is_refused() -> None:
    """A clock is wrong; the token is of no use either way."""
    with pytest.raises(ProviderError, match="not a positive number of seconds"):
        accepted(expires_in=None, access_token=jwt_of({"exp": int(SENT_AT.timestamp()) - 5}))


@pytest.mark.parametrize(
    ("scope", "kept"),
    [("a b", "a b"), ("", ""), (None, SCOPE), ("a\nb", SCOPE), (["a"], SCOPE), ("x" * 5000, SCOPE)],
)
def test_the_granted_scope_is_kept_where_it_is_one(scope: object, kept: str) -> None:
    """An empty one says that nothing was granted; otherwise it is what was asked for (RFC 6749, section 5.1)."""
    assert accepted(scope=scope).scope == kept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
VALUES = JSON | st.sampled_from(["Bearer", "opaque", json.dumps({"exp": 1}), "eyJhbGciOiJub25lIn0.e30."])
MEMBERS = st.sampled_from(["access_token", "token_type", "expires_in", "scope"])


@given(st.dictionaries(MEMBERS, VALUES))
def test_any_answer_is_a_usable_token_or_refused(answer: dict[str, Any]) -> None:
    """Whatever JSON comes: a token that can be planned with, or our own error."""
    with contextlib.suppress(ProviderError):
        token = accept(answer, asked=ASKED, sent_at=SENT_AT)
        assert token.value.isascii()
        assert timedelta(0) < token.lifetime <= LONGEST_LIFETIME
