"""Tokens for a client secret, at a provider that knows which ones are registered."""

import secrets
from datetime import timedelta
from pathlib import Path

import pytest

from support.cluster import encoded
from support.control_plane import ControlPlane
from support.leaks import Leaks
from support.objects import Json
from support.operator_process import OperatorProcess, StartOperator
from support.scenario import Scenario, quick_settings
from support.written import everything_written
from tokensync.errors import Reason

SECRET = "client-secret"
CREDENTIAL: Json = {"clientSecret": {"secretKeyRef": {"name": SECRET, "key": "secret"}}}


@pytest.fixture
def value(scenario: Scenario) -> str:
    """A client secret that is registered."""
    scenario.entra.lifetime = timedelta(hours=1)
    value = secrets.token_urlsafe(30)
    scenario.application.add_client_secret(value)
    return value


@pytest.fixture
def process(operator: StartOperator, scenario: Scenario, ca: Path) -> OperatorProcess:
    """An operator that is running."""
    return operator(quick_settings(scenario.entra, ca))


def put(scenario: Scenario, value: str) -> None:
    """Create the Secret, or replace what it holds."""
    data = {"secret": value.encode()}
    if scenario.cluster.secrets.find(scenario.namespace, SECRET) is None:
        scenario.cluster.create_secret(scenario.namespace, SECRET, data)
    else:
        scenario.cluster.secrets.patch(scenario.namespace, SECRET, {"data": encoded(data)})


def test_client_secret_becomes_a_token(
    process: OperatorProcess, scenario: Scenario, control_plane: ControlPlane, value: str
) -> None:
    """The provider takes it, without the line break that `echo` leaves; the status says what it was, and nobody sees it."""
    put(scenario, value + "\n")
    scenario.create(credential=CREDENTIAL)
    scenario.wait_ready()

    version = scenario.cluster.secrets.get(scenario.namespace, SECRET)["metadata"]["resourceVersion"]
    assert scenario.status()["credential"] == {"kind": "ClientSecret", "secretResourceVersion": version}
    assert scenario.condition("CredentialValid")["reason"] == Reason.CREDENTIAL_USABLE
    leaks = Leaks({"client secret": value})
    for place, text in everything_written(process, control_plane, scenario).items():
        assert leaks.find(text) == set(), place


def test_replaced_client_secret_costs_one_token(process: OperatorProcess, scenario: Scenario, value: str) -> None:
    """So the first one can be removed from the application as soon as the second one is in the Secret."""
    assert process.running
    put(scenario, value)
    scenario.create(credential=CREDENTIAL)
    scenario.wait_ready()
    first = scenario.token()
    other = secrets.token_urlsafe(30)
    scenario.application.add_client_secret(other)
    put(scenario, other)
    scenario.wait_renewed(first)
    scenario.application.remove_client_secret(value)
    scenario.put_certificate()  # the marker's
    scenario.wait_for_turn()

    assert len(scenario.issued_to(scenario.application)) == 2


@pytest.mark.parametrize("expired", [False, True])
def test_client_secret_that_is_refused_is_told_of_until_another_is_there(
    process: OperatorProcess, scenario: Scenario, control_plane: ControlPlane, value: str, expired: bool
) -> None:
    """Wrong or expired: the message says what to do, and whatever is put into the Secret next is tried at once."""
    bad = secrets.token_urlsafe(30)
    if expired:
        scenario.application.add_client_secret(bad, scenario.entra.now() - timedelta(days=1))
    put(scenario, bad)
    scenario.create(credential=CREDENTIAL)
    refused = scenario.wait_condition("RenewalSucceeded", Reason.CREDENTIAL_REJECTED)

    assert f"AADSTS{7000222 if expired else 7000215}" in refused["message"]
    assert scenario.condition("CredentialValid")["status"] == "True"
    leaks = Leaks({"client secret": bad})
    for place, text in everything_written(process, control_plane, scenario).items():
        assert leaks.find(text) == set(), place
    put(scenario, value)
    scenario.wait_ready()


ACCOUNT_TOKEN = "kubernetes.io/service-account-token"


@pytest.mark.parametrize("kind", [ACCOUNT_TOKEN, "helm.sh/release.v1"])
def test_secrets_of_the_cluster_never_leave_it(process: OperatorProcess, scenario: Scenario, kind: str) -> None:
    """Not even to a provider that is allowed: it gets no request."""
    assert process.running
    namespace = scenario.namespace
    account = scenario.cluster.service_accounts.create(namespace, {"metadata": {"name": "reader"}})
    metadata = {"annotations": {"kubernetes.io/service-account.name": account["metadata"]["name"]}}
    scenario.cluster.create_secret(namespace, SECRET, {"secret": b"value"}, kind=kind, metadata=metadata)
    scenario.create(credential=CREDENTIAL)
    refused = scenario.wait_condition("CredentialValid", Reason.CREDENTIAL_SOURCE_REFUSED)

    assert refused["message"].startswith(f"Secret {namespace}/{SECRET} holds a ")
    assert scenario.condition("Stalled")["reason"] == Reason.CREDENTIAL_SOURCE_REFUSED
    assert scenario.entra.token_requests == 0
