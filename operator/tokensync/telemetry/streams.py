"""When something last came through each stream of the watch: a list, an event, a bookmark."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from prometheus_client import Gauge


class Stream(NamedTuple):
    """The watch of one kind; the namespace is empty for all of them."""

    resource: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.resource} in {self.namespace}" if self.namespace else self.resource


class Streams:
    """The streams that there have to be.

    Args:
        resources: the kinds that are watched.
        namespaces: where; empty for everywhere.
        gauge: shows for each kind when the stream that has been silent longest was last heard.
        monotonic: seconds of a clock that is never set.
    """

    def __init__(
        self, resources: Iterable[str], namespaces: Sequence[str], gauge: Gauge, monotonic: Callable[[], float]
    ) -> None:
        self._monotonic = monotonic
        self._silent_since: dict[Stream, float | None] = {
            Stream(resource, namespace): None for resource in resources for namespace in namespaces or ("",)
        }
        self._timestamps = dict.fromkeys(self._silent_since, time.time())
        for resource in {stream.resource for stream in self._silent_since}:
            gauge.labels(resource).set_function(partial(self._oldest_timestamp, resource))

    def heard(self, resource: str, namespace: str) -> None:
        """Something came."""
        stream = Stream(resource, namespace)
        self._silent_since[stream] = self._monotonic()
        self._timestamps[stream] = time.time()

    def silences(self) -> dict[Stream, float | None]:
        """Seconds since each was heard; None for those that never were."""
        now = self._monotonic()
        return {stream: None if since is None else now - since for stream, since in self._silent_since.items()}

    def _oldest_timestamp(self, resource: str) -> float:
        """Of the kind's streams; one that was never heard counts from the start. Called in another thread."""
        return min(timestamp for stream, timestamp in self._timestamps.items() if stream.resource == resource)
