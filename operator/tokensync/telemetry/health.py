"""Whether this replica can do its work, or begin it at once if the other one ends."""

from collections.abc import Callable, Iterator

from tokensync.telemetry.streams import Streams

LONGEST_SILENCE = 150.0
"""Seconds. The API server sends a bookmark each minute, and a stream without one is opened anew after 70 s."""

LONGEST_LAG = 300.0
"""Seconds. So long nothing waits but where workers are stuck, or far too few."""


class Health:
    """Looks at the streams of the watch, the inventory and the queue.

    Args:
        streams: the streams that there have to be.
        is_filled: whether all Secrets were listed.
        lag: seconds for which something that is due has waited for a worker.
    """

    def __init__(self, streams: Streams, *, is_filled: Callable[[], bool], lag: Callable[[], float]) -> None:
        self._streams = streams
        self._is_filled = is_filled
        self._lag = lag

    def problems(self) -> list[str]:
        """What is wrong, a line for each; empty where this replica is ready."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        for stream, silence in self._streams.silences().items():
            if silence is None:
                yield f"the watch of {stream} has not begun"
            elif silence > LONGEST_SILENCE:
                yield f"the watch of {stream} has been silent for {silence:.0f} s"
        if not self._is_filled():
            yield "the Secrets are not listed yet"
        lag = self._lag()
        if lag > LONGEST_LAG:
            yield f"a resource that is due has waited {lag:.0f} s for a worker"
