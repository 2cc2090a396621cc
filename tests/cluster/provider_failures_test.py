"""A provider that fails: the last good token stays, attempts go on in time, and recovery needs nobody."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest

from support.certificates import make_certificate
from support.cluster import Cluster
from support.entra import Application, FakeEntra, Fault
from support.entra.faults import (
    GARBAGE,
    HUGE,
    Hang,
    Redirected,
    Truncated,
    server_error,
    temporarily_unavailable,
    throttled,
    throttled_plain,
)
from support.operator_process import StartOperator
from support.providers import settings_for
from support.scenario import HeldToken, Scenario, quick_settings
from support.waiting import eventually
from tokensync.clock import parse_rfc3339
from tokensync.errors import Reason
from tokensync.identity.failures import REQUEST_TIMEOUT
from tokensync.resource.names import RENEW_REQUESTED_AT

REQUEST = timedelta(seconds=REQUEST_TIMEOUT)
SECOND = timedelta(seconds=1)
SLACK = 2 * SECOND
"""What a busy machine adds."""


def failing(fault: Fault) -> Callable[[FakeEntra], AbstractContextManager[None]]:
    """A way to break a provider: it answers every token request so."""
    return lambda provider: provider.failing(fault)


@dataclass(frozen=True)
class Failure:
    """A way to fail, and what the user is told of it.

    Attributes:
        breaks: breaks a provider for as long as the block lasts.
        reason: of the condition.
        message: a part of its message; `{host}` is the provider's.
        remedy: another one, the next step.
        pause: what the provider asks us to wait.
    """

    breaks: Callable[[FakeEntra], AbstractContextManager[None]]
    reason: Reason
    message: str
    remedy: str = ""
    pause: timedelta = timedelta(0)


ASKED = timedelta(seconds=5)
WHO_ANSWERS = "find out what answers in the place of {host}"
THROTTLED = Failure(
    failing(throttled("5")),
    Reason.PROVIDER_THROTTLED,
    "{host} asks for fewer requests of application (client) id ",
    "set provider-requests-per-second",
    ASKED,
)
FAILURES = {
    "server-error": Failure(
        failing(server_error()), Reason.PROVIDER_UNAVAILABLE, "{host} is not available at the moment (HTTP 503)"
    ),
    "transient-error": Failure(
        failing(temporarily_unavailable()), Reason.PROVIDER_UNAVAILABLE, "AADSTS90033: A transient error has occurred."
    ),
    "throttled": THROTTLED,
    "throttled-plain": Failure(
        failing(throttled_plain("5")), THROTTLED.reason, THROTTLED.message, THROTTLED.remedy, ASKED
    ),
    "garbage": Failure(
        failing(GARBAGE),
        Reason.PROVIDER_RESPONSE_INVALID,
        "{host} answered something that is not a JSON object (HTTP 200)",
        WHO_ANSWERS,
    ),
    "huge": Failure(
        failing(HUGE), Reason.PROVIDER_RESPONSE_INVALID, "{host} answered with more than 256 KiB", WHO_ANSWERS
    ),
    "truncated": Failure(
        failing(Truncated()),
        Reason.PROVIDER_UNREACHABLE,
        "{host} broke the connection off before its answer was complete",
        "check name resolution, network policies and firewalls between this cluster and {host}",
    ),
    "hanging": Failure(
        failing(Hang()),
        Reason.PROVIDER_UNREACHABLE,
        "{host} gave no answer within 10 s",
        "check name resolution, network policies and firewalls",
    ),
    "redirecting": Failure(
        failing(Redirected()),
        Reason.PROVIDER_REDIRECTED,
        "{host} redirects to 127.0.0.1:",
        "correct spec.provider.entra, or find out what answers",
    ),
    "unreachable": Failure(
        FakeEntra.unreachable,
        Reason.PROVIDER_UNREACHABLE,
        "{host} refused the connection",
        "check name resolution, network policies and firewalls",
    ),
}


EXPIRING, LASTING = "expiring", "lasting"
LIFETIMES = {EXPIRING: timedelta(seconds=15), LASTING: timedelta(seconds=45)}
SIXTH_OF_BUDGET = LIFETIMES[LASTING] / 3 / 6


class Trial:
    """One way to fail, with a provider of its own and two resources.

    The token of the one expires while the provider fails; that of the other comes to be due meanwhile, and lives on.
    """

    def __init__(self, name: str, failure: Failure, scenario: Scenario) -> None:
        self.name = name
        self.failure = failure
        self.scenario = scenario
        self.applications = {which: scenario.register(lifetime) for which, lifetime in LIFETIMES.items()}
        self.before: dict[str, HeldToken] = {}
        self._trouble = ExitStack()

    def resource(self, which: str) -> str:
        """The name of one of its resources."""
        return f"{self.name}-{which}"

    def held(self, which: str) -> HeldToken | None:
        """What one of its targets holds."""
        return self.scenario.token(f"{self.resource(which)}-token")

    def break_provider(self) -> None:
        """From now on there is no token but those that are there."""
        self._trouble.enter_context(self.failure.breaks(self.scenario.entra))
        for which in LIFETIMES:
            held = self.held(which)
            assert held
            self.before[which] = held

    def mend_provider(self) -> None:
        """From now on all is well again."""
        self._trouble.close()

    def is_weathered(self) -> bool:
        """Whether one token has expired, and the other was asked for in vain and then once more."""
        expired = self.scenario.condition("Ready", self.resource(EXPIRING))["status"] == "False"
        failures = int(self.scenario.status(self.resource(LASTING))["consecutiveFailures"])
        return expired and failures > 0 and max(failures, len(self.attempts())) > 1

    def attempts(self) -> list[datetime]:
        """When the provider was asked to renew the lasting token."""
        client_id = self.applications[LASTING].client_id
        return [request.time for request in self.scenario.entra.requests if request.client_id == client_id][1:]


@pytest.fixture
def trials(cluster: Cluster, namespace: str) -> Iterator[list[Trial]]:
    """All ways to fail; the resources are created."""
    with ExitStack() as stack:
        certificate = make_certificate()
        scenarios = [Scenario(cluster, stack.enter_context(FakeEntra()), namespace, certificate) for _ in FAILURES]
        tried = [Trial(*case, scenario) for case, scenario in zip(FAILURES.items(), scenarios, strict=True)]
        scenarios[0].put_certificate()
        for trial in tried:
            stack.callback(trial.mend_provider)
            for which, application in trial.applications.items():
                trial.scenario.create(trial.resource(which), clientId=application.client_id)
        yield tried


def test_last_good_token_outlives_a_failing_provider(
    operator: StartOperator, trials: list[Trial], tmp_path: Path
) -> None:
    """However the provider fails: what is stored stays, the user is told, and it is tried in time until it works."""
    operator(settings_for([trial.scenario.entra for trial in trials], tmp_path))
    for trial in trials:
        for which in LIFETIMES:
            trial.scenario.wait_ready(trial.resource(which), timeout=30)
    for trial in trials:
        trial.break_provider()
    failing = list(trials)

    def all_weathered() -> bool:
        for trial in [trial for trial in failing if trial.is_weathered()]:
            assert_told(trial)
            assert_kept(trial)
            trial.mend_provider()
            failing.remove(trial)
        return not failing

    eventually(all_weathered, 60, "all have weathered it", explain=lambda: [trial.name for trial in failing])
    for trial in trials:
        assert_recovered(trial)
        assert_tried_in_time(trial)
        assert trial.scenario.entra.redirects_followed == 0


def assert_told(trial: Trial) -> None:
    """Both resources say what is wrong and what to do; the one whose token works is Ready all the same."""
    host = trial.scenario.entra.host
    for which, ready in (EXPIRING, "False"), (LASTING, "True"):
        name = trial.resource(which)
        renewal = trial.scenario.wait_condition("RenewalSucceeded", trial.failure.reason, name)
        assert renewal["status"] == "False"
        assert trial.failure.message.format(host=host) in renewal["message"]
        assert trial.failure.remedy.format(host=host) in renewal["message"]
        assert trial.scenario.condition("Ready", name)["status"] == ready, name


def assert_kept(trial: Trial) -> None:
    """Neither Secret was touched, and the one that is not Ready was it until its token expired."""
    for which in LIFETIMES:
        assert trial.held(which) == trial.before[which]
    turned = parse_rfc3339(trial.scenario.condition("Ready", trial.resource(EXPIRING))["lastTransitionTime"])
    late = turned - trial.before[EXPIRING].expires_at
    assert timedelta(0) <= late < REQUEST + SLACK


def assert_recovered(trial: Trial) -> None:
    """The lasting token was replaced before it expired."""
    name, before = trial.resource(LASTING), trial.before[LASTING]
    after = trial.scenario.wait_renewed(before, f"{name}-token")
    assert after.issued_at < before.expires_at, trial.name
    trial.scenario.wait_condition("RenewalSucceeded", "Renewed", name)
    assert trial.scenario.status(name)["consecutiveFailures"] == 0


def assert_tried_in_time(trial: Trial) -> None:
    """The provider saw attempts from the renewal time on: as often as promised, no sooner than it asked for."""
    attempts = trial.attempts()
    earliest = trial.before[LASTING].issued_at + LIFETIMES[LASTING] / 3
    assert earliest < attempts[0]
    gaps = [later - earlier for earlier, later in pairwise(attempts)]
    if trial.name != "unreachable":  # it saw none of those that failed
        assert gaps
    assert all(trial.failure.pause <= gap < max(SIXTH_OF_BUDGET, trial.failure.pause) + REQUEST + SLACK for gap in gaps)


def requests_of(scenario: Scenario, application: Application) -> list[datetime]:
    """When an application's token was asked for."""
    return [request.time for request in scenario.entra.requests if request.client_id == application.client_id]


