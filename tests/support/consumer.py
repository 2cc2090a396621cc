"""A consumer of a token: it reads the target again and again, and knows from the provider when a token ends."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from support.scenario import Scenario


@dataclass
class Consumer:
    """Reads one target Secret as often as it is told to.

    Attributes:
        worst: the shortest time that a token it read was valid yet; negative if it read an expired one.
        missed: how often there was no Secret, or one without a token that the provider issued.
    """

    scenario: Scenario
    secret: str
    worst: timedelta = timedelta.max
    missed: int = 0
    _read: dict[str, datetime] = field(default_factory=dict, repr=False)

    @property
    def tokens(self) -> int:
        """How many different tokens it has read."""
        return len(self._read)

    def read(self) -> None:
        """Read the Secret once."""
        held = self.scenario.token(self.secret)
        end = self._end(held.value) if held else None
        if held is None or end is None:
            self.missed += 1
            return
        self._read[held.value] = end
        self.worst = min(self.worst, end - datetime.now(UTC))

    def _end(self, value: str) -> datetime | None:
        """When nobody accepts a token any more, as its issuer told: not what we wrote beside it."""
        if value in self._read:
            return self._read[value]
        issued = (token for token in self.scenario.entra.issued if token.value == value)
        return next((token.issued_at + token.lifetime for token in issued), None)
