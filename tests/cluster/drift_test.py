"""Others write the target too: what does no harm renews nothing, and a war over it ends in calm."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from support.audit import AuditLog
from support.cluster import encoded
from support.control_plane import ControlPlane
from support.entra import Application
from support.objects import Json
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.tally import SECRET_WRITE, tally
from support.waiting import eventually
from tokensync.clock import parse_rfc3339
from tokensync.resource.names import ADOPTABLE_BY, MANAGED_BY, MANAGED_BY_LABEL, OWNER_UID_LABEL

LIFETIME = timedelta(seconds=10)
HOUR = timedelta(hours=1)


@pytest.fixture
def foreign(control_plane: ControlPlane, scenario: Scenario) -> "Foreign":
    """Somebody else with kubectl."""
    return Foreign(control_plane, scenario)


class Foreign:
    """What others do to a target, each time with kubectl or in a way that it has."""

    def __init__(self, control_plane: ControlPlane, scenario: Scenario) -> None:
        self._control_plane = control_plane
        self._kubectl = control_plane.kubectl
        self._scenario = scenario
        self._namespace = f"--namespace={scenario.namespace}"

    def apply_equal_values(self, secret: str) -> None:
        """Apply, by force, everything as it is: another manager owns all of it too."""
        found = self._scenario.cluster.secrets.get(self._scenario.namespace, secret)
        kept = {name: found["metadata"][name] for name in ("name", "labels", "annotations")}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": kept, "data": found["data"]}
        self._kubectl("apply", "--server-side", "--force-conflicts", self._namespace, "-f", "-", stdin=json.dumps(body))

    def replace_labels(self, secret: str) -> None:
        """Take our labels away and put them back: from then on they are not ours by the record."""
        found = self._scenario.cluster.secrets.get(self._scenario.namespace, secret)
        owner = found["metadata"]["labels"][OWNER_UID_LABEL]
        ours = (MANAGED_BY_LABEL, OWNER_UID_LABEL)
        self._kubectl("label", self._namespace, "secret", secret, *(f"{label}-" for label in ours))
        back = (f"{MANAGED_BY_LABEL}={MANAGED_BY}", f"{OWNER_UID_LABEL}={owner}")
        self._kubectl("label", self._namespace, "secret", secret, "--overwrite", *back)

    def remove_label(self, secret: str) -> None:
        """Take the label away by which a resource knows its target."""
        self._kubectl("label", self._namespace, "secret", secret, f"{OWNER_UID_LABEL}-")

    def remove_owner(self, secret: str) -> None:
        """Take the owner reference away."""
        disowned = {"metadata": {"ownerReferences": None}}
        self._scenario.cluster.secrets.patch(self._scenario.namespace, secret, disowned)

    def strip_managed_fields(self, secret: str) -> None:
        """Clear the record of who wrote what."""
        patch = [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]
        self._scenario.cluster.secrets.patch(self._scenario.namespace, secret, patch)

    def add_label(self, secret: str) -> None:
        """Add a label that is none of ours."""
        self._kubectl("label", self._namespace, "secret", secret, "team=reports")

    def replace_all(self) -> None:
        """Replace all Secrets by themselves, as people do after they switched encryption at rest on."""
        found = self._kubectl("get", "secret", self._namespace, "-o", "json")
        self._kubectl("replace", self._namespace, "-f", "-", stdin=found)
        self._control_plane.rewrite_secrets(self._scenario.namespace)


def versions(scenario: Scenario, names: list[str]) -> dict[str, str]:
    """The resourceVersions of targets."""
    return {name: held.resource_version for name in names if (held := scenario.token(f"{name}-token"))}


def too_early(scenario: Scenario, application: Application) -> int:
    """How many tokens were asked for before a third of their predecessor's life was over."""
    issued = [token.issued_at for token in scenario.issued_to(application)]
    return sum(later - earlier < LIFETIME / 3 for earlier, later in pairwise(issued))


def wait_for_another_second(secret: Json) -> None:
    """The record of who wrote what knows whole seconds: within one it does not tell who was first."""
    second = parse_rfc3339(secret["metadata"]["creationTimestamp"])
    eventually(lambda: datetime.now(UTC) > second + timedelta(seconds=1), 2, "the second is over")


def test_harmless_writes_of_others_cause_no_renewal_loop(
    operator: StartOperator, scenario: Scenario, ca: Path, foreign: Foreign
) -> None:
    """Whatever is left in the record of who wrote what, the next tokens come when they are due and no sooner."""
    scenario.put_certificate()
    deeds: dict[str, Callable[[str], None]] = {
        "applied": foreign.apply_equal_values,
        "relabelled": foreign.replace_labels,
        "unlabelled": foreign.remove_label,
        "stripped": foreign.strip_managed_fields,
        "adopted": foreign.add_label,
    }
    consent = {"annotations": {ADOPTABLE_BY: "adopted"}}
    held = {"token": b"theirs", "expires-at": b"theirs", "token-type": b"Bearer"}
    theirs = scenario.cluster.create_secret(scenario.namespace, "adopted-token", held, metadata=consent)
    wait_for_another_second(theirs)
    applications = {name: scenario.register(LIFETIME) for name in deeds}
    for name, application in applications.items():
        scenario.create(name, clientId=application.client_id, target={"adopt": name == "adopted"})
    operator(quick_settings(scenario.entra, ca))
    for name in deeds:
        scenario.wait_ready(name)

    for name, deed in deeds.items():
        deed(f"{name}-token")

    def renewed_thrice() -> bool:
        return all(len(scenario.issued_to(application)) >= 4 for application in applications.values())

    eventually(renewed_thrice, 30, "each is renewed three times")
    early = {name: too_early(scenario, application) for name, application in applications.items()}
    assert early == dict.fromkeys(deeds, 0)
    for name in deeds:
        labels = scenario.cluster.secrets.get(scenario.namespace, f"{name}-token")["metadata"]["labels"]
        assert labels[OWNER_UID_LABEL] == scenario.resource(name)["metadata"]["uid"]


