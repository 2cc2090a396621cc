"""The way to the simulated API server: every call of the operator passes here, is noted, and can be made to go wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from support.simulators.clock import true_time
from tokensync.resource.spec import Key

Failure = TypeVar("Failure", bound=BaseException)


class Call(NamedTuple):
    """One call, in RBAC's words, numbered from zero; the key of a list has no name."""

    number: int
    at: datetime
    verb: str
    plural: str
    key: Key


@dataclass(slots=True, eq=False)
class Fault:
    """Something that goes wrong with calls.

    Attributes:
        matches: which calls.
        error: makes what is raised; None holds the call until the fault is lifted.
        written: what was asked for is done all the same: only the answer is lost.
        times: how many calls; None for all until it is lifted.
        reached: set when a call has met it.
    """

    matches: Callable[[Call], bool]
    error: Callable[[], BaseException] | None
    written: bool
    times: int | None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    lifted: asyncio.Event = field(default_factory=asyncio.Event)

    def lift(self) -> None:
        """Let calls through again."""
        self.lifted.set()

    def wants(self, call: Call, *, written: bool) -> bool:
        """Whether it strikes this call at this point."""
        return not self.lifted.is_set() and self.times != 0 and self.written is written and self.matches(call)

    async def strike(self) -> None:
        """Raise, or hold."""
        self.times = self.times - 1 if self.times is not None else None
        self.reached.set()
        if self.error:
            raise self.error()
        await self.lifted.wait()


class Api:
    """The calls of the operator.

    Attributes:
        calls: all of them, as they came in.
        latency: seconds until a call takes effect.
        answer_latency: seconds from then until its answer is there.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.latency = 0.0
        self.answer_latency = 0.0
        self._faults: list[Fault] = []

    @contextlib.asynccontextmanager
    async def call(self, verb: str, plural: str, key: Key) -> AsyncIterator[None]:
        """Around what a call does."""
        call = Call(len(self.calls), true_time(), verb, plural, key)
        self.calls.append(call)
        await asyncio.sleep(self.latency)
        await self._strike(call, written=False)
        yield
        await asyncio.sleep(self.answer_latency)
        await self._strike(call, written=True)

    def refuse(
        self,
        error: Callable[[], BaseException],
        verb: str = "",
        plural: str = "",
        *,
        key: Key | None = None,
        times: int | None = None,
        written: bool = False,
    ) -> Fault:
        """Have calls end with an error: of this verb, kind and object, or of any where nothing is said."""
        return self._add(Fault(_matcher(verb, plural, key), error, written, times))

    def hold(self, verb: str = "", plural: str = "", *, key: Key | None = None, written: bool = False) -> Fault:
        """Have the next such call stand still, before it takes effect or (`written`) after."""
        return self._add(Fault(_matcher(verb, plural, key), None, written, 1))

    def hold_nth(self, number: int, *, written: bool) -> Fault:
        """Have the call stand still that is the `number`th from now on, counted from zero."""
        wanted = len(self.calls) + number
        return self._add(Fault(lambda call: call.number == wanted, None, written, 1))

    def count(self, verb: str = "", plural: str = "", *, since: int = 0) -> int:
        """How many calls there were, without the first `since`."""
        matches = _matcher(verb, plural, None)
        return sum(matches(call) for call in self.calls[since:])

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    async def _strike(self, call: Call, *, written: bool) -> None:
        for fault in self._faults:
            if fault.wants(call, written=written):
                await fault.strike()


def _matcher(verb: str, plural: str, key: Key | None) -> Callable[[Call], bool]:
    return lambda call: verb in ("", call.verb) and plural in ("", call.plural) and key in (None, call.key)


def always(error: Callable[..., Failure], *args: Any, **kwargs: Any) -> Callable[[], Failure]:
    """Make a new error of this kind for each call that meets it."""
    return lambda: error(*args, **kwargs)
