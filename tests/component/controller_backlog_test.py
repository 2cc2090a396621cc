"""What the due queue tells of itself: how much is due, how much is under way, and for how long the oldest has waited."""

import asyncio

import pytest

from support.simulators.clock import LoopClock
from tokensync.controller.queue import DueQueue, Urgency
from tokensync.resource.spec import Key

pytestmark = pytest.mark.looptime(noop_cycles=0)

A, B, C, D = (Key("reports", name) for name in "abcd")


def make_queue(*, workers: int = 32, endpoint: str = "") -> DueQueue:
    """A queue; each key has an endpoint of its own, unless one is named for all."""
    return DueQueue(
        LoopClock(),
        workers=workers,
        urgency=lambda key: Urgency(retry=False, deadline=0.0, endpoint=endpoint or key.name),
    )


async def take(queue: DueQueue) -> Key:
    async with asyncio.timeout(1):
        return await queue.next()


async def test_an_empty_queue_has_nothing_to_tell() -> None:
    """What is scheduled for later is not due."""
    queue = make_queue()
    queue.schedule(A, 60)

    assert (queue.depth(), queue.busy(), queue.lag()) == (0, 0, 0)


async def test_what_is_due_counts_until_a_worker_has_it() -> None:
    """Then it counts as under way, until it is done; one that is wanted again meanwhile counts once."""
    queue = make_queue()
    for key in (A, B, A):
        queue.wake(key)
    assert (queue.depth(), queue.busy()) == (2, 0)

    taken = await take(queue)
    queue.wake(taken)
    assert (queue.depth(), queue.busy()) == (1, 1)

    queue.done(taken)
    assert (queue.depth(), queue.busy()) == (2, 0)


async def test_what_comes_to_be_due_while_nobody_asks_counts() -> None:
    """Where all workers are stuck nobody asks for the next one."""
    queue = make_queue()
    queue.schedule(A, 10)
    queue.schedule(B, 100)
    await asyncio.sleep(40)

    assert queue.depth() == 1
    assert queue.lag() == pytest.approx(30)


async def test_the_lag_is_of_the_one_that_has_waited_longest() -> None:
    """It ends when a worker takes it."""
    queue = make_queue()
    queue.wake(A)
    await asyncio.sleep(5)
    queue.wake(B)
    await asyncio.sleep(5)
    assert queue.lag() == pytest.approx(10)

    assert await take(queue) == A
    assert queue.lag() == pytest.approx(5)
    assert await take(queue) == B
    assert queue.lag() == 0


async def test_who_waits_for_the_share_of_an_endpoint_does_not_lag() -> None:
    """It is due and counted; but free workers leave it for others, so its waiting says nothing about them."""
    queue = make_queue(workers=2, endpoint="slow")
    for key in (A, B, C):
        queue.wake(key)
    busy = await take(queue)
    with pytest.raises(TimeoutError):
        await take(queue)  # finds that the endpoint has its share
    await asyncio.sleep(500)
    assert queue.depth() == 2
    assert queue.lag() == 0

    queue.done(busy)
    await asyncio.sleep(3)
    assert queue.lag() == pytest.approx(3)
