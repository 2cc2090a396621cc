"""A consumer that reads the target Secret ten times a second and remembers how long its token was valid yet."""

import base64
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import pairwise
from types import TracebackType
from typing import Self

from demo.checks import FAILURES, CheckFailedError
from demo.sightings import Hole, Sample, Sighting
from support.entra import IssuedToken
from support.objects import Json
from support.scenario import Scenario
from tokensync.clock import parse_rfc3339

INTERVAL = 0.1
"""Seconds between two reads."""


class Sampler:
    """Reads in a thread of its own while it is entered. Everybody may look at what it has seen; it alone writes.

    Attributes:
        samples: every read since the first token.
        sightings: every token that was read, in order.
        hole: what is in the way of a token now; None if there is one, or was none yet.
        worst: the shortest time that a token was valid yet, in seconds.
        surprises: the holes that nobody expected.
        error: what ended the reading before its time.
    """

    def __init__(self, scenario: Scenario, resource: str, target: str, tell: Callable[[str], None]) -> None:
        """Prepare.

        Args:
            scenario: where all is.
            resource: its name.
            target: the name of its Secret.
            tell: takes a line about each change.
        """
        self.samples: list[Sample] = []
        self.sightings: list[Sighting] = []
        self.hole: Hole | None = None
        self.worst = math.inf
        self.surprises: list[Hole] = []
        self.error: Exception | None = None
        self._scenario = scenario
        self._resource = resource
        self._target = target
        self._tell = tell
        self._expected: Hole | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read_on, name="sampler", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Read no more."""
        self._ended.set()
        self._thread.join()

    @contextmanager
    def expecting(self, hole: Hole) -> Iterator[None]:
        """Take a hole of this kind for no surprise meanwhile."""
        self._expected = hole
        try:
            yield
        finally:
            self._expected = None

    @property
    def current(self) -> Sighting | None:
        """The token that was seen last."""
        return self.sightings[-1] if self.sightings else None

    @property
    def longest_interval(self) -> float:
        """The longest time between two reads, in seconds."""
        times = [sample.at for sample in self.samples]
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)

    def verify(self) -> None:
        """See that all was well whenever the Secret was read.

        Raises:
            CheckFailedError: if it was not.
        """
        if self.error is not None:
            raise CheckFailedError("the Secret can be read at any time", repr(self.error))
        if self.surprises:
            raise CheckFailedError("a token in the Secret at any time", self.surprises[0].value)
        if self.worst <= 0:
            raise CheckFailedError("a valid token in the Secret at any time", f"one that ended {-self.worst:.1f} s ago")

    def _read_on(self) -> None:
        try:
            while not self._ended.wait(INTERVAL):
                self._read()
        except FAILURES as error:
            self.error = error

    def _read(self) -> None:
        secret = self._scenario.cluster.secrets.find(self._scenario.namespace, self._target)
        issued = self._issued(secret) if secret else None
        if secret and issued:
            self._saw(secret, issued)
        elif self.sightings:
            self._missed(Hole.EDITED if secret else Hole.ABSENT)

    def _issued(self, secret: Json) -> IssuedToken | None:
        value = base64.b64decode((secret.get("data") or {}).get("token", ""))
        newest_first = reversed(self._scenario.entra.issued)
        return next((token for token in newest_first if token.value.encode() == value), None)

    def _saw(self, secret: Json, issued: IssuedToken) -> None:
        now, uid = time.monotonic(), secret["metadata"]["uid"]
        before = self.current
        if before is None or (before.issued, before.uid) != (issued, uid):
            self.sightings.append(Sighting(len(self.sightings) + 1, issued, uid, now, now))
            self._tell_of_change(before)
            self.worst = min(self.worst, before.left if before else math.inf)  # nobody saw it exchanged: not before now
        seen = self.sightings[-1]
        left = seen.left
        self.samples.append(Sample(now, left))
        self.worst = min(self.worst, left)
        seen.last, self.hole = now, None
        if seen.renew_at is None:
            seen.renew_at = self._renewal_time(secret)

    def _tell_of_change(self, before: Sighting | None) -> None:
        new = self.sightings[-1]
        ended = f"; token {before.number} had {before.left:.1f} s left" if before else ""
        self._tell(f"token {new.number} is in the Secret, {new.left:.1f} s left{ended}")

    def _missed(self, hole: Hole) -> None:
        self.samples.append(Sample(time.monotonic(), None))
        if hole is self.hole:
            return
        self.hole = hole
        self._tell(hole.value)
        if hole is not self._expected:
            self.surprises.append(hole)

    def _renewal_time(self, secret: Json) -> datetime | None:
        """From the status, once that is about this very version of the Secret."""
        resource = self._scenario.cluster.resources.find(self._scenario.namespace, self._resource) or {}
        status = resource.get("status", {})
        with suppress(KeyError):
            if status["target"]["resourceVersion"] == secret["metadata"]["resourceVersion"]:
                return parse_rfc3339(status["token"]["renewAt"])
        return None
