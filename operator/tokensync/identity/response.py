"""An HTTP response as it arrived: what can be read from it before anybody asks what it means."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from tokensync.rotation.attempts import LONGEST_RETRY_AFTER

_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers and the whole body of an answer.

    Attributes:
        status: HTTP status.
        headers: names in any case.
        body: not decoded. Left out of `repr`: it may hold a token.
        sent_at: our clock when the request was sent.
        received_at: our clock when the body was complete.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    sent_at: datetime
    received_at: datetime

    @property
    def document(self) -> dict[str, Any] | None:
        """The body as a JSON object; None if it is anything else."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    @property
    def clock_ahead(self) -> timedelta | None:
        """How far our clock is ahead of the provider's, to the second; None if it did not say the time."""
        date = _http_date(self.headers.get("Date", ""))
        return None if date is None else self.received_at - date

    @property
    def retry_after(self) -> timedelta | None:
        """The wait that `Retry-After` asks for (RFC 9110, section 10.2.3), at most an hour; None if it asks for none.

        A date is taken from the provider's own clock, where it says what time that shows.
        """
        text = self.headers.get("Retry-After", "").strip()
        if _SECONDS.fullmatch(text):
            return min(timedelta(seconds=int(text)), LONGEST_RETRY_AFTER)
        until = _http_date(text)
        if until is None:
            return None
        now = _http_date(self.headers.get("Date", "")) or self.received_at
        return min(max(until - now, timedelta(0)), LONGEST_RETRY_AFTER)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
