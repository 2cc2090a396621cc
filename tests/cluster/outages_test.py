"""The API server goes away, or the operator does, at bad moments: afterwards all is right, and nothing is done twice."""

import json
from datetime import timedelta
from pathlib import Path

from support.audit import AuditLog
from support.cluster import NewNamespace
from support.control_plane import ControlPlane
from support.identities import create_identity, operator_rules, without
from support.objects import Json
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.tally import STATUS_WRITE, tally
from support.waiting import eventually
from tokensync.clock import rfc3339
from tokensync.errors import Reason
from tokensync.resource.names import PLURAL, RENEW_REQUESTED_AT

HOUR = timedelta(hours=1)
OUTAGE = timedelta(seconds=30)


def test_outage_of_the_api_server_is_survived(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, new_namespace: NewNamespace, ca: Path
) -> None:
    """A renewal that comes to be due meanwhile is bought once and written later; who starts meanwhile waits for it."""
    scenario.put_certificate()
    due = {f"due-{number}": scenario.register(timedelta(seconds=75)) for number in range(3)}
    for name, application in due.items():
        scenario.create(name, clientId=application.client_id, renewal={"lifetimePercentage": 34})
    elsewhere = Scenario(scenario.cluster, scenario.entra, new_namespace(), scenario.certificate)
    elsewhere.put_certificate()
    elsewhere.create("waiting", clientId=scenario.register(HOUR).client_id)
    settings = quick_settings(scenario.entra, ca, namespaces=scenario.namespace)
    operator(settings)
    for name in due:
        scenario.wait_ready(name)
    before = {name: scenario.token(f"{name}-token") for name in due}

    with control_plane.apiserver_down():
        began = scenario.entra.now()
        starting = operator(settings | {"namespaces": elsewhere.namespace})
        starting.wait_for_log("cannot list")
        eventually(lambda: scenario.entra.now() - began > OUTAGE, 40, "the outage has lasted")
        assert {len(scenario.issued_to(application)) for application in due.values()} == {2}

    elsewhere.wait_ready("waiting")
    for name, application in due.items():
        held = scenario.wait_renewed(before[name], f"{name}-token")
        assert [held.value] == [token.value for token in scenario.issued_to(application)][1:]
        assert scenario.condition("Ready", name)["status"] == "True"
    assert len(elsewhere.entra.issued) == 2 * len(due) + 1


def test_what_an_expired_watch_missed_is_found(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """Creations, changes and deletions that happened before the watch can go on, which the API server answers with 410.

    What was deleted is never reported: a resource that waits for a target of another one takes over only if the
    operator finds out by itself that the other is gone, with the Secret that it left.
    """
    scenario.entra.lifetime = HOUR
    scenario.put_certificate()
    gone, heir = scenario.register(), scenario.register()
    shared = {"target": {"name": "shared-token", "adopt": True}}
    scenario.create("gone", clientId=gone.client_id, **shared)
    scenario.create("edited")
    scenario.create("untouched")
    process = operator(quick_settings(scenario.entra, ca))
    for name in "gone", "edited", "untouched":
        scenario.wait_ready(name)
    scenario.create("heir", clientId=heir.client_id, **shared)
    scenario.wait_condition("Ready", Reason.TARGET_CLAIMED, "heir")
    before = {name: scenario.token(f"{name}-token") for name in ("edited", "untouched")}

    process.pause()
    control_plane.expire_watches()
    scenario.cluster.resources.delete(scenario.namespace, "gone")
    eventually(lambda: scenario.token("shared-token") is None, 10, "the target is collected")
    scenario.cluster.secrets.patch(scenario.namespace, "edited-token", {"data": {"token": "ZWRpdGVk"}})
    scenario.create("new")
    process.resume()

    scenario.wait_ready("new")
    scenario.wait_ready("heir")
    scenario.wait_renewed(before["edited"], "edited-token")
    scenario.wait_for_turn()
    assert scenario.token("untouched-token") == before["untouched"]
    assert len(scenario.issued_to(gone)) == len(scenario.issued_to(heir)) == 1


def test_killed_between_the_write_of_the_secret_and_of_the_status(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path, audit_log: AuditLog
) -> None:
    """It is found out when it starts again: what is missing in the status is written, and no token asked for."""
    scenario.entra.lifetime = HOUR
    scenario.put_certificate()
    scenario.create("renewed")
    settings = quick_settings(scenario.entra, ca)
    process = operator(settings)
    scenario.wait_ready("renewed")
    before = scenario.token("renewed-token")
    process.stop()
    speechless = create_identity(control_plane, without(operator_rules(), "patch", f"{PLURAL}/status"))
    other = operator(settings, kubeconfig=speechless)
    scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: "now"}}}, "renewed")
    scenario.create("new", scopes=scenario.own_scope("new"))
    eventually(lambda: other.log_text.count("status not written") > 1, 15, "both Secrets are written")
    other.kill()
    held = {name: scenario.token(f"{name}-token") for name in ("renewed", "new")}
    mark = audit_log.mark()
    process.start()

    scenario.wait_ready("new")
    eventually(lambda: scenario.status("renewed").get("lastHandledRenewRequest") == "now", 15, "the request is echoed")
    scenario.wait_for_turn()
    assert held["renewed"] != before
    for name, token in held.items():
        assert scenario.token(f"{name}-token") == token
        assert token
        assert scenario.status(name)["token"]["issuedAt"] == rfc3339(token.issued_at)
    done = tally(audit_log.calls(mark), scenario.namespace, [*held, *(f"{name}-token" for name in held)])
    assert done == {STATUS_WRITE: 2}
    assert len(scenario.issued_to(scenario.application)) == 3


def lasting(status: Json) -> Json:
    """A status without the times at which conditions turned and attempts were made: they are nowhere else."""
    conditions = [{**each, "lastTransitionTime": None} for each in status["conditions"]]
    return {**status, "conditions": conditions, "lastAttempt": None, "lastRenewalTime": None}


def test_wiped_status_is_written_again(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """From what the Secret says, whether it was wiped under a running operator or while there was none."""
    scenario.entra.lifetime = HOUR
    scenario.put_certificate()
    scenario.create()
    process = operator(quick_settings(scenario.entra, ca))
    before = scenario.wait_ready()["status"]
    held = scenario.token()

    for running in True, False:
        if not running:
            process.stop()
        wiped = scenario.resource() | {"status": {}}
        control_plane.kubectl("replace", "--subresource=status", "-f", "-", stdin=json.dumps(wiped))
        if not running:
            process.start()
        eventually(lambda: "target" in scenario.status(), 15, "there is a status again", explain=scenario.status)
        assert lasting(scenario.status()) == lasting(before)
    scenario.wait_for_turn()
    assert scenario.token() == held
    assert len(scenario.issued_to(scenario.application)) == 1