def test_attempts_become_rarer_while_there_is_no_token_to_lose(
    operator: StartOperator, scenario: Scenario, ca: Path
) -> None:
    """Between attempts lie up to 2, 4 and 8 seconds, by chance: a dozen together show it."""
    applications = {f"new-{number}": scenario.register() for number in range(12)}
    scenario.put_certificate()
    with scenario.entra.failing(server_error()):
        for name, application in applications.items():
            scenario.create(name, clientId=application.client_id)
        operator(quick_settings(scenario.entra, ca))

        def attempts() -> list[list[datetime]]:
            return [requests_of(scenario, application)[:4] for application in applications.values()]

        eventually(lambda: all(len(times) == 4 for times in attempts()), 25, "each was tried four times")
        gaps = [[later - earlier for earlier, later in pairwise(times)] for times in attempts()]
    first, second, third = zip(*gaps, strict=True)
    assert max(first) < 2 * SECOND + SLACK
    assert max(second) < 4 * SECOND + SLACK
    assert sum(first, timedelta()) < sum(third, timedelta())

    def recovered() -> bool:
        return any(scenario.condition("Ready", name)["status"] == "True" for name in applications)

    eventually(recovered, 20, "whose turn is next recovers")


def http_date(moment: datetime) -> str:
    """As `Retry-After` may have it (RFC 9110, section 5.6.7)."""
    return format_datetime(moment.replace(microsecond=0), usegmt=True)


