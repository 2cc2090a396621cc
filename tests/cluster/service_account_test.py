"""Federated credentials: tokens for a ServiceAccount, at a provider that verifies them by the API server's own keys."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from support.audit import AuditLog
from support.control_plane import ControlPlane
from support.identities import create_identity, operator_rules, without
from support.leaks import Leaks
from support.objects import Json
from support.operator_process import OperatorProcess, StartOperator
from support.scenario import Scenario, quick_settings
from support.service_accounts import AUDIENCE, federated_credential
from support.waiting import eventually
from support.written import everything_written
from tokensync.errors import Reason
from tokensync.resource.names import RENEW_REQUESTED_AT

OF_API_SERVER = "https://kubernetes.default.svc.cluster.local"
ACCOUNT = "reporter"


def credential(audience: str = AUDIENCE) -> Json:
    """A resource's, with the ServiceAccount."""
    return {"serviceAccount": {"name": ACCOUNT, "audience": audience}}


@pytest.fixture
def federate(control_plane: ControlPlane, scenario: Scenario) -> Callable[..., None]:
    """Registers the ServiceAccount with the application."""

    def register(audience: str = AUDIENCE) -> None:
        known = federated_credential(control_plane.kubectl, scenario.namespace, ACCOUNT, audience)
        scenario.application.federated.append(known)

    return register


@pytest.fixture
def account(scenario: Scenario) -> None:
    """The ServiceAccount is there."""
    scenario.cluster.service_accounts.create(scenario.namespace, {"metadata": {"name": ACCOUNT}})


Start = Callable[..., OperatorProcess]


@pytest.fixture
def start(operator: StartOperator, scenario: Scenario, ca: Path) -> Start:
    """Starts an operator that may ask the provider; takes further settings, and a kubeconfig."""

    def run(kubeconfig: Path | None = None, **settings: Any) -> OperatorProcess:
        return operator(quick_settings(scenario.entra, ca, **settings), kubeconfig=kubeconfig)

    return run


def requests_of_tokens(audit_log: AuditLog, mark: int, scenario: Scenario) -> int:
    """How many tokens of ServiceAccounts the operator got in the scenario's namespace."""
    return sum(
        (call.verb, call.subresource, call.namespace, call.code) == ("create", "token", scenario.namespace, 201)
        for call in audit_log.calls(mark)
    )


@pytest.mark.usefixtures("account")
def test_each_renewal_has_a_token_of_its_own(
    start: Start,
    scenario: Scenario,
    federate: Callable[..., None],
    control_plane: ControlPlane,
    audit_log: AuditLog,
) -> None:
    """Over several lifetimes: for one audience and ten minutes, used once, and seen nowhere but at the provider."""
    federate()
    scenario.entra.lifetime = timedelta(seconds=10)
    mark = audit_log.mark()
    process = start()
    scenario.create(credential=credential())
    scenario.wait_ready()
    eventually(lambda: len(scenario.issued_to(scenario.application)) > 4, 60, "four renewals")
    scenario.wait_ready()
    process.stop()

    sent = scenario.entra.assertions
    claims = [jwt.decode(assertion, options={"verify_signature": False}) for assertion in sent]
    assert scenario.status()["credential"] == {"kind": "ServiceAccount"}
    assert len(set(sent)) == len(sent) == requests_of_tokens(audit_log, mark, scenario)
    assert {tuple(each["aud"]) for each in claims} == {(AUDIENCE,)}
    assert {each["exp"] - each["iat"] for each in claims} == {600}
    leaks = Leaks({f"token {number}": token for number, token in enumerate(sent)})
    for place, text in everything_written(process, control_plane, scenario).items():
        assert leaks.find(text) == set(), place


def test_missing_service_account_is_named_until_it_is_there(
    start: Start, scenario: Scenario, federate: Callable[..., None]
) -> None:
    """Somebody who asks for a renewal need not wait for the next attempt."""
    federate()
    start()
    scenario.create(credential=credential())
    missing = scenario.wait_condition("CredentialValid", Reason.CREDENTIAL_NOT_FOUND)
    assert missing["message"] == (
        f"ServiceAccount {scenario.namespace}/{ACCOUNT} does not exist: "
        "create it, or correct credential.serviceAccount.name"
    )
    assert scenario.entra.token_requests == 0
    scenario.cluster.service_accounts.create(scenario.namespace, {"metadata": {"name": ACCOUNT}})
    scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: "now"}}})

    scenario.wait_ready()

    assert scenario.condition("CredentialValid")["reason"] == Reason.CREDENTIAL_USABLE


