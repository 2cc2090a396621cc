"""Waiting for a condition."""

import pytest

from support.waiting import eventually


def test_what_was_waited_for_is_returned() -> None:
    """The first thing that is not falsy ends the waiting."""
    seen = iter([None, "", "here", "too late"])

    assert eventually(lambda: next(seen), 5, "it is here") == "here"


def test_condition_that_holds_already_needs_no_time() -> None:
    """Even with no time to wait there is one look."""
    assert eventually(lambda: True, 0, "it is so")


def test_message_says_what_was_waited_for_and_what_was_seen() -> None:
    """Whoever reads the failure knows what was missing, for how long, and what was there instead."""
    with pytest.raises(AssertionError) as failure:
        eventually(lambda: False, 0.01, "the Secret is gone", explain=lambda: "it has three keys")

    assert str(failure.value) == "not within 0.01 s: the Secret is gone\nit has three keys"


def test_message_shows_the_last_value() -> None:
    """Without an explanation the last value stands there: nothing, in one of its forms."""
    with pytest.raises(AssertionError, match=r"something is listed\nlast seen: \[\]$"):
        eventually(list[str], 0.01, "something is listed")


def test_broken_probe_ends_the_waiting() -> None:
    """An error in the probe is shown at once, not taken for a delay."""
    with pytest.raises(ZeroDivisionError):
        eventually(lambda: 1 // 0, 60, "it never gets here")
