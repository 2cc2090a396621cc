"""The operator starts again: it finds everything as it left it, and catches up with what happened meanwhile."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from support.audit import AuditLog
from support.certificates import make_certificate
from support.operator_process import StartOperator
from support.scenario import SCOPE, Scenario, quick_settings
from support.tally import tally
from support.waiting import eventually
from tokensync.resource.names import RENEW_REQUESTED_AT

MANY = 200
SHARED = {"certificate": {"secretRef": {"name": "shared-certificate"}}}


@pytest.fixture(autouse=True)
def long_lived(scenario: Scenario) -> None:
    """Tokens that are not due within a test, and a certificate."""
    scenario.entra.lifetime = timedelta(hours=1)
    scenario.put_certificate()


def test_restart_costs_no_token_no_write_and_no_read(
    operator: StartOperator, scenario: Scenario, ca: Path, audit_log: AuditLog
) -> None:
    """Two hundred resources whose tokens are good are listed, and that is all.

    The last one's token lives longest, so it is the least urgent; its target is edited while the operator is away. When
    that is repaired, all the others have had their turn.
    """
    names = [f"token-{number:03}" for number in range(MANY)]
    scenario.put_certificate(name="shared-certificate")
    last = "token-last"
    scenario.create(last, clientId=scenario.register(timedelta(hours=2)).client_id)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda name: scenario.create(name, credential=SHARED), names))
    process = operator(quick_settings(scenario.entra, ca))

    def ready() -> bool:
        resources = scenario.cluster.resources.all(scenario.namespace)
        return all(resource["status"].get("token") for resource in resources)

    eventually(ready, 60, "all have a token")
    process.stop()
    before, requests, mark = scenario.token(f"{last}-token"), scenario.entra.token_requests, audit_log.mark()
    scenario.cluster.secrets.patch(scenario.namespace, f"{last}-token", {"data": {"token": None}})

    process.start()
    scenario.wait_renewed(before, f"{last}-token")
    scenario.wait_for_turn()

    ours = ["shared-certificate", *names, *(f"{name}-token" for name in names)]
    assert tally(audit_log.calls(mark), scenario.namespace, ours) == {}
    asked = [request.client_id for request in scenario.entra.requests[requests:]]
    assert scenario.application.client_id not in asked


def test_stop_waits_for_nothing(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """Asked to stop, the operator ends at once, with success: a pod that is replaced holds nobody up."""
    scenario.create()
    process = operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready()

    began = time.monotonic()

    assert process.stop() == 0
    assert time.monotonic() - began < 3


def test_restart_catches_up_with_what_was_missed(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """Whatever would have woken a running operator has its effect when it is back; what was not touched stays."""
    other = make_certificate()
    scenario.application.add_certificate(other.certificate_pem)
    for name in ("untouched", "edited", "deleted", "requested", "changed"):
        scenario.create(name)
    scenario.create("replaced", credential={"certificate": {"secretRef": {"name": "other-certificate"}}})
    scenario.put_certificate(name="other-certificate")
    process = operator(quick_settings(scenario.entra, ca))
    names = ("untouched", "edited", "deleted", "requested", "changed", "replaced")
    for name in names:
        scenario.wait_ready(name)
    before = {name: scenario.token(f"{name}-token") for name in names}
    process.kill()

    scenario.cluster.secrets.patch(scenario.namespace, "edited-token", {"data": {"token": "ZWRpdGVk"}})
    scenario.cluster.secrets.delete(scenario.namespace, "deleted-token")
    scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: "now"}}}, "requested")
    scenario.entra.add_resource("https://other.example")
    scenario.patch({"spec": {"scopes": ["https://other.example/.default"]}}, "changed")
    scenario.put_certificate(other, name="other-certificate")
    scenario.create("new")
    process.start()

    for name in names[1:]:
        scenario.wait_renewed(before[name], f"{name}-token")
    scenario.wait_ready("new")
    scenario.wait_for_turn()
    assert scenario.token("untouched-token") == before["untouched"]
    assert scenario.status("requested")["lastHandledRenewRequest"] == "now"
    assert scenario.status("replaced")["credential"]["thumbprintSha256"] == other.thumbprint_sha256
    assert scenario.status("changed")["token"]["scope"] != SCOPE
