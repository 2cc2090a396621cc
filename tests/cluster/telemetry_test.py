"""What an operator tells of itself on a real API server: metrics, whether it is alive, whether it is ready."""

import platform
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from support.control_plane import ControlPlane
from support.operator_process import OperatorProcess, StartOperator
from support.scenario import Scenario, quick_settings
from support.scrape import OPENMETRICS, TEXT, Metrics, get, scrape
from support.waiting import eventually
from tokensync import __version__

LABELS = {
    "tokensync_token_expiry_timestamp_seconds": {"namespace", "name"},
    "tokensync_token_renewal_timestamp_seconds": {"namespace", "name"},
    "tokensync_credential_expiry_timestamp_seconds": {"namespace", "name"},
    "tokensync_token_ready": {"namespace", "name"},
    "tokensync_token_gap_seconds_total": set(),
    "tokensync_acquisitions_total": {"provider", "outcome", "reason"},
    "tokensync_acquisition_duration_seconds_count": set(),
    "tokensync_renewal_lag_seconds_count": set(),
    "tokensync_queue_depth": set(),
    "tokensync_workers_busy": set(),
    "tokensync_leader": set(),
    "tokensync_watch_last_activity_timestamp_seconds": {"resource"},
    "tokensync_kubernetes_requests_total": {"verb", "resource", "code"},
    "tokensync_provider_clock_skew_seconds": {"host"},
    "tokensync_build_info": {"version", "python_version"},
}
"""What there has to be, and the labels of each series."""

PER_OBJECT = [name for name, labels in LABELS.items() if "name" in labels]
ACTIVITY = "tokensync_watch_last_activity_timestamp_seconds"
CALLS = "tokensync_kubernetes_requests_total"
KINDS = ("clientcredentialtokens", "secrets")
BOOKMARKED = 90
"""Seconds in which a bookmark comes for certain: there is one each minute."""


def told(process: OperatorProcess, what: Callable[[Metrics], object], timeout: float = 20) -> Metrics:
    """Wait until the metrics say something, and return them."""

    def metrics() -> Metrics | None:
        seen = process.metrics()
        return seen if what(seen) else None

    return eventually(metrics, timeout, "the metrics say so")


@pytest.fixture(name="worked")
def _worked(operator: StartOperator, scenario: Scenario, ca: Path) -> OperatorProcess:
    """An operator that has renewed a token, failed to get another, and let a third one expire."""
    scenario.put_certificate()
    scenario.entra.lifetime = timedelta(seconds=10)
    lapsing = scenario.register()
    scenario.create("lapsing", clientId=lapsing.client_id)
    scenario.create("refused", clientId=scenario.entra.register().client_id)
    scenario.create()
    process = operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready("lapsing")
    lapsing.disabled = True
    scenario.wait_ready()
    scenario.wait_renewed(scenario.token())
    told(process, lambda metrics: metrics.value("tokensync_token_gap_seconds_total") > 0)
    return process


def test_the_metrics_of_an_operator_that_has_worked(worked: OperatorProcess, scenario: Scenario) -> None:
    """All that are promised, with their labels and no other, in both formats; values as they have to be."""
    where = {"namespace": scenario.namespace}
    scenario.application.lifetime = timedelta(hours=1)
    metrics = told(
        worked,
        lambda metrics: metrics.value(PER_OBJECT[0], **where, name="graph") > time.time() + 1800,
    )

    for each in metrics, scrape(worked.metrics_address, OPENMETRICS):
        for name, labels in LABELS.items():
            assert each.series(name), name
            assert all(set(series) == labels for series in each.series(name)), name
        assert {name.split("_")[0] for name in each.families} == {"tokensync", "process"}
    held = scenario.token()
    assert held
    assert metrics.value("tokensync_token_expiry_timestamp_seconds", name="graph") == held.expires_at.timestamp()
    assert time.time() < metrics.value("tokensync_token_renewal_timestamp_seconds", name="graph")
    assert metrics.value("tokensync_token_renewal_timestamp_seconds", name="graph") < held.expires_at.timestamp()
    certified = scenario.certificate.certificate.not_valid_after_utc.timestamp()
    assert metrics.value("tokensync_credential_expiry_timestamp_seconds", name="graph") == certified
    ready = {
        name: metrics.value("tokensync_token_ready", **where, name=name) for name in ("graph", "lapsing", "refused")
    }
    assert ready == {"graph": 1, "lapsing": 0, "refused": 0}
    acquired = len(scenario.entra.issued)
    assert metrics.value("tokensync_acquisitions_total", provider="entra", outcome="success") == acquired
    for reason in (scenario.status(name)["lastAttempt"]["reason"] for name in ("lapsing", "refused")):
        assert metrics.value("tokensync_acquisitions_total", outcome="failure", reason=reason) > 0, reason
    assert metrics.value("tokensync_renewal_lag_seconds_count") == acquired - 2
    assert metrics.value("tokensync_leader") == 1
    assert metrics.value("tokensync_build_info", version=__version__, python_version=platform.python_version()) == 1
    assert abs(metrics.value("tokensync_provider_clock_skew_seconds", host=scenario.entra.host)) < 5
    for kind in KINDS:
        assert abs(time.time() - metrics.value(ACTIVITY, resource=kind)) < 60
        for verb in "list", "watch":
            called = metrics.value(CALLS, verb=verb, resource=kind, code="200")
            assert called > 0, (verb, kind)
    created = metrics.value(CALLS, verb="create", resource="secrets", code="201")
    assert created == len(("graph", "lapsing"))
    status = f"{KINDS[0]}/status"
    assert metrics.value(CALLS, verb="patch", resource=status, code="200") > 0


