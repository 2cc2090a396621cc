"""Whose a Secret is: what the operator takes, what it leaves alone, and what goes with a resource."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from support.audit import AuditLog
from support.objects import Json
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.tally import SECRET_WRITE, STATUS_WRITE, tally
from support.waiting import eventually
from tokensync.resource.names import ADOPTABLE_BY, ADOPTED

SOON = 5.0
"""Seconds within which a target is taken over."""
FOREIGN_DATA = {"token": b"theirs", "note": b"keep me"}


@pytest.fixture(autouse=True)
def running(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """An operator that is at work, tokens that are not due within a test, and a certificate."""
    scenario.entra.lifetime = timedelta(hours=1)
    scenario.put_certificate()
    operator(quick_settings(scenario.entra, ca))


def secret(scenario: Scenario, name: str) -> Json:
    """A Secret, whole."""
    return scenario.cluster.secrets.get(scenario.namespace, name)


def foreign_secret(scenario: Scenario, name: str, consent_to: str = "") -> Json:
    """Create a Secret that is somebody else's, with their consent to its adoption by a resource, if told."""
    metadata = {"annotations": {ADOPTABLE_BY: consent_to}} if consent_to else {}
    return scenario.cluster.create_secret(scenario.namespace, name, FOREIGN_DATA, metadata=metadata)


def owners(scenario: Scenario, name: str) -> list[Json]:
    """The owner references of a Secret."""
    references: list[Json] = secret(scenario, name)["metadata"].get("ownerReferences", [])
    return references


def delete(scenario: Scenario, name: str) -> None:
    """Delete a resource."""
    scenario.cluster.resources.delete(scenario.namespace, name)


@pytest.mark.parametrize("leaves", ["deleted", "retargeted"])
def test_target_stays_with_its_creator_until_that_leaves(scenario: Scenario, leaves: str) -> None:
    """Of two resources with one target the creator keeps it and the other waits, says so, and takes over."""
    scenario.create("first", target={"name": "shared"})
    scenario.wait_ready("first")
    second = scenario.register()
    scenario.create("second", target={"name": "shared"}, clientId=second.client_id)
    claimed = scenario.wait_condition("Ready", "TargetClaimed", "second")
    before = scenario.token("shared")
    assert scenario.issued_to(second) == []
    assert "delete the other resource" in claimed["message"]

    if leaves == "deleted":
        delete(scenario, "first")
    else:
        scenario.patch({"spec": {"target": {"name": "elsewhere"}}}, "first")
    scenario.wait_ready("second", timeout=SOON)

    after = scenario.token("shared")
    assert after is not None
    assert before is not None
    assert after.uid != before.uid
    assert after.value == scenario.issued_to(second)[0].value
    assert [owner["name"] for owner in owners(scenario, "shared")] == ["second"]


def test_many_claims_made_at_once_are_served_one_after_the_other(scenario: Scenario) -> None:
    """Whoever is first has the target, all others say so; each time the owner goes, one of them takes over."""
    waiting = ["one", "two", "three"]
    with ThreadPoolExecutor(len(waiting)) as threads:
        list(threads.map(lambda name: scenario.create(name, target={"name": "shared"}), waiting))

    def settled() -> str | None:
        reasons = {name: scenario.condition("Ready", name).get("reason") for name in waiting}
        well = [name for name, reason in reasons.items() if reason == "TokenValid"]
        claimed = [name for name, reason in reasons.items() if reason == "TargetClaimed"]
        return well[0] if (len(well), len(claimed)) == (1, len(waiting) - 1) else None

    while waiting:
        owner = eventually(settled, SOON, f"one of {waiting} has the target", explain=lambda: waiting)
        assert [reference["name"] for reference in owners(scenario, "shared")] == [owner]
        waiting.remove(owner)
        delete(scenario, owner)
    eventually(lambda: scenario.token("shared") is None, SOON, "the target goes with the last of them")


def test_foreign_secret_is_taken_only_with_consent(scenario: Scenario) -> None:
    """Without `adopt`, or without its owner's annotation for this very resource, a Secret stays as it is."""
    cases: dict[str, tuple[Json, str]] = {
        "silent": ({"adopt": True}, ""),
        "others": ({"adopt": True}, "somebody-else"),
        "unasked": ({}, "unasked"),
    }
    before = {name: foreign_secret(scenario, f"{name}-token", consent) for name, (_, consent) in cases.items()}
    for name, (target, _) in cases.items():
        scenario.create(name, target=target)

    for name in cases:
        refused = scenario.wait_condition("Ready", "TargetNotOwned", name)
        assert f"{ADOPTABLE_BY}={name}" in refused["message"]
        assert scenario.condition("Stalled", name)["status"] == "True"
        delete(scenario, name)
    scenario.wait_for_turn()

    assert {name: secret(scenario, f"{name}-token") for name in cases} == before
    assert scenario.issued_to(scenario.application) == []


def test_adopted_secret_is_written_but_never_deleted(scenario: Scenario) -> None:
    """With consent a Secret is taken over: it keeps what else it holds, gets no owner, and outlives the resource."""
    foreign_secret(scenario, "graph-token", consent_to="graph")
    scenario.create(target={"adopt": True})
    scenario.wait_ready()

    held = scenario.token()
    assert held is not None
    assert held.value == scenario.entra.issued[0].value
    assert scenario.cluster.secret_data(scenario.namespace, "graph-token")["note"] == b"keep me"
    assert ADOPTED in secret(scenario, "graph-token")["metadata"]["annotations"]
    assert owners(scenario, "graph-token") == []

    delete(scenario, "graph")
    scenario.wait_for_turn()
    assert scenario.token() == held


