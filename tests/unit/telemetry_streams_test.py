"""When the streams of the watch were last heard, and what follows for readiness."""

from collections.abc import Sequence
from unittest.mock import MagicMock

import pytest
from prometheus_client import CollectorRegistry, Gauge
from pytest_mock import MockerFixture

from tokensync.telemetry.health import LONGEST_LAG, LONGEST_SILENCE, Health
from tokensync.telemetry.streams import Stream, Streams

KINDS = ("clientcredentialtokens", "secrets")


class Watch:
    """Streams on a clock that a test sets."""

    def __init__(self, namespaces: Sequence[str] = ()) -> None:
        self.time = 1000.0
        self.lag = 0.0
        self.filled = True
        self.registry = CollectorRegistry()
        gauge = Gauge("last_heard", "", ("resource",), registry=self.registry)
        self.streams = Streams(KINDS, namespaces, gauge, lambda: self.time)
        self.health = Health(self.streams, is_filled=lambda: self.filled, lag=lambda: self.lag)

    def hear_all(self) -> None:
        for kind, namespace in self.streams.silences():
            self.streams.heard(kind, namespace)

    def last_heard(self, kind: str) -> float | None:
        """What the gauge says."""
        return self.registry.get_sample_value("last_heard", {"resource": kind})


@pytest.fixture(name="wall")
def _wall(mocker: MockerFixture) -> MagicMock:
    """The wall clock, which is only shown."""
    return mocker.patch("tokensync.telemetry.streams.time.time", return_value=1.0)


def test_ready_when_all_is_heard_listed_and_worked_off() -> None:
    """No problem is no line."""
    watch = Watch(["a", "b"])
    watch.hear_all()

    assert watch.health.problems() == []


def test_a_stream_that_has_not_begun_is_named() -> None:
    """By its kind, and its namespace where the operator watches some."""
    everywhere, chosen = Watch(), Watch(["a", "b"])
    everywhere.streams.heard("secrets", "")
    for kind, namespace in (("secrets", "a"), ("secrets", "b"), ("clientcredentialtokens", "b")):
        chosen.streams.heard(kind, namespace)

    assert everywhere.health.problems() == ["the watch of clientcredentialtokens has not begun"]
    assert chosen.health.problems() == ["the watch of clientcredentialtokens in a has not begun"]


def test_a_silent_stream_is_named_after_the_bound_and_not_before() -> None:
    """An outage of a minute, after a minute without events, is no problem; the next byte ends one."""
    watch = Watch()
    watch.hear_all()
    watch.time += LONGEST_SILENCE
    watch.streams.heard("secrets", "")
    assert watch.health.problems() == []

    watch.time += 1
    assert watch.health.problems() == ["the watch of clientcredentialtokens has been silent for 151 s"]

    watch.streams.heard("clientcredentialtokens", "")
    assert watch.health.problems() == []


def test_every_problem_has_its_line() -> None:
    """Secrets that are not listed, and a queue that is not worked off, beside the streams."""
    watch = Watch()
    watch.filled = False
    watch.lag = LONGEST_LAG + 1

    assert watch.health.problems() == [
        "the watch of clientcredentialtokens has not begun",
        "the watch of secrets has not begun",
        "the Secrets are not listed yet",
        "a resource that is due has waited 301 s for a worker",
    ]


def test_a_lag_within_the_bound_is_none() -> None:
    """Thousands of new resources take a while."""
    watch = Watch()
    watch.hear_all()
    watch.lag = LONGEST_LAG

    assert watch.health.problems() == []


def test_the_gauge_shows_the_stream_that_has_been_silent_longest(wall: MagicMock) -> None:
    """So that one alert covers all namespaces; one that was never heard counts from the start."""
    watch = Watch(["a", "b"])
    wall.return_value = 100.0
    watch.streams.heard("secrets", "a")
    assert watch.last_heard("secrets") == 1

    wall.return_value = 200.0
    watch.streams.heard("secrets", "b")
    wall.return_value = 300.0
    assert watch.last_heard("secrets") == 100
    watch.streams.heard("secrets", "a")
    assert watch.last_heard("secrets") == 200
    assert watch.last_heard("clientcredentialtokens") == 1


def test_only_the_streams_that_have_to_be_are_there() -> None:
    """Each kind in each namespace."""
    assert set(Watch(["a", "b"]).streams.silences()) == {Stream(kind, name) for kind in KINDS for name in "ab"}
    assert set(Watch().streams.silences()) == {Stream(kind, "") for kind in KINDS}
