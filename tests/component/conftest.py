"""The fake Entra, and a client of it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from support.entra import FakeEntra
from support.entra.client import Client, registered_client


@pytest.fixture
def entra() -> Iterator[FakeEntra]:
    """A provider of its own for each test."""
    with FakeEntra() as running:
        yield running


@pytest.fixture
async def client(entra: FakeEntra) -> AsyncIterator[Client]:
    """A registered application."""
    async with registered_client(entra) as registered:
        yield registered
