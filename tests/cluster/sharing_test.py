"""On a real API server: resources that share a client share its request, and a certificate is replaced without a gap."""

import re
import shlex
from datetime import timedelta
from pathlib import Path

from support.certificates import make_certificate
from support.control_plane import ControlPlane
from support.entra import FakeEntra
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.waiting import eventually

PREVIOUS = "previous-certificate"
PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"


def what_the_page_shows(control_plane: ControlPlane, namespace: str, name: str) -> str:
    """The line of one resource, as the command in docs/lifecycle.md that looks at all of them prints it."""
    command = re.search(r"kubectl (get cct --all-namespaces --output custom-columns=.+)", PAGE.read_text())
    assert command, "docs/lifecycle.md has no such command"
    lines = control_plane.kubectl(*shlex.split(command[1])).splitlines()
    return next(line for line in lines if line.split()[:2] == [namespace, name])


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
    operator: StartOperator, scenario: Scenario, entra: FakeEntra, ca: Path, control_plane: ControlPlane
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
    shown = what_the_page_shows(control_plane, scenario.namespace, "graph")
    assert f"{second.thumbprint_sha1}   The token was issued at" in shown
    assert "previous certificate" in shown

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