def test_nothing_secret_is_served(worked: OperatorProcess, scenario: Scenario) -> None:
    """No token, no assertion, no key: neither whole nor the part of a JWT that is enough to be told by."""
    served = "".join(get(worked.metrics_address, "/metrics", Accept=accept).text for accept in (TEXT, OPENMETRICS))

    secrets = [token.value for token in scenario.entra.issued] + scenario.entra.assertions
    assert len(secrets) > 4
    assert not [secret for secret in secrets if secret in served or secret.rpartition(".")[2] in served]
    assert not re.search(r"eyJ|BEGIN|PRIVATE", served)


def test_series_of_single_resources_can_be_left_out(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """Everything else stays."""
    scenario.put_certificate()
    scenario.create()
    process = operator(quick_settings(scenario.entra, ca, metrics_per_object="false"))
    scenario.wait_ready()
    metrics = process.metrics()

    assert not [name for name in PER_OBJECT if metrics.series(name)]
    assert metrics.value("tokensync_acquisitions_total", outcome="success") == 1


def test_a_deleted_resource_leaves_no_series(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """The next scrape has none of it."""
    scenario.put_certificate()
    scenario.create()
    process = operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready()
    told(process, lambda metrics: all(metrics.series(name) for name in PER_OBJECT))

    scenario.cluster.resources.delete(scenario.namespace, "graph")

    told(process, lambda metrics: not any(metrics.series(name) for name in PER_OBJECT))


def test_a_standby_is_ready_and_shows_the_same_tokens(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """It shows that it does not lead, and counts no gap."""
    scenario.put_certificate()
    scenario.create()
    settings = quick_settings(scenario.entra, ca, leader_elect="true", lease_namespace="tokensync-system")
    leader = operator(settings)
    leader.wait_for_log('"leading"', 30)
    standby = operator(settings)
    scenario.wait_ready()
    eventually(lambda: standby.readiness().status == 200, 20, "the standby is ready")
    metrics = told(standby, lambda metrics: metrics.value("tokensync_token_ready") == 1)

    assert metrics.value("tokensync_leader") == 0
    assert metrics.value("tokensync_queue_depth") == 0
    assert metrics.value("tokensync_token_gap_seconds_total") == 0
    assert leader.metrics().value("tokensync_leader") == 1
    for name in PER_OBJECT:
        assert metrics.value(name) == leader.metrics().value(name)


def test_not_ready_before_the_watch_has_begun(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """Each stream is named that is missing; it is alive all the time, and ready when the API server is there."""
    with control_plane.apiserver_down():
        process = operator(quick_settings(scenario.entra, ca, namespaces=scenario.namespace))
        answer = process.readiness()
        assert answer.status == 503
        assert answer.text.splitlines() == [
            *(f"the watch of {kind} in {scenario.namespace} has not begun" for kind in KINDS),
            "the Secrets are not listed yet",
        ]
        assert get(process.metrics_address, "/healthz").status == 200
        assert process.metrics().value(CALLS, code="error") > 0

    eventually(lambda: process.readiness().status == 200, 30, "it is ready", explain=process.readiness)


def test_a_short_outage_changes_nothing(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """No probe fails; afterwards the streams are heard again."""
    process = operator(quick_settings(scenario.entra, ca))
    eventually(lambda: process.readiness().status == 200, 30, "it is ready", explain=process.readiness)

    with control_plane.apiserver_down():
        began = time.time()
        told(
            process,
            lambda metrics: metrics.value(CALLS, verb="watch", code="error") > 0,
        )
        assert process.readiness().status == 200
        assert get(process.metrics_address, "/healthz").status == 200

    told(process, lambda metrics: all(metrics.value(ACTIVITY, resource=kind) > began for kind in KINDS), 30)
    assert process.readiness().status == 200


def test_a_stream_in_which_nothing_happens_is_heard(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """By its bookmarks, without a new request."""
    process = operator(quick_settings(scenario.entra, ca, namespaces=scenario.namespace))
    before = told(process, lambda metrics: metrics.value(CALLS, verb="watch") == len(KINDS))

    def heard(metrics: Metrics) -> bool:
        return all(metrics.value(ACTIVITY, resource=kind) > before.value(ACTIVITY, resource=kind) for kind in KINDS)

    after = told(process, heard, BOOKMARKED)

    assert after.value(CALLS, verb="watch") == len(KINDS)
    assert after.value(CALLS, verb="list") == before.value(CALLS, verb="list")