def test_consent_given_later_is_found(scenario: Scenario) -> None:
    """Who annotates the Secret need not touch the resource."""
    foreign = foreign_secret(scenario, "graph-token")
    scenario.create(target={"adopt": True})
    scenario.wait_condition("Ready", "TargetNotOwned")

    consent = {"metadata": {"annotations": {ADOPTABLE_BY: "graph"}}}
    scenario.cluster.secrets.patch(scenario.namespace, "graph-token", consent)

    scenario.wait_ready(timeout=SOON)
    assert secret(scenario, "graph-token")["metadata"]["uid"] == foreign["metadata"]["uid"]


def test_retained_secret_waits_for_the_resource_to_come_back(scenario: Scenario) -> None:
    """It survives its resource, and one of the same name has it again if it asks to adopt it, and only then."""
    scenario.create(target={"deletionPolicy": "Retain"})
    scenario.wait_ready()
    before = scenario.token()
    assert before is not None
    assert owners(scenario, "graph-token") == []

    delete(scenario, "graph")
    scenario.wait_for_turn()
    assert scenario.token() == before

    scenario.create(target={"deletionPolicy": "Retain"})
    scenario.wait_condition("Ready", "TargetNotOwned")
    scenario.patch({"spec": {"target": {"adopt": True}}})
    scenario.wait_ready(timeout=SOON)
    after = scenario.token()
    assert after is not None
    assert after.uid == before.uid
    assert after.value == scenario.entra.issued[-1].value


def test_deletion_policy_changes_both_ways_without_a_token(scenario: Scenario, audit_log: AuditLog) -> None:
    """The owner reference, and with it the fate of the Secret, follows the policy: by one write, and no request."""
    scenario.create()
    scenario.wait_ready()
    uid = scenario.resource()["metadata"]["uid"]
    before = scenario.token()
    assert [(owner["uid"], owner["controller"]) for owner in owners(scenario, "graph-token")] == [(uid, True)]
    assert "blockOwnerDeletion" not in owners(scenario, "graph-token")[0]
    mark = audit_log.mark()

    scenario.patch({"spec": {"target": {"deletionPolicy": "Retain"}}})
    scenario.wait_ready()
    assert owners(scenario, "graph-token") == []
    assert secret(scenario, "graph-token")["metadata"]["annotations"][ADOPTABLE_BY] == "graph"
    scenario.patch({"spec": {"target": {"deletionPolicy": "Delete"}}})
    scenario.wait_ready()
    assert [owner["uid"] for owner in owners(scenario, "graph-token")] == [uid]
    assert ADOPTABLE_BY not in secret(scenario, "graph-token")["metadata"]["annotations"]

    after = scenario.token()
    assert before is not None
    assert after is not None
    assert after.value == before.value
    assert len(scenario.entra.issued) == 1
    assert tally(audit_log.calls(mark), scenario.namespace) == {SECRET_WRITE: 2, STATUS_WRITE: 2}
    delete(scenario, "graph")
    eventually(lambda: scenario.token() is None, 10, "the Secret goes with its resource")


def test_recreated_resource_starts_anew(scenario: Scenario) -> None:
    """Deleted and created again at once, it waits for the end of the former Secret and gets one of its own."""
    scenario.create()
    scenario.wait_ready()
    before = scenario.token()
    assert before is not None

    delete(scenario, "graph")
    uid = scenario.create()["metadata"]["uid"]
    after = scenario.wait_renewed(before, timeout=SOON)
    scenario.wait_ready()

    assert after.uid != before.uid
    assert [owner["uid"] for owner in owners(scenario, "graph-token")] == [uid]
    scenario.wait_for_turn()
    assert scenario.token() == after


def test_target_of_another_resource_is_no_credential(scenario: Scenario) -> None:
    """A Secret that the operator writes is not read as a credential, whatever it holds."""
    scenario.create()
    scenario.wait_ready()

    scenario.create("chained", credential={"certificate": {"secretRef": {"name": "graph-token"}}})

    refused = scenario.wait_condition("CredentialValid", "CredentialSourceRefused", "chained")
    assert "into a Secret of its own" in refused["message"]


def test_nothing_ever_gets_a_finalizer(scenario: Scenario) -> None:
    """Neither a resource nor its Secret, whatever state it is in: uninstalling leaves nothing that hangs."""
    scenario.create("well")
    scenario.create("retained", target={"deletionPolicy": "Retain"})
    scenario.create("suspended", suspend=True)
    scenario.create("missing", credential={"certificate": {"secretRef": {"name": "missing"}}})
    scenario.create("refused", clientId=scenario.entra.register().client_id)
    for name in ("well", "retained"):
        scenario.wait_ready(name)
    scenario.wait_condition("Ready", "Suspended", "suspended")
    scenario.wait_condition("Ready", "CredentialNotFound", "missing")
    scenario.wait_condition("Ready", "CredentialRejected", "refused")

    secrets, resources = scenario.cluster.secrets, scenario.cluster.resources
    everything = [*resources.all(scenario.namespace), *secrets.all(scenario.namespace)]
    assert len(everything) == 5 + 3
    assert [found for found in everything if "finalizers" in found["metadata"]] == []
    resources.delete_all(scenario.namespace)
    assert resources.all(scenario.namespace) == []
    eventually(lambda: scenario.token("well-token") is None, 10, "the Secret goes with its resource")