def test_mark_that_was_removed_is_put_back_without_a_token(
    operator: StartOperator, scenario: Scenario, ca: Path, foreign: Foreign, audit_log: AuditLog
) -> None:
    """The label and the owner reference by which a target is ours are there again within two seconds, by one write."""
    scenario.put_certificate()
    scenario.entra.lifetime = HOUR
    names = ("unlabelled", "disowned")
    for name in names:
        scenario.create(name, scopes=scenario.own_scope(name))
    operator(quick_settings(scenario.entra, ca))
    for name in names:
        scenario.wait_ready(name)
    mark = audit_log.mark()

    def owned(name: str) -> bool:
        uid = scenario.resource(name)["metadata"]["uid"]
        metadata = scenario.cluster.secrets.get(scenario.namespace, f"{name}-token")["metadata"]
        owners = [owner["uid"] for owner in metadata.get("ownerReferences", [])]
        return bool(metadata["labels"].get(OWNER_UID_LABEL) == uid and owners == [uid])

    foreign.remove_label("unlabelled-token")
    eventually(lambda: owned("unlabelled"), 2, "the label is back")
    foreign.remove_owner("disowned-token")
    eventually(lambda: owned("disowned"), 2, "the owner reference is back")
    scenario.wait_for_turn()

    targets = [f"{name}-token" for name in names]
    assert tally(audit_log.calls(mark), scenario.namespace, targets) == {SECRET_WRITE: len(names)}
    assert len(scenario.issued_to(scenario.application)) == len(names)


def test_targets_replaced_unchanged_are_not_renewed(
    operator: StartOperator, scenario: Scenario, ca: Path, foreign: Foreign, audit_log: AuditLog
) -> None:
    """All Secrets are replaced by themselves, under a running operator and before a restart: it does nothing at all.

    The second time somebody has also labelled half of them.
    """
    scenario.put_certificate(name="shared")
    scenario.put_certificate()
    scenario.entra.lifetime = HOUR
    names = [f"token-{number}" for number in range(10)]
    shared = {"certificate": {"secretRef": {"name": "shared"}}}
    for name in names:
        scenario.create(name, scopes=scenario.own_scope(name), credential=shared)
    process = operator(quick_settings(scenario.entra, ca))
    for name in names:
        scenario.wait_ready(name)
    first, mark = versions(scenario, names), audit_log.mark()

    foreign.replace_all()
    scenario.wait_for_turn()
    second = versions(scenario, names)
    for name in names[::2]:
        foreign.add_label(f"{name}-token")
    process.stop()
    foreign.replace_all()
    process.start()
    scenario.wait_for_turn()

    third = versions(scenario, names)
    assert all(first[name] != second[name] != third[name] for name in names), "nothing was replaced"
    ours = [*names, *(f"{name}-token" for name in names)]
    assert tally(audit_log.calls(mark), scenario.namespace, ours) == {}
    assert len(scenario.issued_to(scenario.application)) == len(names)


def test_contested_target_is_left_in_peace(
    operator: StartOperator, scenario: Scenario, ca: Path, audit_log: AuditLog
) -> None:
    """Somebody edits the target whenever it is restored: three repairs, then calm and a call for a person.

    The way out that the message names, another target name, works at once.
    """
    scenario.put_certificate()
    scenario.entra.lifetime = HOUR
    scenario.create()
    operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready()
    mark = audit_log.mark()

    def edit() -> None:
        scenario.cluster.secrets.patch(scenario.namespace, "graph-token", {"data": encoded({"token": b"theirs"})})

    def contested() -> bool:
        if scenario.cluster.secret_data(scenario.namespace, "graph-token")["token"] != b"theirs":
            edit()
        return scenario.condition("RenewalSucceeded").get("reason") == "TargetContested"

    eventually(contested, 20, "it says that the target is contested", explain=scenario.status)
    repairs = tally(audit_log.calls(mark), scenario.namespace, ["graph-token"])
    for _ in range(20):
        scenario.cluster.secrets.patch(scenario.namespace, "graph-token", {"data": {"token": None}})
        edit()
    scenario.wait_for_turn()

    assert scenario.condition("Stalled")["status"] == "True"
    assert scenario.condition("Stalled")["reason"] == "TargetContested"
    assert "--show-managed-fields" in scenario.condition("RenewalSucceeded")["message"]
    assert repairs == {SECRET_WRITE: 3}
    assert tally(audit_log.calls(mark), scenario.namespace, ["graph-token"]) == repairs
    assert len(scenario.issued_to(scenario.application)) == 1 + 3

    scenario.patch({"spec": {"target": {"name": "other"}}})
    scenario.wait_ready(timeout=2)
    assert scenario.condition("Stalled") == {}
