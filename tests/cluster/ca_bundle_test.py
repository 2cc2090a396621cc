"""A provider whose certificate only the resource's own bundle can verify."""

from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from support.certificates import make_certificate
from support.cluster import encoded
from support.objects import Json
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from tokensync.errors import Reason
from tokensync.resource.names import RENEW_REQUESTED_AT

BUNDLE = "company-ca"
KEY = "ca.crt"
REFS = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}


@pytest.fixture(autouse=True)
def _running(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """An operator without `ca-bundle`, tokens that are not due within a test, and a certificate."""
    settings = quick_settings(scenario.entra, ca)
    del settings["ca-bundle"]
    operator(settings)
    scenario.entra.lifetime = timedelta(hours=1)
    scenario.put_certificate()


def put_bundle(scenario: Scenario, ref: str, pem: bytes) -> None:
    """Create the bundle, or replace it."""
    secrets, config_maps = scenario.cluster.secrets, scenario.cluster.config_maps
    objects, data = (secrets, encoded({KEY: pem})) if ref == "secretKeyRef" else (config_maps, {KEY: pem.decode()})
    if objects.find(scenario.namespace, BUNDLE):
        objects.patch(scenario.namespace, BUNDLE, {"data": data})
    else:
        objects.create(scenario.namespace, {"metadata": {"name": BUNDLE}, "data": data})


def provider(scenario: Scenario, ref: str) -> Json:
    """The spec's."""
    host = {"tenantId": scenario.entra.tenant_id, "authorityHost": scenario.entra.host}
    return {"entra": {**host, "caBundleRef": {ref: {"name": BUNDLE, "key": KEY}}}}


def ask(scenario: Scenario) -> None:
    """Ask for a renewal."""
    scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: "now"}}})


@pytest.mark.parametrize("ref", REFS)
def test_bundle_of_the_resource_is_what_its_provider_is_verified_with(scenario: Scenario, ref: str) -> None:
    """A wrong one keeps the last good token, and says what to do; a right one heals. Another resource is not trusted with it."""
    put_bundle(scenario, ref, scenario.entra.ca_pem)
    scenario.create(provider=provider(scenario, ref))
    scenario.wait_ready()
    held = scenario.token()
    scenario.create("without")
    refused = scenario.wait_condition("RenewalSucceeded", Reason.PROVIDER_UNTRUSTED, "without")
    assert "spec.provider has caBundleRef" in refused["message"]

    put_bundle(scenario, ref, trustme.CA().cert_pem.bytes())
    replacement = make_certificate()
    scenario.application.add_certificate(replacement.certificate_pem)
    scenario.put_certificate(replacement)  # which is tried at once
    wrong = scenario.wait_condition("RenewalSucceeded", Reason.PROVIDER_UNTRUSTED)
    assert "put the authority that issued its certificate into the bundle" in wrong["message"]
    assert scenario.token() == held
    assert scenario.condition("Ready")["status"] == "True"

    put_bundle(scenario, ref, scenario.entra.ca_pem)
    ask(scenario)
    scenario.wait_renewed(held)
    scenario.wait_condition("RenewalSucceeded", Reason.RENEWED)


@pytest.mark.parametrize(("ref", "kind"), REFS.items())
def test_bundle_that_is_no_bundle_is_told(scenario: Scenario, ref: str, kind: str) -> None:
    """Which object, which key, and what to put there; nobody is asked."""
    put_bundle(scenario, ref, b"hunter2")
    scenario.create(provider=provider(scenario, ref))

    told = scenario.wait_condition("RenewalSucceeded", Reason.PROVIDER_UNTRUSTED)["message"]

    assert told.startswith(f'key "{KEY}" of {kind} {scenario.namespace}/{BUNDLE} holds no certificate in PEM: put ')
    assert scenario.entra.token_requests == 0


def test_bundle_may_be_binary_data(scenario: Scenario) -> None:
    """As `kubectl create configmap --from-file` makes it of a file whose comments are not all UTF-8."""
    pem = "# Főtanúsítvány\n".encode("latin2") + scenario.entra.ca_pem
    body = {"metadata": {"name": BUNDLE}, "binaryData": encoded({KEY: pem})}
    scenario.cluster.config_maps.create(scenario.namespace, body)
    scenario.create(provider=provider(scenario, "configMapKeyRef"))
    scenario.wait_ready()


def test_bundle_that_is_missing_is_told(scenario: Scenario) -> None:
    """It is found once it is there."""
    scenario.create(provider=provider(scenario, "configMapKeyRef"))
    told = scenario.wait_condition("RenewalSucceeded", Reason.PROVIDER_UNTRUSTED)["message"]
    assert told.startswith(f'ConfigMap {scenario.namespace}/{BUNDLE} does not exist: create it with the key "{KEY}"')
    put_bundle(scenario, "configMapKeyRef", scenario.entra.ca_pem)
    ask(scenario)
    scenario.wait_ready()
