"""What is read from an HTTP response before anybody asks what it means."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tokensync.identity.response import Response
from tokensync.rotation.attempts import LONGEST_RETRY_AFTER

NOW = datetime(2026, 11, 23, 12, 0, 0, 250000, tzinfo=UTC)


def response(body: bytes = b"{}", **headers: str) -> Response:
    return Response(
        status=200,
        headers=CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}),
        body=body,
        sent_at=NOW - timedelta(seconds=1),
        received_at=NOW,
    )


def http_date(offset: timedelta) -> str:
    return format_datetime(NOW.replace(microsecond=0) + offset, usegmt=True)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("60", timedelta(minutes=1)),
        (" 7 ", timedelta(seconds=7)),
        ("0", timedelta(0)),
        ("999999", LONGEST_RETRY_AFTER),
        (http_date(timedelta(seconds=90)), timedelta(seconds=90)),
        (http_date(timedelta(days=9)), LONGEST_RETRY_AFTER),
        (http_date(timedelta(days=-9)), timedelta(0)),
        ("-5", None),
        ("5.5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str, wait: timedelta | None) -> None:
    """Seconds, or a date by the provider's own clock; at most an hour; nothing where it makes no sense."""
    assert response(retry_after=header, date=http_date(timedelta(0))).retry_after == wait


def test_a_retry_after_date_counts_from_the_providers_clock() -> None:
    """Where the clocks differ, the wait is still the one that was meant; without a Date header, ours has to do."""
    until = http_date(timedelta(hours=-2, seconds=30))
    assert response(retry_after=until, date=http_date(timedelta(hours=-2))).retry_after == timedelta(seconds=30)
    assert response(retry_after=http_date(timedelta(seconds=30))).retry_after == timedelta(seconds=29, milliseconds=750)


def test_no_retry_after_asks_for_nothing() -> None:
    """None, and not zero, which would mean at once."""
    assert response().retry_after is None


def test_clocks_are_compared_by_the_date_header() -> None:
    """Positive is ahead."""
    assert response(date=http_date(timedelta(minutes=-5))).clock_ahead == timedelta(minutes=5, milliseconds=250)
    assert response(date=http_date(timedelta(minutes=5))).clock_ahead == timedelta(minutes=-5, milliseconds=250)
    assert response().clock_ahead is None


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]?\w+", fullmatch=True))
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("Mon, 1 Jan 99999999999999999999 00:00:00 GMT")
def test_no_header_breaks_anything(value: str) -> None:
    """Headers are whatever a server, or something in its place, sends."""
    read = response(retry_after=value, date=value)
    assert read.retry_after is None or timedelta(0) <= read.retry_after <= LONGEST_RETRY_AFTER
    assert read.clock_ahead is None or isinstance(read.clock_ahead, timedelta)


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"", None),
        (b"[]", None),
        (b'"text"', None),
        (b'{"a": ', None),
        (b"<html>", None),
        (b"\xff\xfe\x00", None),
        (b"[" * 100_000, None),
        (b'{"a":' * 100_000, None),
        (b'{"a": ' + b"9" * 100_000 + b"}", None),
    ],
)
def test_a_document_is_a_json_object(body: bytes, document: dict[str, Any] | None) -> None:
    """Everything else is none, however it is made to fail."""
    assert response(body).document == document


def test_neither_body_nor_headers_are_in_its_repr() -> None:
    """The body may hold a token."""
    assert "secret" not in repr(response(b"secret-body", www_authenticate="secret-header"))
