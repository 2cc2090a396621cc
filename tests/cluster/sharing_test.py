"""On a real API server: resources that share a client share its request, and a certificate is replaced without a gap."""

from datetime import timedelta
from pathlib import Path

from support.certificates import make_certificate
from support.entra import FakeEntra
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.waiting import eventually

PREVIOUS = "previous-certificate"


def test_two_hundred_resources_cost_one_request(
    operator: StartOperator, scenario: Scenario, entra: FakeEntra, ca: Path
) -> None:
    """Two hundred that share one client are there when the operator starts: it asks once, and each has that token."""
    scenario.application.lifetime = timedelta(hours=1)
    scenario.put_certificate()
    names = [f"graph-{number}" for number in range(200)]
    for name in names:
        scenario.create(name)
    operator(quick_settings(entra, ca))

    for name in names:
        scenario.wait_ready(name, timeout=120)

    assert len(entra.issued) == entra.token_requests == 1
    held = {token.value for name in names if (token := scenario.token(f"{name}-token"))}
    assert len(held) == 1


def test_a_certificate_is_replaced_before_it_is_registered(
    operator: StartOperator, scenario: Scenario, entra: FakeEntra, ca: Path
) -> None:
    """The previous pair is used until the new one is registered, the status says which to register, then the new one is used."""
    first, second = scenario.certificate, make_certificate()
    scenario.put_certificate()
    scenario.put_certificate(name=PREVIOUS)
    reference = {"secretRef": {"name": "client-certificate"}, "fallbackSecretRef": {"name": PREVIOUS}}
    scenario.create(credential={"certificate": reference})
    operator(quick_settings(entra, ca))
    scenario.wait_ready()
    before = scenario.token()
    scenario.put_certificate(second)

    after = scenario.wait_renewed(before)
    eventually(
        lambda: "previous" in scenario.condition("RenewalSucceeded")["message"],
        10,
        "the status says which pair worked",
        explain=scenario.status,
    )
    renewed = scenario.condition("RenewalSucceeded")
    assert renewed["status"] == "True"
    assert first.thumbprint_sha1 in renewed["message"]
    assert f"register the certificate with SHA-1 thumbprint {second.thumbprint_sha1}" in renewed["message"]
    assert scenario.status()["lastAttempt"]["message"] in renewed["message"]

    scenario.application.add_certificate(second.certificate_pem)
    latest = scenario.wait_renewed(after)

    eventually(
        lambda: "previous" not in scenario.condition("RenewalSucceeded")["message"],
        30,
        "the new pair is used",
        explain=scenario.status,
    )
    assert latest.remaining > timedelta(0)
    assert entra.issued[-1].thumbprint == second.thumbprint_sha256
