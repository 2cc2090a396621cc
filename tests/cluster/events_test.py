"""Events in a cluster: what a person finds with `kubectl events` and `kubectl describe`, and that there is no more."""

import json
import re
import secrets
from datetime import timedelta
from pathlib import Path

import pytest

from support.control_plane import ControlPlane
from support.entra.faults import EchoedAssertion, server_error
from support.identities import create_identity, operator_rules, without
from support.leaks import Leaks, encodings
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.waiting import eventually
from tokensync.errors import Reason
from tokensync.resource.names import RENEW_REQUESTED_AT

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def certificate(scenario: Scenario) -> None:
    """What every resource needs."""
    scenario.put_certificate()


def told(scenario: Scenario, name: str = "graph") -> list[tuple[str, str]]:
    """Type and reason of each Event about a resource, in order."""
    events = sorted(scenario.cluster.events(scenario.namespace, name), key=lambda event: str(event["eventTime"]))
    return [(event["type"], event["reason"]) for event in events]


def wait_until_told(scenario: Scenario, *expected: tuple[str, str]) -> None:
    """Wait until exactly these Events are there."""
    eventually(lambda: told(scenario) == list(expected), 15, f"{expected} are told", explain=lambda: told(scenario))


def request_renewal(scenario: Scenario) -> None:
    """Ask for a renewal."""
    scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: secrets.token_hex(4)}}})


def failed(scenario: Scenario, times: int) -> bool:
    """Whether that many attempts in a row have failed."""
    return int(scenario.status().get("consecutiveFailures", 0)) >= times


BEGAN = ("Warning", Reason.PROVIDER_UNAVAILABLE.value)
ENDED = ("Normal", Reason.RENEWED.value)


def test_an_outage_is_told_when_it_begins_and_when_it_ends(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """A first token, renewals, the same failure again and restarts make none; kubectl shows those that are made."""
    scenario.application.lifetime = timedelta(seconds=6)
    scenario.create()
    process = operator(quick_settings(scenario.entra, ca))
    eventually(lambda: scenario.entra.token_requests >= 4, 30, "it is renewed three times")
    scenario.application.lifetime = HOUR
    eventually(lambda: (held := scenario.token()) and held.remaining > HOUR / 2, 15, "the token lives for an hour")
    process.stop()
    process.start()
    scenario.wait_for_turn()
    assert told(scenario) == []

    with scenario.entra.failing(server_error(503)):
        request_renewal(scenario)
        eventually(lambda: failed(scenario, 3), 60, "three attempts have failed")
        assert told(scenario) == [BEGAN]
        process.stop()
        process.start()
        eventually(lambda: failed(scenario, 4), 60, "another process has failed, too")
    scenario.wait_condition("RenewalSucceeded", Reason.RENEWED, timeout=60)
    wait_until_told(scenario, BEGAN, ENDED)

    (event,) = (e for e in scenario.cluster.events(scenario.namespace, "graph") if e["type"] == "Warning")
    resource = scenario.resource()
    assert event["message"] == event_note(scenario, control_plane)
    assert event["involvedObject"]["uid"] == resource["metadata"]["uid"]
    assert event["reportingComponent"] == "tokensync.dev/operator"
    assert event["reportingInstance"]
    assert event["action"] == "Renew"
    shown = control_plane.kubectl("events", "--for=clientcredentialtoken/graph", f"--namespace={scenario.namespace}")
    described = control_plane.kubectl("describe", "cct", "graph", f"--namespace={scenario.namespace}")
    for kind, reason in (BEGAN, ENDED):
        assert re.search(rf"{kind} +{reason} +ClientCredentialToken/graph", shown)
        assert re.search(rf"{kind} +{reason} .*tokensync.dev/operator", described)


def event_note(scenario: Scenario, control_plane: ControlPlane) -> str:
    """The note of the one Warning, read where it was written."""
    path = f"/apis/events.k8s.io/v1/namespaces/{scenario.namespace}/events"
    notes = [event["note"] for event in control_plane.admin.request("GET", path)["items"] if event["type"] == "Warning"]
    assert len(notes) == 1
    return str(notes[0])


def test_an_expiry_is_told_with_its_cause(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """Who looks at the Events sees that the token is over, and why there is no other."""
    scenario.application.lifetime = timedelta(seconds=8)
    scenario.create()
    operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready()
    with scenario.entra.failing(server_error(503)):
        expired = ("Warning", Reason.TOKEN_EXPIRED.value)
        wait_until_told(scenario, BEGAN, expired)
    wait_until_told(scenario, BEGAN, expired, ("Normal", Reason.TOKEN_VALID.value))


def test_without_the_right_to_it_nothing_else_suffers(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """Whoever takes the right away gets a line in the log instead of an Event."""
    identity = create_identity(control_plane, without(operator_rules(), "create", "events"))
    process = operator(quick_settings(scenario.entra, ca), kubeconfig=identity)
    scenario.entra.lifetime = HOUR
    scenario.create()
    scenario.wait_ready()
    with scenario.entra.failing(server_error(503)):
        request_renewal(scenario)
        scenario.wait_condition("RenewalSucceeded", Reason.PROVIDER_UNAVAILABLE)
        process.wait_for_log("event not written")
    scenario.wait_condition("RenewalSucceeded", Reason.RENEWED, timeout=60)
    assert told(scenario) == []


def test_an_event_holds_nothing_secret(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """Not even where a provider gives back what was sent to it."""
    scenario.create()
    operator(quick_settings(scenario.entra, ca))
    with scenario.entra.failing(EchoedAssertion()):
        eventually(lambda: told(scenario), 15, "the failure is told")
    events = json.dumps(scenario.cluster.events(scenario.namespace, "graph"))
    sent = {f"assertion {number}": value for number, value in enumerate(scenario.entra.assertions)}
    assert sent
    assert Leaks(sent).find(events) == set()
    planted = events + encodings(scenario.entra.assertions[0])["percent-encoded"]
    assert Leaks(sent).find(planted) == {"assertion 0"}
