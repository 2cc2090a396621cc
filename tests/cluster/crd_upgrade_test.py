"""From the first release to this one and back, with live resources: nothing is renewed, nothing is lost."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiException

from support.control_plane import CRDS, ControlPlane
from support.example_resource import OIDC, with_spec
from support.first_release.remains import CRD, CREDENTIALS, Remains, leave, remains
from support.objects import Json
from support.operator_process import StartOperator
from support.scenario import Scenario
from support.trial import accepted
from support.waiting import eventually
from tokensync.resource.names import RENEW_REQUESTED_AT

CLOUDS = "login.microsoftonline.com,login.microsoftonline.us"
NOWHERE = {"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "localhost,127.0.0.1"}
"""Who asked the real clouds for a token would fail at once, and say so in the status."""


def apply(control_plane: ControlPlane, crds: Path, *, knows_oidc: bool) -> None:
    """Apply a CRD and wait until the API server goes by it."""

    def goes_by_it() -> bool:
        try:
            accepted(control_plane, with_spec(provider=OIDC))
        except ApiException:
            return not knows_oidc
        return knows_oidc

    control_plane.apply_crds(crds)
    eventually(goes_by_it, 30, f"the API server goes by {crds}")


@pytest.fixture
def old_crd(control_plane: ControlPlane) -> Iterator[None]:
    """The CRD of the first release; at the end there is ours again."""
    apply(control_plane, CRD, knows_oidc=False)
    yield
    apply(control_plane, CRDS, knows_oidc=True)


@pytest.fixture
def left(old_crd: None, control_plane: ControlPlane, scenario: Scenario) -> Remains:
    """What the first release's operator left behind."""
    del old_crd
    pair = scenario.certificate.secret_data()
    scenario.put_certificate(name=CREDENTIALS[0])
    scenario.put_certificate(name=CREDENTIALS[1], data={"client.pem": b"".join(pair.values())})
    found = remains(scenario.namespace, scenario.certificate)
    leave(control_plane, found, scenario.namespace, scenario.cluster.resources, scenario.cluster.secrets)
    return found


def settings(scenario: Scenario, ca: Path) -> dict[str, Any]:
    """As the first release ran by default, and allowed to ask the stand-in, too."""
    return {"allowed-hosts": f"{CLOUDS},{scenario.entra.host}", "ca-bundle": str(ca)}


def everything(scenario: Scenario, found: Remains) -> dict[str, Json]:
    """All that was left, as the cluster has it now."""
    cluster, namespace = scenario.cluster, scenario.namespace
    return {name: cluster.resources.get(namespace, name) for name in found.resources} | {
        name: cluster.secrets.get(namespace, name) for name in found.secrets
    }


def test_upgrade_renews_nothing_and_loses_nothing(
    left: Remains, control_plane: ControlPlane, operator: StartOperator, scenario: Scenario, ca: Path
) -> None:
    """Resources, statuses and Secrets that the first release wrote are what this one would have written."""
    before = everything(scenario, left)
    assert {each["metadata"]["uid"] for each in before.values()} == {
        each["metadata"]["uid"] for half in left for each in half.values()
    }
    scenario.entra.lifetime = timedelta(hours=1)

    apply(control_plane, CRDS, knows_oidc=True)
    assert everything(scenario, left) == before
    process = operator(settings(scenario, ca), environment=NOWHERE)
    scenario.wait_for_turn()

    assert everything(scenario, left) == before
    assert "attempt failed" not in process.log_text
    assert process.log_text.count("token renewed") == 2, "the marker's own"


def test_upgraded_resource_is_kept_fresh(
    left: Remains, control_plane: ControlPlane, operator: StartOperator, scenario: Scenario, ca: Path
) -> None:
    """The operator has not only left it alone: it is there for whoever wants something of it."""
    del left
    scenario.entra.lifetime = timedelta(hours=1)
    before = scenario.token()
    apply(control_plane, CRDS, knows_oidc=True)
    operator(settings(scenario, ca), environment=NOWHERE)
    provider = {"entra": {"tenantId": scenario.entra.tenant_id, "authorityHost": scenario.entra.host}}
    scenario.patch({"spec": {"provider": provider, "clientId": scenario.application.client_id}})
    scenario.wait_renewed(before)


def test_old_crd_over_old_fields_loses_nothing(
    operator: StartOperator, scenario: Scenario, ca: Path, request: pytest.FixtureRequest
) -> None:
    """Who rolls the CRD back, and has not used what is new, goes on."""
    scenario.entra.lifetime = timedelta(hours=1)
    scenario.put_certificate()
    scenario.create(target={"data": {"header": "AuthorizationHeader", "token": "AccessToken"}})
    process = operator(settings(scenario, ca), environment=NOWHERE)
    scenario.wait_ready()
    process.stop()
    resource, token = scenario.resource(), scenario.token()
    assert token

    request.getfixturevalue("old_crd")
    assert scenario.resource() == resource
    process.start()
    scenario.wait_for_turn()
    assert scenario.resource() == resource
    assert scenario.token() == token

    scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: "now"}}})
    scenario.wait_renewed(token)
    eventually(lambda: scenario.status()["lastHandledRenewRequest"] == "now", 10, "the old schema takes the status")
