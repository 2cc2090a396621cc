"""What a consumer of a token has seen."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from support.entra import IssuedToken


class Hole(Enum):
    """Why a read gave no token that works; the words are told."""

    ABSENT = "the Secret is gone"
    EDITED = "the Secret holds something that the provider never issued"


@dataclass(frozen=True, slots=True)
class Sample:
    """One read.

    Attributes:
        at: when it was answered, by the monotonic clock, in seconds.
        left: for how many seconds the token that was read was valid yet; None if there was none.
    """

    at: float
    left: float | None


@dataclass(slots=True)
class Sighting:
    """A token, from the first to the last read that gave it.

    Attributes:
        number: 1 for the first.
        issued: what the provider knows of it.
        uid: of the Secret that holds it.
        first: seen, by the monotonic clock, in seconds.
        last: seen.
        renew_at: its renewal time, once the resource's status tells.
    """

    number: int
    issued: IssuedToken
    uid: str
    first: float
    last: float
    renew_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        """When it ends, by what the provider said when it issued it, not by what the operator wrote beside it."""
        return self.issued.issued_at + self.issued.lifetime

    @property
    def left(self) -> float:
        """The seconds that it is valid yet; negative afterwards."""
        return (self.ends_at - datetime.now(UTC)).total_seconds()

    def left_at(self, moment: float) -> float:
        """The seconds that it was valid yet at a moment of the monotonic clock."""
        return self.left + time.monotonic() - moment

    @property
    def left_when_due(self) -> float | None:
        """The seconds that it is valid yet at its renewal time; None until that is known."""
        return (self.ends_at - self.renew_at).total_seconds() if self.renew_at else None
