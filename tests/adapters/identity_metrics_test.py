"""What is counted of token requests."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from support.entra import FakeEntra
from support.entra.faults import Hang, Latency, server_error
from support.token_source import register, spec_at, spec_for, token_source_for
from support.waiting import eventually
from tokensync.errors import ProviderError, SpecError
from tokensync.identity.source import MsalTokenSource
from tokensync.telemetry.metrics import Metrics


class Counted:
    """A token source, and what it has counted."""

    def __init__(self, source: MsalTokenSource, metrics: Metrics) -> None:
        self.source = source
        self._metrics = metrics

    @property
    def acquisitions(self) -> dict[tuple[str, str, str], float]:
        """How many, by provider, outcome and reason."""
        samples = [sample for family in self._metrics.acquisitions.collect() for sample in family.samples]
        return {
            (each.labels["provider"], each.labels["outcome"], each.labels["reason"]): each.value for each in samples
        }

    @property
    def durations(self) -> tuple[float, float]:
        """How many, and their sum in seconds."""
        read = self._metrics.registry.get_sample_value
        name = "tokensync_acquisition_duration_seconds"
        return read(f"{name}_count") or 0.0, read(f"{name}_sum") or 0.0

    def skew(self, host: str) -> float | None:
        """How far our clock is ahead of a host's."""
        return self._metrics.registry.get_sample_value("tokensync_provider_clock_skew_seconds", {"host": host})


@pytest.fixture
def entra() -> Iterator[FakeEntra]:
    """A provider of its own for each test."""
    with FakeEntra() as running:
        yield running


@pytest.fixture
async def counted(entra: FakeEntra) -> AsyncIterator[Counted]:
    """A source that may ask it."""
    metrics = Metrics("1.2.3")
    async with token_source_for(entra, metrics=metrics) as source:
        yield Counted(source, metrics)


async def test_successes_and_failures_are_counted_with_their_reason(entra: FakeEntra, counted: Counted) -> None:
    """And how long each took."""
    spec, pair = register(entra)
    await counted.source.acquire(spec, pair)
    await counted.source.acquire(spec, pair)
    with entra.failing(server_error()), pytest.raises(ProviderError):
        await counted.source.acquire(spec, pair)
    with entra.unreachable(), pytest.raises(ProviderError):
        await counted.source.acquire(spec, pair)
    with pytest.raises(SpecError):
        await counted.source.acquire(spec_at(entra, authorityHost="elsewhere.example"), pair)

    assert counted.acquisitions == {
        ("entra", "success", "Renewed"): 2,
        ("entra", "failure", "ProviderUnavailable"): 1,
        ("entra", "failure", "ProviderUnreachable"): 1,
        ("entra", "failure", "HostNotAllowed"): 1,
    }
    assert counted.durations[0] == 5


async def test_every_kind_of_provider_is_counted_apart(entra: FakeEntra, counted: Counted) -> None:
    """By the member of the spec's `provider`."""
    spec, pair = register(entra)
    base = f"https://{entra.host}/{entra.tenant_id}"
    for provider in ({"oidc": {"issuer": f"{base}/v2.0"}}, {"oauth2": {"tokenEndpoint": f"{base}/oauth2/v2.0/token"}}):
        await counted.source.acquire(spec_for(provider, client_id=spec.client_id, scopes=spec.scopes), pair)
    assert counted.acquisitions == {("oidc", "success", "Renewed"): 1, ("oauth2", "success", "Renewed"): 1}


async def test_a_duration_lasts_to_the_answer(entra: FakeEntra, counted: Counted) -> None:
    """Of a slow provider, to its end."""
    spec, pair = register(entra)
    with entra.failing(Latency(0.5)):
        await counted.source.acquire(spec, pair)

    count, seconds = counted.durations
    assert count == 1
    assert 0.5 <= seconds < 10


async def test_who_gives_up_counts_nothing(entra: FakeEntra, counted: Counted) -> None:
    """An operator that ends has not failed."""
    spec, pair = register(entra)
    with entra.failing(Hang()):
        task = asyncio.create_task(counted.source.acquire(spec, pair))
        await asyncio.to_thread(eventually, lambda: entra.token_requests == 1, 10, "the request is there")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert counted.acquisitions == {}
    assert counted.durations == (0, 0)


async def test_a_providers_clock_is_compared_with_ours(entra: FakeEntra, counted: Counted) -> None:
    """By each answer, refusals too; ahead is positive."""
    spec, pair = register(entra)
    await counted.source.acquire(spec, pair)
    assert counted.skew(entra.host) == pytest.approx(0, abs=2)

    entra.clock_offset = timedelta(hours=1)
    with pytest.raises(ProviderError):
        await counted.source.acquire(spec, pair)
    assert counted.skew(entra.host) == pytest.approx(-3600, abs=2)
