"""How often one client may ask one host."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokensync.identity.budget import RequestBudget

HOST, CLIENT = "login.microsoftonline.com", "client"
NOW = timedelta(0)


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


def test_without_a_limit_nobody_waits() -> None:
    """The setting is off by default."""
    budget = RequestBudget(None, ManualClock())
    assert {budget.delay(HOST, CLIENT) for _ in range(1000)} == {NOW}


def test_a_seconds_worth_of_requests_may_come_at_once() -> None:
    """Then each waits for a slot of its own, one after the other."""
    budget = RequestBudget(4, ManualClock())
    assert [budget.delay(HOST, CLIENT) for _ in range(4)] == [NOW] * 4
    assert [budget.delay(HOST, CLIENT).total_seconds() for _ in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_less_than_one_request_per_second_is_possible() -> None:
    """One at once, then one in ten seconds."""
    budget = RequestBudget(0.1, ManualClock())
    assert [budget.delay(HOST, CLIENT).total_seconds() for _ in range(3)] == [0, 10, 20]


@pytest.mark.parametrize(("host", "client"), [("login.microsoftonline.us", CLIENT), (HOST, "another")])
def test_others_have_a_budget_of_their_own(host: str, client: str) -> None:
    """It is for each host and client."""
    budget = RequestBudget(1, ManualClock())
    budget.delay(HOST, CLIENT)
    assert budget.delay(HOST, CLIENT) > NOW
    assert budget.delay(host, client) == NOW


def test_whoever_comes_back_when_he_was_told_finds_a_slot() -> None:
    """A crowd is served at the rate, each of it by its second visit."""
    clock = ManualClock()
    budget = RequestBudget(5, clock)
    told = [budget.delay(HOST, CLIENT) for _ in range(100)]
    waiting = sorted(clock.seconds + delay.total_seconds() for delay in told if delay)
    assert len(waiting) == 95
    for moment in waiting:
        clock.seconds = moment
        assert budget.delay(HOST, CLIENT) == NOW
    assert clock.seconds == pytest.approx(1000 + 95 / 5, abs=0.01)


@given(st.floats(0.05, 50), st.lists(st.floats(0, 3) | st.just(0.0), min_size=1, max_size=60), st.floats(0.5, 20))
def test_the_rate_is_never_exceeded(rate: float, pauses: list[float], window: float) -> None:
    """In no stretch of time are more slots given than the rate allows for it, and the second's worth."""
    clock = ManualClock()
    budget = RequestBudget(rate, clock)
    taken = []
    for pause in pauses:
        clock.seconds += pause
        if budget.delay(HOST, CLIENT) == NOW:
            taken.append(clock.seconds)
    for start in taken:
        assert sum(start <= moment < start + window for moment in taken) <= window * rate + max(rate, 1) + 1e-6


def test_clients_that_ask_for_nothing_are_forgotten() -> None:
    """Resources come and go for years; the budget does not grow with them."""
    clock = ManualClock()
    budget = RequestBudget(1, clock)
    for number in range(20_000):
        clock.seconds += 0.01
        budget.delay(HOST, f"client-{number}")
    assert len(budget._lines) < 2_100
