"""The series of single tokens."""

from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, generate_latest

from support.scrape import TEXT, Metrics
from tokensync.telemetry.collector import TokenCollector

EXPIRY = "tokensync_token_expiry_timestamp_seconds"
RENEWAL = "tokensync_token_renewal_timestamp_seconds"
CREDENTIAL = "tokensync_credential_expiry_timestamp_seconds"
READY = "tokensync_token_ready"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BEFORE_NOON = NOON.replace(hour=11)
NEXT_YEAR = NOON.replace(year=2027)


@dataclass(frozen=True)
class Token:
    """A resource as the collector sees it."""

    key: tuple[str, str] = ("reports", "graph")
    ready: bool = True
    suspended: bool = False
    expires_at: datetime | None = NOON
    renew_at: datetime | None = BEFORE_NOON
    credential_expires_at: datetime | None = NEXT_YEAR


def collect(*tokens: Token) -> Metrics:
    registry = CollectorRegistry()
    registry.register(TokenCollector(lambda: tokens))
    return Metrics(generate_latest(registry).decode(), TEXT)


def test_each_resource_has_four_series() -> None:
    """Named by namespace and name; times in seconds since the epoch."""
    metrics = collect(Token(), Token(("reports", "billing")), Token(("other", "graph"), ready=False))

    for name in EXPIRY, RENEWAL, CREDENTIAL, READY:
        assert metrics.series(name) == [
            {"namespace": "reports", "name": "graph"},
            {"namespace": "reports", "name": "billing"},
            {"namespace": "other", "name": "graph"},
        ]
    assert metrics.value(EXPIRY, namespace="other") == NOON.timestamp()
    assert metrics.value(RENEWAL, namespace="other") == NOON.timestamp() - 3600
    assert metrics.value(CREDENTIAL, namespace="other") == NEXT_YEAR.timestamp()
    assert metrics.value(READY, namespace="reports") == 2
    assert metrics.value(READY, namespace="other") == 0


def test_what_is_not_there_has_no_time() -> None:
    """A new resource has no token and no credential yet, and is not ready."""
    metrics = collect(Token(ready=False, expires_at=None, renew_at=None, credential_expires_at=None))

    assert metrics.series(EXPIRY) == metrics.series(RENEWAL) == metrics.series(CREDENTIAL) == []
    assert metrics.series(READY) == [{"namespace": "reports", "name": "graph"}]


def test_a_suspended_resource_has_no_renewal_time() -> None:
    """Nothing will be renewed, so nothing is late; that it expires is true all the same."""
    metrics = collect(Token(suspended=True))

    assert metrics.series(RENEWAL) == []
    assert metrics.value(EXPIRY) == NOON.timestamp()
