"""The API server's audit log: who called what, counted."""

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from support.rest import Rest
from support.waiting import eventually

OPERATOR = "tokensync/"
"""How the user agent of every call of the operator begins."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Kubernetes API.

    Attributes:
        time: when it came in; aware.
        verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
        resource: the plural of the kind; empty for paths like `/version`.
        subresource: such as `status`; empty for the object itself.
        namespace: empty for all of them, and for what has none.
        name: empty for lists, watches and creations.
        code: the HTTP status of the answer.
        user_agent: as the caller sent it.
        username: who the API server took the caller for.
    """

    time: datetime
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    user_agent: str
    username: str

    @classmethod
    def parse(cls, event: dict[str, Any]) -> Self:
        """Read an event of `audit.k8s.io/v1`."""
        about = event.get("objectRef", {})
        return cls(
            time=datetime.fromisoformat(event["requestReceivedTimestamp"]),
            verb=event["verb"],
            resource=about.get("resource", ""),
            subresource=about.get("subresource", ""),
            namespace=about.get("namespace", ""),
            name=about.get("name", ""),
            code=event.get("responseStatus", {}).get("code", 0),
            user_agent=event.get("userAgent", ""),
            username=event["user"].get("username", ""),
        )


class AuditLog:
    """The log of a running API server."""

    def __init__(self, path: Path, admin: Rest) -> None:
        """Read a log.

        Args:
            path: the log.
            admin: makes the calls that marks are found by.
        """
        self._path = path
        self._admin = admin

    def mark(self) -> int:
        """The place in the log after every call that was answered before now.

        Nothing promises that a call's line is there when its answer is: a call of our own is made and waited for.
        """
        start = self._path.stat().st_size
        marker = f"marker={uuid.uuid4()}"
        self._admin.request("GET", f"/version?{marker}")
        return eventually(lambda: self._end_of_line_with(marker, start), 10, "the audit log has a call just made")

    def calls(self, since: int = 0, *, user_agent: str = OPERATOR) -> list[Call]:
        """Each call once, in the order of the log: a watch when it began, any other when it was answered.

        Args:
            since: what `mark` gave; else everything.
            user_agent: how the caller's begins. Empty for everybody.
        """
        end = self.mark()
        calls = (Call.parse(event) for event in self._events(since, end) if _counts(event))
        return [call for call in calls if call.user_agent.startswith(user_agent)]

    def _end_of_line_with(self, marker: str, start: int) -> int | None:
        with self._path.open("rb") as log:
            log.seek(start)
            before, found, after = log.read().partition(marker.encode())
        line_end = after.find(b"\n")
        return start + len(before) + len(found) + line_end + 1 if line_end >= 0 else None

    def _events(self, start: int, end: int) -> Iterator[dict[str, Any]]:
        with self._path.open("rb") as log:
            log.seek(start)
            lines = log.read(end - start).splitlines()
        return (json.loads(line) for line in lines)


def drop_unfinished_line(path: Path) -> None:
    """Cut a log after its last whole line. Its writer must have ended."""
    log = path.read_bytes()
    os.truncate(path, log.rfind(b"\n") + 1)


def _counts(event: dict[str, Any]) -> bool:
    return bool(event["stage"] == ("ResponseStarted" if event["verb"] == "watch" else "ResponseComplete"))
