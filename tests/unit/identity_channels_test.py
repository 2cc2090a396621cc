"""Who trusts the same authorities shares a channel; of those that nobody uses the last few are kept."""

import asyncio

import pytest

from tokensync.identity.channels import MOST_IDLE, Channel, Channels


class Opened:
    """Makes channels whose parts note that they are closed."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.closed: list[str] = []
        self.slow = ""
        self.may_close = asyncio.Event()

    def __call__(self, authorities: str) -> Channel:
        """Make one."""
        self.order.append(authorities)
        return Channel(_Part(self, authorities), _Part(self, ""))  # type: ignore[arg-type]  # nothing but closed


class _Part:
    def __init__(self, opened: Opened, name: str) -> None:
        self._opened = opened
        self._name = name

    async def close(self) -> None:
        if self._name and self._name == self._opened.slow:
            await self._opened.may_close.wait()
        if self._name:
            self._opened.closed.append(self._name)


@pytest.fixture
async def opened() -> Opened:
    """What there is."""
    return Opened()


async def use(channels: Channels, authorities: str) -> None:
    async with channels.use(authorities):
        pass


async def test_the_same_authorities_share_a_channel(opened: Opened) -> None:
    """At the same time, and one after another; others have their own, and so has the operator."""
    channels = Channels(opened)
    async with channels.use("A") as one, channels.use("A") as same, channels.use("B") as other, channels.use("") as own:
        assert one is same
        assert len({id(each) for each in (one, other, own)}) == 3
    async with channels.use("A") as again:
        assert again is one
    assert opened.order == ["", "A", "B"]


async def test_the_channel_that_was_idle_longest_is_closed(opened: Opened) -> None:
    """Once there are too many; one that is used again counts as new."""
    channels = Channels(opened)
    for number in range(MOST_IDLE):
        await use(channels, f"bundle-{number}")
    await use(channels, "bundle-0")
    await use(channels, "one more")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert opened.closed == ["bundle-1"]
    await use(channels, "bundle-1")
    assert opened.order[-1] == "bundle-1"


async def test_a_channel_in_use_is_never_closed(opened: Opened) -> None:
    """However many come after it, and the operator's own is not either."""
    channels = Channels(opened)
    async with channels.use("in use"), channels.use("in use"):
        for number in range(2 * MOST_IDLE):
            await use(channels, f"bundle-{number}")
        await asyncio.sleep(0.01)
        assert len(opened.closed) == MOST_IDLE
        assert "in use" not in opened.closed


async def test_closing_closes_all_and_waits_for_those_that_close_already(opened: Opened) -> None:
    """Also what is in use, and what was being closed as one too many."""
    channels = Channels(opened)
    opened.slow = "bundle-0"
    for number in range(MOST_IDLE + 1):
        await use(channels, f"bundle-{number}")
    async with channels.use("in use"):
        closing = asyncio.create_task(channels.close())
        await asyncio.sleep(0.01)
        assert not closing.done()
        opened.may_close.set()
        await closing
    assert set(opened.closed) == {"in use", *(f"bundle-{number}" for number in range(MOST_IDLE + 1))}
