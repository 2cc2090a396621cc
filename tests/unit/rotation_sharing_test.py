"""Whom a failure concerns, and until when the others leave the asking to one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from support.builders import HOUR, ISSUED_AT, SOON_AFTER, UID, make_observation, make_resource, make_stored
from support.token_source import SHA256
from tokensync.errors import ProviderError, Reason
from tokensync.rotation.attempts import Attempts
from tokensync.rotation.observation import Observation
from tokensync.rotation.sharing import Extent, Trouble, extent_of, follows_at, held_until

MINUTE = timedelta(minutes=1)
SIXTH = timedelta(minutes=20) / 6
DOWN = ProviderError(Reason.PROVIDER_UNAVAILABLE, "503")
ANOTHER = make_resource(uid="another")
DUE = ISSUED_AT + timedelta(minutes=50)
"""The stored token is due, and lives for ten minutes yet."""
EXTENTS = {
    Reason.PROVIDER_THROTTLED: Extent.HOST,
    Reason.PROVIDER_UNREACHABLE: Extent.ENDPOINT,
    Reason.PROVIDER_UNAVAILABLE: Extent.ENDPOINT,
    Reason.CREDENTIAL_REJECTED: Extent.PROOF,
    Reason.CLIENT_UNKNOWN: Extent.PROOF,
    Reason.TENANT_UNKNOWN: Extent.PROOF,
    Reason.SCOPE_REJECTED: Extent.REQUEST,
    Reason.REQUEST_REJECTED: Extent.REQUEST,
    Reason.PROVIDER_UNTRUSTED: Extent.REQUEST,
    Reason.HOST_NOT_ALLOWED: Extent.REQUEST,
}


def trouble(*, wait: timedelta = 10 * MINUTE, asked_until: timedelta | None = None) -> Trouble:
    """A request of the default resource failed a moment ago."""
    before = Trouble.after(DOWN, None, seen=seen(), now=DUE, chance=0.5)
    return replace(before, wait=wait, asked_until=DUE + asked_until if asked_until else None)


def seen(*, after: timedelta = timedelta(0), another: bool = False, **changes: object) -> Observation:
    """A resource whose token is due, so long after the failure."""
    resource = ANOTHER if another else make_resource()
    return make_observation(resource, **{"now": DUE + after, **changes})


@pytest.mark.parametrize("reason", EXTENTS)
def test_a_failure_concerns_those_who_would_meet_it(reason: Reason) -> None:
    """What nobody else would meet for certain is the business of the very same request alone."""
    assert extent_of(reason, asked_to_wait=False) is EXTENTS[reason]


@pytest.mark.parametrize("reason", EXTENTS)
def test_who_is_asked_to_wait_is_so_by_the_host(reason: Reason) -> None:
    """Whatever was refused with `Retry-After`."""
    assert extent_of(reason, asked_to_wait=True) is Extent.HOST


def test_who_is_due_waits_for_a_part_of_a_sixth_of_its_budget() -> None:
    """It comes before the one that failed does again; who failed, too, waits as long as that one."""
    held = held_until(seen(another=True), trouble())
    failed = Attempts(failures=1, made_for=f"1:{SHA256}")

    assert held == DUE + SIXTH * 0.75
    assert held_until(seen(another=True, attempts=failed), trouble()) == DUE + SIXTH


def test_who_has_slack_waits_for_longer_than_the_one_that_failed() -> None:
    """So that this one asks again before anybody else does."""
    stored = make_stored(ANOTHER, issued_at=DUE - MINUTE, expires_at=DUE + HOUR)

    held = held_until(seen(another=True, stored=stored), trouble())

    assert held
    assert 10 * MINUTE < held - DUE < 20 * MINUTE


def test_the_one_that_failed_follows_its_own_back_off() -> None:
    """Only what the provider asked for holds it here."""
    assert held_until(seen(), trouble()) is None
    assert held_until(seen(), trouble(asked_until=MINUTE)) == DUE + MINUTE


def test_a_clock_that_was_set_back_holds_nobody() -> None:
    """A failure in the future says nothing of when to ask."""
    assert held_until(seen(after=-HOUR, another=True), trouble(asked_until=MINUTE)) is None


def test_a_failure_out_of_turn_puts_off_nobody() -> None:
    """Who asks before its turn, as a new resource may, and fails, leaves the others' turns as they are."""
    early = seen(after=MINUTE, another=True)

    later = Trouble.after(DOWN, trouble(), seen=early, now=DUE + 2 * MINUTE, chance=0.5)

    assert later.attempted_at == DUE + 2 * MINUTE
    assert held_until(seen(another=True), later) is None  # looked at before it failed
    assert held_until(seen(after=2 * MINUTE, another=True), later) == DUE + SIXTH * 0.75
    assert later.by == UID


def test_a_failure_out_of_turn_counts_for_the_one_that_failed() -> None:
    """So that it is not left behind, as one that fails for itself, when the others have an answer."""
    stubborn = seen(after=MINUTE, another=True, attempts=Attempts(failures=7, made_for=f"1:{SHA256}"))

    later = Trouble.after(DOWN, trouble(), seen=stubborn, now=DUE + MINUTE, chance=0.5)

    assert (later.failures, later.wait) == (8, 10 * MINUTE)


def test_a_failure_before_the_clock_was_set_back_is_no_turn() -> None:
    """The next one counts anew: nobody waits for a moment that was never to come."""
    early = seen(after=-HOUR, another=True)

    later = Trouble.after(DOWN, trouble(), seen=early, now=DUE - HOUR, chance=0.5)

    assert later.held_from == DUE - HOUR


def test_a_failure_out_of_turn_may_ask_all_to_wait() -> None:
    """What the provider asks for counts, whoever is told, and never for less than it asked before."""
    asked = ProviderError(Reason.PROVIDER_UNAVAILABLE, "503", retry_after=5 * MINUTE)
    early = seen(after=MINUTE, another=True)

    later = Trouble.after(asked, trouble(), seen=early, now=DUE + MINUTE, chance=0.5)
    still = Trouble.after(asked, trouble(asked_until=HOUR), seen=early, now=DUE + MINUTE, chance=0.5)

    assert later.asked_until == DUE + 6 * MINUTE
    assert still.asked_until == DUE + HOUR


def test_a_failure_in_turn_counts_for_all() -> None:
    """The others wait anew, and ever longer."""
    before = trouble(wait=MINUTE)

    later = Trouble.after(DOWN, before, seen=seen(after=MINUTE, another=True), now=DUE + MINUTE, chance=0.5)

    assert (later.held_from, later.failures, later.by) == (DUE + MINUTE, before.failures + 1, "another")
    assert later.since == before.since


@pytest.mark.parametrize("place", [0, 0.25, 0.99])
def test_followers_are_spread_over_the_time_that_they_have(place: float) -> None:
    """From the acceptance of the credential to the renewal."""
    follower = make_observation()
    assert follower.schedule

    moment = follows_at(follower, SOON_AFTER, place)

    assert moment == SOON_AFTER + place * (follower.schedule.renew_at - SOON_AFTER)
    assert SOON_AFTER <= moment < follower.schedule.renew_at
