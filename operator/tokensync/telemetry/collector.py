"""The series of single tokens, read from what is known of them when they are asked for: nothing has to be cleaned up."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import NamedTuple, Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Tracked(Protocol):
    """What is shown of a resource, as its status tells."""

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it is `Ready` in its present generation."""
        ...

    @property
    def suspended(self) -> bool:
        """Whether nothing is to be done for it."""
        ...

    @property
    def expires_at(self) -> datetime | None:
        """The expiry of its token."""
        ...

    @property
    def renew_at(self) -> datetime | None:
        """The renewal time of its token."""
        ...

    @property
    def credential_expires_at(self) -> datetime | None:
        """The expiry of its credential."""
        ...


class _Series(NamedTuple):
    name: str
    text: str
    value: Callable[[Tracked], float | None]


_SERIES = (
    _Series(
        "tokensync_token_expiry_timestamp_seconds",
        "When the token in the target expires. Absent without a token.",
        lambda token: _seconds(token.expires_at),
    ),
    _Series(
        "tokensync_token_renewal_timestamp_seconds",
        "When the token in the target is to be renewed. Absent without a token, and while suspended.",
        lambda token: None if token.suspended else _seconds(token.renew_at),
    ),
    _Series(
        "tokensync_credential_expiry_timestamp_seconds",
        "When the credential expires. Absent before it was read, and where only the provider knows.",
        lambda token: _seconds(token.credential_expires_at),
    ),
    _Series("tokensync_token_ready", "1 while the resource is Ready, else 0.", lambda token: float(token.ready)),
)


class TokenCollector(Collector):
    """Shows these series of each resource. It collects in another thread than the one that works.

    Args:
        tokens: gives the resources, in a collection that does not change.
    """

    def __init__(self, tokens: Callable[[], Collection[Tracked]]) -> None:
        self._tokens = tokens

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One kind of series after the other."""
        tokens = self._tokens()
        for series in _SERIES:
            gauge = GaugeMetricFamily(series.name, series.text, labels=("namespace", "name"))
            for token in tokens:
                value = series.value(token)
                if value is not None:
                    gauge.add_metric(token.key, value)
            yield gauge


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
