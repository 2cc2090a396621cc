"""`target.name` changes: the token moves, and nothing is left where it was."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from support.audit import AuditLog
from support.control_plane import ControlPlane
from support.entra.faults import Hang
from support.gate import Gate
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.tally import CREATION, DELETION, STATUS_WRITE, tally
from support.waiting import eventually
from tokensync.resource.names import ADOPTABLE_BY, ADOPTED, OWNER_UID_LABEL

SECRETS = "/api/v1/namespaces/[^/]+/secrets"
STATUS = "/apis/tokensync.dev/v1alpha1/namespaces/[^/]+/clientcredentialtokens/graph/status"


@pytest.fixture(autouse=True)
def long_lived(scenario: Scenario) -> None:
    """Tokens that are not due within a test, and a certificate."""
    scenario.entra.lifetime = timedelta(hours=1)
    scenario.put_certificate()


def retarget(scenario: Scenario, name: str, resource: str = "graph") -> None:
    """Give the resource's target another name."""
    scenario.patch({"spec": {"target": {"name": name}}}, resource)


def targets(scenario: Scenario) -> list[str]:
    """The names of all Secrets that a resource of ours owns or has adopted."""
    secrets = [secret["metadata"] for secret in scenario.cluster.secrets.all(scenario.namespace)]
    return sorted(secret["name"] for secret in secrets if OWNER_UID_LABEL in secret.get("labels", {}))


def moved(scenario: Scenario, name: str) -> bool:
    """Whether that is the only target, and the status says so."""
    return targets(scenario) == [name] and scenario.status().get("target", {}).get("name") == name


def test_token_moves_to_the_new_name(
    operator: StartOperator, scenario: Scenario, ca: Path, audit_log: AuditLog
) -> None:
    """The new Secret has a token, the old one goes, the status tells of it: one call for each."""
    scenario.create()
    operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready()
    mark = audit_log.mark()

    retarget(scenario, "moved")
    eventually(lambda: moved(scenario, "moved"), 5, "the token has moved", explain=lambda: targets(scenario))
    resource = scenario.wait_ready()

    held = scenario.token("moved")
    assert held is not None
    assert held.value == scenario.entra.issued[-1].value
    assert resource["status"]["target"]["uid"] == held.uid
    assert tally(audit_log.calls(mark), scenario.namespace) == {CREATION: 1, DELETION: 1, STATUS_WRITE: 1}
    assert scenario.entra.token_requests == 2


def test_three_names_within_a_second_leave_one_secret(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """However fast the name changes, in the end there is one Secret, of the last name."""
    names = ["graph", "mail"]
    for name in names:
        scenario.create(name)
    operator(quick_settings(scenario.entra, ca))
    for name in names:
        scenario.wait_ready(name)

    for target in ("first", "second", "third"):
        for name in names:
            retarget(scenario, f"{name}-{target}", name)
    for name in names:
        scenario.wait_ready(name)
    scenario.wait_for_turn()

    assert targets(scenario) == ["graph-third", "mail-third"]
    for name in names:
        assert scenario.status(name)["target"]["name"] == f"{name}-third"


def test_retained_and_adopted_targets_stay(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """A Secret that must not go with the resource does not go with its name either."""
    consent = {"annotations": {ADOPTABLE_BY: "adopting"}}
    scenario.cluster.create_secret(scenario.namespace, "adopting-token", {"token": b"theirs"}, metadata=consent)
    scenario.create("adopting", target={"adopt": True})
    scenario.create("retaining", target={"deletionPolicy": "Retain"})
    names = ("adopting", "retaining")
    operator(quick_settings(scenario.entra, ca))
    for name in names:
        scenario.wait_ready(name)
    before = {name: scenario.token(f"{name}-token") for name in names}

    for name in names:
        retarget(scenario, f"{name}-moved", name)
    for name in names:
        scenario.wait_ready(name)
        assert scenario.status(name)["target"]["name"] == f"{name}-moved"
    scenario.wait_for_turn()

    assert {name: scenario.token(f"{name}-token") for name in names} == before
    adopted = scenario.cluster.secrets.get(scenario.namespace, "adopting-token")
    assert ADOPTED in adopted["metadata"]["annotations"]


def test_last_good_token_stays_when_the_new_name_is_taken(
    operator: StartOperator, scenario: Scenario, ca: Path
) -> None:
    """The old Secret goes only once the new one is written; back at the old name, its token is still the one."""
    foreign = scenario.cluster.create_secret(scenario.namespace, "taken", {"token": b"theirs"})
    scenario.create()
    operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready()
    before = scenario.token()

    retarget(scenario, "taken")
    scenario.wait_condition("Ready", "TargetNotOwned")
    scenario.wait_for_turn()
    assert scenario.token() == before
    assert scenario.cluster.secrets.get(scenario.namespace, "taken") == foreign
    retarget(scenario, "graph-token")
    scenario.wait_ready()

    assert scenario.token() == before
    assert len(scenario.issued_to(scenario.application)) == 1


@pytest.fixture
def gate(control_plane: ControlPlane, operator_identity: Path, tmp_path: Path) -> Iterator[Gate]:
    """Between the operator and the API server."""
    with Gate(control_plane, operator_identity, tmp_path) as gate:
        yield gate


class Step(NamedTuple):
    """A call that a retarget makes, and whether the new Secret is written before it."""

    method: str
    path: str
    written: bool


STEPS = {
    "create": Step("POST", SECRETS, written=False),
    "delete": Step("DELETE", f"{SECRETS}/graph-token", written=True),
    "status": Step("PATCH", STATUS, written=True),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_operator_killed_within_a_retarget(
    operator: StartOperator, scenario: Scenario, ca: Path, gate: Gate, step: Step
) -> None:
    """Started again, it completes what was left, and asks for another token only if the one it had is lost."""
    scenario.create()
    process = operator(quick_settings(scenario.entra, ca), kubeconfig=gate.kubeconfig)
    scenario.wait_ready()
    with gate.holding(step.method, step.path) as held:
        retarget(scenario, "moved")
        held.wait()
        process.kill()
    left = scenario.token("moved")
    assert (left is not None) is step.written

    process.start()
    eventually(lambda: moved(scenario, "moved"), 10, "the token has moved", explain=lambda: targets(scenario))
    scenario.wait_ready()
    scenario.wait_for_turn()

    assert targets(scenario) == ["moved"]
    assert not step.written or scenario.token("moved") == left
    assert len(scenario.issued_to(scenario.application)) == (2 if step.written else 3)


def test_operator_killed_while_it_asks_for_the_token_of_a_retarget(
    operator: StartOperator, scenario: Scenario, ca: Path
) -> None:
    """Nothing was written yet: the old Secret is there until the new one is."""
    scenario.create()
    process = operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready()
    with scenario.entra.failing(Hang()):
        retarget(scenario, "moved")
        eventually(lambda: scenario.entra.token_requests == 2, 5, "a token is asked for")
        assert targets(scenario) == ["graph-token"]
        process.kill()

    process.start()
    eventually(lambda: moved(scenario, "moved"), 10, "the token has moved", explain=lambda: targets(scenario))

    scenario.wait_ready()
    assert scenario.entra.token_requests == 3
