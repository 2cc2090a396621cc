"""The due queue: when a key is handed out, in which order, and how many of one endpoint at once."""

import asyncio

import pytest

from support.simulators.clock import LoopClock
from tokensync.controller.queue import DueQueue, Urgency
from tokensync.resource.spec import Key

pytestmark = pytest.mark.looptime(noop_cycles=0)

A, B, C, D = (Key("reports", name) for name in "abcd")


def make_queue(workers: int = 32, known: dict[Key, Urgency] | None = None) -> DueQueue:
    """A queue; a key without a known urgency is a new one, at an endpoint of its own."""
    return DueQueue(
        LoopClock(),
        workers=workers,
        urgency=lambda key: (known or {}).get(key) or Urgency(retry=False, deadline=0.0, endpoint=key.name),
    )


def now() -> float:
    return asyncio.get_running_loop().time()


async def take(queue: DueQueue) -> Key | None:
    """The next key, if there is one now."""
    try:
        return await asyncio.wait_for(queue.next(), timeout=0.001)
    except TimeoutError:
        return None


async def take_all(queue: DueQueue) -> list[Key]:
    """All keys that can be had now, each worked off before the next."""
    taken = []
    while key := await take(queue):
        queue.done(key)
        taken.append(key)
    return taken


async def test_a_key_is_handed_out_when_it_is_due() -> None:
    """`next` waits for the time that a key was scheduled for, to the millisecond."""
    queue = make_queue()
    queue.schedule(B, 20)
    queue.schedule(A, 10.5)

    assert await queue.next() == A
    assert now() == pytest.approx(10.5, abs=0.001)
    assert await queue.next() == B
    assert now() == pytest.approx(20, abs=0.001)


async def test_an_earlier_key_wakes_who_waits_for_a_later_one() -> None:
    """A key that is scheduled while `next` waits is handed out at its time."""
    queue = make_queue()
    queue.schedule(A, 1000)
    waiting = asyncio.create_task(queue.next())
    await asyncio.sleep(5)
    queue.schedule(B, 10)

    assert await waiting == B
    assert now() == pytest.approx(15, abs=0.001)


async def test_an_empty_queue_waits() -> None:
    """Without any key `next` waits until one is woken."""
    queue = make_queue()
    waiting = asyncio.create_task(queue.next())
    await asyncio.sleep(3600)
    assert not waiting.done()
    queue.wake(A)

    assert await waiting == A


async def test_a_new_time_replaces_the_old_one() -> None:
    """A key has one due time: the last one that it was given, be it earlier or later."""
    queue = make_queue()
    queue.schedule(A, 10)
    queue.schedule(A, 30)
    queue.schedule(B, 40)
    queue.schedule(B, 20)

    assert await queue.next() == B
    assert now() == pytest.approx(20, abs=0.001)
    assert await queue.next() == A
    assert now() == pytest.approx(30, abs=0.001)
    assert await take(queue) is None


async def test_a_woken_key_is_due_once() -> None:
    """Waking a key takes the place of its due time, and waking it twice hands it out once."""
    queue = make_queue()
    queue.schedule(A, 10)
    queue.wake(A)
    queue.wake(A)
    queue.schedule(A, 5)

    assert await take_all(queue) == [A]
    await asyncio.sleep(100)
    assert await take(queue) is None


async def test_a_forgotten_key_is_not_handed_out() -> None:
    """A key that has nothing left to do has no due time."""
    queue = make_queue()
    queue.schedule(A, 10)
    queue.forget(A)
    await asyncio.sleep(100)

    assert await take(queue) is None


async def test_a_busy_key_is_handed_out_again_only_when_it_is_done() -> None:
    """What happens to a key while it is worked on is looked at once more, afterwards."""
    queue = make_queue()
    queue.wake(A)
    assert await take(queue) == A
    queue.wake(A)
    queue.wake(A)
    assert await take(queue) is None
    queue.done(A)
    queue.schedule(A, 1000)

    assert await take_all(queue) == [A]


