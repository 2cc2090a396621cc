"""What came in at the provider's token endpoint, as it noted it down itself."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from support.objects import Json


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One request for a token, and what became of it. Nothing in it is secret.

    Attributes:
        client_id: whom it names, in whichever place.
        status: of the HTTP answer.
        error: RFC 6749 `error` of the answer, empty if there was a token.
        fault: what the provider found wrong; it tells its log, not the client.
        method: how the client proved who it is: `client_secret_basic`, `client_secret_post` or `client_assertion`.
        parameters: of the form, but those that prove it.
        header: of its assertion.
        claims: of its assertion.
    """

    client_id: str
    status: int
    error: str
    fault: str
    method: str
    parameters: Json
    header: Json
    claims: Json

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line of the journal."""
        entry = json.loads(line)
        assertion = entry.get("assertion") or {}
        return cls(
            client_id=entry.get("client_id") or "",
            status=entry["status"],
            error=entry.get("error") or "",
            fault=entry.get("fault") or "",
            method=entry.get("method") or "",
            parameters=entry["parameters"],
            header=assertion.get("header", {}),
            claims=assertion.get("claims", {}),
        )


def read_journal(file: Path) -> list[TokenRequest]:
    """All requests so far, in order."""
    return [TokenRequest.parse(line) for line in file.read_text().splitlines()]