@pytest.mark.usefixtures("account")
def test_service_account_that_the_provider_does_not_know_is_usable(start: Start, scenario: Scenario) -> None:
    """It is the provider that refuses: registered there it works, and is tried again by itself."""
    start()
    scenario.create(credential=credential())

    refused = scenario.wait_condition("RenewalSucceeded", Reason.CREDENTIAL_REJECTED)

    assert "AADSTS70021" in refused["message"]
    assert scenario.condition("CredentialValid")["status"] == "True"


@pytest.mark.usefixtures("account")
def test_operator_without_the_right_says_which_it_needs(
    start: Start, scenario: Scenario, control_plane: ControlPlane
) -> None:
    """As after a change of its roles."""
    start(create_identity(control_plane, without(operator_rules(), "create", "serviceaccounts/token")))
    scenario.create(credential=credential())

    forbidden = scenario.wait_condition("CredentialValid", Reason.FORBIDDEN)

    assert forbidden["message"] == (
        f"tokensync may not create serviceaccounts/token in namespace {scenario.namespace}: "
        'grant the operator\'s ServiceAccount the verb "create" on the resource "serviceaccounts/token"'
    )
    assert scenario.condition("Stalled")["reason"] == Reason.FORBIDDEN


@pytest.mark.usefixtures("account")
def test_audience_that_is_not_listed_is_refused(start: Start, scenario: Scenario, audit_log: AuditLog) -> None:
    """The message names the setting, and nothing is requested of anybody."""
    mark = audit_log.mark()
    start()
    scenario.create(credential=credential("api://elsewhere"))

    refused = scenario.wait_condition("Ready", Reason.AUDIENCE_NOT_ALLOWED)

    assert "to add it to the setting allowed-audiences" in refused["message"]
    assert (requests_of_tokens(audit_log, mark, scenario), scenario.entra.token_requests) == (0, 0)


@pytest.mark.usefixtures("account")
def test_audience_that_the_policy_does_not_list_is_refused_by_it(start: Start, scenario: Scenario) -> None:
    """The operator's setting and the chart's value have to agree, says the API server."""
    start(allowed_audiences="api://elsewhere")
    scenario.create(credential=credential("api://elsewhere"))

    refused = scenario.wait_condition("CredentialValid", Reason.FORBIDDEN)

    assert "ValidatingAdmissionPolicy 'tokensync-operator-tokenrequests'" in refused["message"]
    assert "Let the operator's setting allowed-audiences and the chart's agree" in refused["message"]
    assert scenario.entra.token_requests == 0


@pytest.mark.usefixtures("account")
def test_token_for_the_api_server_never_leaves(
    start: Start, scenario: Scenario, federate: Callable[..., None], control_plane: ControlPlane
) -> None:
    """Whoever listed its audience: an operator that cannot know so at its start finds out before it sends anything."""
    federate(OF_API_SERVER)
    process = start(control_plane.admin_kubeconfig, allowed_audiences=f"{OF_API_SERVER},{AUDIENCE}")
    scenario.create(credential=credential(OF_API_SERVER))

    refused = scenario.wait_condition("CredentialValid", Reason.AUDIENCE_NOT_ALLOWED)

    assert f"the API server accepts tokens for the audience {OF_API_SERVER} as credentials" in refused["message"]
    assert scenario.entra.token_requests == 0
    assert scenario.entra.assertions == []
    federate()
    scenario.patch({"spec": {"credential": credential()}})
    scenario.wait_ready()
    assert process.running


@pytest.fixture
def known_by_token(operator_identity: Path, scenario: Scenario, ca: Path, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator that is known by a ServiceAccount's token, as it is in a pod, and lists what must not be listed."""
    settings = quick_settings(scenario.entra, ca, allowed_audiences=f"{AUDIENCE},{OF_API_SERVER}")
    process = OperatorProcess(operator_identity, settings, log=tmp_path / "log")
    process.start()
    yield process
    process.stop()


def test_audience_of_the_api_server_ends_it_at_its_start(known_by_token: OperatorProcess) -> None:
    """It knows one by its own token."""
    assert known_by_token.wait(30) == 1

    assert f"--allowed-audiences: {OF_API_SERVER} is an audience of the API server" in known_by_token.log_text