async def test_done_without_news_is_done() -> None:
    """A key that nobody woke meanwhile comes back only at its time."""
    queue = make_queue()
    queue.wake(A)
    assert await take(queue) == A
    queue.done(A)
    queue.schedule(A, 60)

    assert await take(queue) is None
    assert await queue.next() == A
    assert now() == pytest.approx(60, abs=0.01)


async def test_the_nearest_deadline_goes_first() -> None:
    """Among those that are due the order is that of the deadlines; at the same one it is that of the waking."""
    known = {
        A: Urgency(retry=False, deadline=300.0, endpoint="a"),
        B: Urgency(retry=False, deadline=100.0, endpoint="b"),
        C: Urgency(retry=False, deadline=200.0, endpoint="c"),
        D: Urgency(retry=False, deadline=200.0, endpoint="c"),
    }
    queue = make_queue(known=known)
    for key in (A, D, C, B):
        queue.wake(key)

    assert await take_all(queue) == [B, D, C, A]


async def test_a_retry_goes_last() -> None:
    """What failed before and has slack waits for everything else, whatever its deadline."""
    known = {
        A: Urgency(retry=True, deadline=1.0, endpoint="a"),
        B: Urgency(retry=False, deadline=1000.0, endpoint="b"),
    }
    queue = make_queue(known=known)
    queue.wake(A)
    queue.wake(B)

    assert await take_all(queue) == [B, A]


async def test_an_endpoint_gets_half_of_the_workers() -> None:
    """While half of the workers are busy with one endpoint its other keys wait, and those of others do not."""
    shared = Urgency(retry=False, deadline=0.0, endpoint="shared")
    known = {A: shared, B: shared, C: shared, D: Urgency(retry=False, deadline=9.0, endpoint="other")}
    queue = make_queue(workers=4, known=known)
    for key in (A, B, C, D):
        queue.wake(key)

    assert [await take(queue) for _ in range(4)] == [A, B, D, None]
    queue.done(D)
    assert await take(queue) is None
    queue.done(B)
    assert await take(queue) == C


async def test_a_waiting_next_is_woken_by_a_free_place() -> None:
    """Who waits for a key gets the parked one as soon as its endpoint has room."""
    shared = Urgency(retry=False, deadline=0.0, endpoint="shared")
    queue = make_queue(workers=2, known={A: shared, B: shared})
    queue.wake(A)
    queue.wake(B)
    assert await take(queue) == A
    waiting = asyncio.create_task(queue.next())
    await asyncio.sleep(10)
    assert not waiting.done()
    queue.done(A)

    assert await waiting == B


async def test_a_single_worker_serves_every_endpoint() -> None:
    """With one worker half of them is still one."""
    queue = make_queue(workers=1)
    queue.wake(A)

    assert await take(queue) == A


async def test_parked_keys_keep_their_order() -> None:
    """Behind a busy endpoint, too, the nearest deadline goes first, and one that comes later may overtake."""
    known = {
        key: Urgency(retry=False, deadline=deadline, endpoint="shared")
        for key, deadline in ((A, 1.0), (B, 3.0), (C, 4.0), (D, 2.0))
    }
    queue = make_queue(workers=2, known=known)
    for key in (A, C, B):
        queue.wake(key)
    assert await take(queue) == A
    assert await take(queue) is None
    queue.wake(D)
    queue.done(A)

    assert await take_all(queue) == [D, B, C]


async def test_a_busy_key_of_a_full_endpoint_comes_back() -> None:
    """A key that was woken while its endpoint was full is not lost."""
    shared = Urgency(retry=False, deadline=0.0, endpoint="shared")
    queue = make_queue(workers=2, known=dict.fromkeys((A, B, C), shared))
    for key in (A, B, C):
        queue.wake(key)
    assert await take(queue) == A
    queue.wake(A)
    queue.wake(B)
    queue.done(A)

    assert sorted(await take_all(queue)) == [A, B, C]
