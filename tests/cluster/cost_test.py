"""What the operator costs the API server and the provider, counted from the audit log and at the provider."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from support.audit import AuditLog
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.tally import CREATION, READ, SECRET_WRITE, STATUS_WRITE, tally
from support.waiting import eventually

HOUR = timedelta(hours=1)
NAMES = ("one", "two", "three")


def settled(scenario: Scenario, name: str) -> bool:
    """Whether the target holds a token of an hour, and the status tells of it."""
    held = scenario.token(f"{name}-token")
    assert held is not None
    told = scenario.status(name)["target"]["resourceVersion"]
    return held.expires_at - held.issued_at > HOUR / 2 and bool(told == held.resource_version)


def test_first_token_and_renewal_cost_what_they_must(
    operator: StartOperator, scenario: Scenario, ca: Path, audit_log: AuditLog
) -> None:
    """A first token costs a creation and a status; a renewal two writes and no read. The credential is read once."""
    scenario.put_certificate()
    scenario.application.lifetime = timedelta(seconds=10)
    mark = audit_log.mark()
    for name in NAMES:
        scenario.create(name, scopes=scenario.own_scope(name))
    operator(quick_settings(scenario.entra, ca))
    for name in NAMES:
        scenario.wait_ready(name)
    first, after = audit_log.calls(mark), audit_log.mark()

    eventually(lambda: scenario.entra.token_requests >= 4 * len(NAMES), 30, "each is renewed three times")
    scenario.application.lifetime = HOUR  # the next renewal is the last: then there is nothing under way
    for name in NAMES:
        eventually(partial(settled, scenario, name), 15, f"{name} has a token for an hour")

    renewals = scenario.entra.token_requests - len(NAMES)
    assert tally(first, scenario.namespace) == {READ: 1, CREATION: len(NAMES), STATUS_WRITE: len(NAMES)}
    assert tally(audit_log.calls(after), scenario.namespace) == {SECRET_WRITE: renewals, STATUS_WRITE: renewals}
    assert scenario.entra.discovery_requests == 1
    assert {request.status for request in scenario.entra.requests} == {200}