def test_no_attempt_before_the_provider_allows_it(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """Neither the end of a token nor somebody's wish goes before a Retry-After. When it is over, all is well again."""
    new, held = scenario.register(), scenario.register(10 * SECOND)
    scenario.put_certificate()
    scenario.create("held", clientId=held.client_id)
    operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready("held")
    before = scenario.token("held-token")
    assert before
    allowed = before.issued_at + 14 * SECOND  # the header, and the clock it is taken from, leave out fractions
    began = scenario.entra.now()
    with scenario.entra.failing(throttled_plain(http_date(allowed))):
        scenario.create("new", clientId=new.client_id)
        scenario.wait_condition("RenewalSucceeded", Reason.PROVIDER_THROTTLED, "new")
        scenario.wait_condition("RenewalSucceeded", Reason.PROVIDER_THROTTLED, "held")
    scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: "now"}}}, "new")
    scenario.wait_condition("Ready", Reason.PROVIDER_THROTTLED, "held")

    scenario.wait_ready("new", timeout=30)
    scenario.wait_ready("held")
    for application in new, held:
        asked = [time for time in requests_of(scenario, application) if time > began]
        assert len([time for time in asked if time < allowed - SECOND]) == 1
        assert allowed - SECOND <= asked[1] < allowed + 2 * SECOND + SLACK
