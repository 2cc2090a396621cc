"""What makes the operator act, beside the time: each has its effect soon, and what changes nothing has none."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from support.audit import AuditLog
from support.certificates import make_certificate
from support.cluster import decoded, encoded
from support.entra.faults import server_error
from support.objects import Json
from support.operator_process import StartOperator
from support.scenario import CERTIFICATE_SECRET, HeldToken, Scenario, quick_settings
from support.tally import READ, SECRET_WRITE, STATUS_WRITE, tally
from support.waiting import eventually
from tokensync.clock import parse_rfc3339
from tokensync.resource.names import EXPIRES_AT, RENEW_REQUESTED_AT

SOON = 2.0
"""Seconds within which the operator repairs, and does what it is asked to."""
CREDENTIAL_SOON = 5.0
"""Seconds within which a new credential is used."""
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def long_lived(scenario: Scenario) -> None:
    """Tokens that are not due within a test: whatever is renewed is renewed for another reason."""
    scenario.entra.lifetime = HOUR


@pytest.fixture
def running(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """An operator that is at work, and the certificate."""
    scenario.put_certificate()
    operator(quick_settings(scenario.entra, ca))


def ready(scenario: Scenario, name: str = "graph") -> HeldToken:
    """Wait until a resource is ready, and return what its target holds."""
    scenario.wait_ready(name)
    held = scenario.token(f"{name}-token")
    assert held is not None
    return held


def request_renewal(scenario: Scenario, value: str, name: str = "graph") -> None:
    """Ask for a renewal, as `kubectl annotate` does."""
    scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: value}}}, name)


# The credential


@pytest.mark.usefixtures("running")
def test_replaced_certificate_signs_a_new_token(scenario: Scenario) -> None:
    """Within seconds the target holds a token that was got with the new key, and the status shows its thumbprint."""
    scenario.create()
    before = ready(scenario)
    new = make_certificate(fresh=True)
    scenario.application.add_certificate(new.certificate_pem)
    scenario.application.remove_certificate(scenario.certificate.thumbprint_sha256)

    scenario.put_certificate(new)
    after = scenario.wait_renewed(before, timeout=CREDENTIAL_SOON)

    assert after.value == scenario.entra.issued[-1].value
    assert [token.thumbprint for token in scenario.entra.issued] == [
        scenario.certificate.thumbprint_sha256,
        new.thumbprint_sha256,
    ]
    eventually(lambda: scenario.status()["credential"]["thumbprintSha256"] == new.thumbprint_sha256, SOON, "it is told")


@pytest.mark.usefixtures("running")
def test_touched_certificate_changes_nothing(scenario: Scenario, audit_log: AuditLog) -> None:
    """The same pair in another version of its Secret is read once for all of its users. Nothing else comes of it."""
    for name in ("one", "two"):
        scenario.create(name, scopes=scenario.own_scope(name))
    for name in ("one", "two"):
        ready(scenario, name)
    mark = audit_log.mark()

    for patch in ({"metadata": {"annotations": {"example.com/checked": "yes"}}}, {"data": encoded({"other": b"key"})}):
        scenario.cluster.secrets.patch(scenario.namespace, CERTIFICATE_SECRET, patch)
        scenario.wait_for_turn()

    assert len(scenario.issued_to(scenario.application)) == 2
    touched = [CERTIFICATE_SECRET, "one", "one-token", "two", "two-token"]
    assert tally(audit_log.calls(mark), scenario.namespace, touched) == {READ: 2}


def test_certificate_may_come_later(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """One that was missing, and one that was broken, is used within seconds of being there."""
    scenario.put_certificate(name="broken", data={"tls.crt": b"not PEM", "tls.key": b"not PEM"})
    for name in ("missing", "broken"):
        scenario.create(name, credential={"certificate": {"secretRef": {"name": name}}})
    operator(quick_settings(scenario.entra, ca))
    scenario.wait_condition("CredentialValid", "CredentialNotFound", "missing")
    scenario.wait_condition("CredentialValid", "CredentialMalformed", "broken")

    for name in ("missing", "broken"):
        scenario.put_certificate(name=name)

    for name in ("missing", "broken"):
        scenario.wait_ready(name, timeout=CREDENTIAL_SOON)
        assert scenario.condition("CredentialValid", name)["reason"] == "CredentialUsable"
        assert scenario.condition("Stalled", name) == {}


# The target

EDITS: dict[str, Json] = {
    "value": {"data": encoded({"token": b"edited"})},
    "expiry": {"data": encoded({"expires-at": b"2100-01-01T00:00:00Z"})},
    "removed": {"data": {"token": None}},
    "emptied": {"data": None},
    "annotation": {"metadata": {"annotations": {EXPIRES_AT: "2100-01-01T00:00:00.000Z"}}},
    "unmarked": {"metadata": {"annotations": None}},
}


def in_order(scenario: Scenario, name: str, lost: HeldToken) -> bool:
    """Whether the target holds another token than before, and Secret and status agree on its end."""
    secret = scenario.cluster.secrets.get(scenario.namespace, f"{name}-token")
    data = decoded(secret.get("data") or {})
    told = scenario.status(name)["token"]["expiresAt"]
    marked = secret["metadata"].get("annotations", {}).get(EXPIRES_AT)
    issued = {token.value for token in scenario.entra.issued} - {lost.value}
    return data.get("token", b"").decode() in issued and data.get("expires-at", b"").decode() == told == marked


@pytest.mark.usefixtures("running")
def test_edited_target_is_restored(scenario: Scenario) -> None:
    """Whatever of ours somebody changes or removes is back within two seconds, with one new token."""
    for name in EDITS:
        scenario.create(name, scopes=scenario.own_scope(name))
    before = {name: ready(scenario, name) for name in EDITS}

    for name, edit in EDITS.items():
        scenario.cluster.secrets.patch(scenario.namespace, f"{name}-token", edit)
        eventually(partial(in_order, scenario, name, before[name]), SOON, f"{name}: the target is restored")

    scenario.wait_for_turn()
    assert len(scenario.issued_to(scenario.application)) == 2 * len(EDITS)


@pytest.mark.usefixtures("running")
def test_deleted_target_is_restored(scenario: Scenario) -> None:
    """A target that somebody deletes is there again within two seconds, and the resource was never wrong about it."""
    scenario.create()
    before = ready(scenario)

    scenario.cluster.secrets.delete(scenario.namespace, "graph-token")
    after = scenario.wait_renewed(before, timeout=SOON)

    assert after.uid != before.uid
    eventually(lambda: scenario.status()["target"]["uid"] == after.uid, SOON, "the status tells of the new Secret")
    assert len(scenario.entra.issued) == 2


@pytest.mark.usefixtures("running")
def test_key_beside_ours_is_left_alone(scenario: Scenario) -> None:
    """What somebody adds to the target is no edit of ours: it stays, also when the token is renewed."""
    scenario.create()
    before = ready(scenario)
    added = {"data": encoded({"note": b"theirs"}), "metadata": {"labels": {"team": "reports"}}}

    scenario.cluster.secrets.patch(scenario.namespace, "graph-token", added)
    scenario.wait_for_turn()
    unchanged = scenario.token()
    assert unchanged is not None
    assert unchanged.value == before.value
    request_renewal(scenario, "now")
    scenario.wait_renewed(before)

    secret = scenario.cluster.secrets.get(scenario.namespace, "graph-token")
    assert decoded(secret["data"])["note"] == b"theirs"
    assert secret["metadata"]["labels"]["team"] == "reports"


# The user


@pytest.mark.usefixtures("running")
def test_renewal_on_request(scenario: Scenario, audit_log: AuditLog) -> None:
    """A new value of the annotation renews once, within two seconds, and is echoed."""
    scenario.create()
    before = ready(scenario)
    mark = audit_log.mark()

    request_renewal(scenario, "2026-01-01T00:00:00Z")
    after = scenario.wait_renewed(before, timeout=SOON)

    eventually(
        lambda: scenario.status()["lastHandledRenewRequest"] == "2026-01-01T00:00:00Z", SOON, "the request is echoed"
    )
    scenario.wait_for_turn()
    assert scenario.token() == after
    cost = tally(audit_log.calls(mark), scenario.namespace, ["graph", "graph-token"])
    assert cost == {SECRET_WRITE: 1, STATUS_WRITE: 1}


def far_off(scenario: Scenario, name: str) -> datetime | None:
    """The next attempt's time, once it is not soon."""
    told = scenario.status(name).get("nextAttemptTime")
    attempt = parse_rfc3339(told) if told else datetime.now(UTC)
    return attempt if attempt - datetime.now(UTC) > 2 * timedelta(seconds=SOON) else None


@pytest.mark.usefixtures("running")
def test_renewal_on_request_goes_past_our_back_off(scenario: Scenario) -> None:
    """Whether the provider was down or refused: asked to, the operator tries at once, not only when it meant to."""
    stranger = scenario.entra.register()
    scenario.create("refused", clientId=stranger.client_id)
    scenario.wait_condition("RenewalSucceeded", "CredentialRejected", "refused")
    with scenario.entra.failing(server_error()):
        scenario.create("down")
        planned = {
            name: eventually(partial(far_off, scenario, name), 60, f"{name}: the next attempt is far off")
            for name in ("refused", "down")
        }
    stranger.add_certificate(scenario.certificate.certificate_pem)

    for name in planned:
        request_renewal(scenario, "now", name)
    for name in planned:
        scenario.wait_ready(name, timeout=SOON)

    for name, attempt in planned.items():
        assert datetime.now(UTC) < attempt, "it would have been tried by now anyway"
        assert scenario.status(name)["lastHandledRenewRequest"] == "now"
        assert scenario.status(name)["consecutiveFailures"] == 0


@pytest.mark.usefixtures("running")
def test_changed_scope_gets_another_token(scenario: Scenario) -> None:
    """What the target holds afterwards was issued for the new scope."""
    scenario.entra.add_resource("https://other.example")
    scenario.create()
    before = ready(scenario)

    scenario.patch({"spec": {"scopes": ["https://other.example/.default"]}})
    after = scenario.wait_renewed(before, timeout=SOON)

    issued = {token.value: token.resource for token in scenario.entra.issued}
    assert issued[after.value] == "https://other.example"
    scenario.wait_ready()


@pytest.mark.usefixtures("running")
def test_changed_shape_replaces_the_keys(scenario: Scenario) -> None:
    """The keys of `target.data` that go are taken away, and the new ones hold one and the same new token."""
    scenario.create(target={"data": {"token": "AccessToken", "old": "Scope"}})
    before = ready(scenario)

    scenario.patch({"spec": {"target": {"data": {"old": None, "header": "AuthorizationHeader"}}}})
    after = scenario.wait_renewed(before, timeout=SOON)

    data = scenario.cluster.secret_data(scenario.namespace, "graph-token")
    assert data == {"token": after.value.encode(), "header": f"Bearer {after.value}".encode()}


@pytest.mark.usefixtures("running")
def test_changed_metadata_costs_no_token(scenario: Scenario, audit_log: AuditLog) -> None:
    """Labels and annotations of the target come and go with the spec, by one write each time."""
    scenario.create(target={"labels": {"team": "reports", "tier": "one"}, "annotations": {"example.com/note": "first"}})
    before = ready(scenario)
    mark = audit_log.mark()

    scenario.patch({"spec": {"target": {"labels": {"team": "billing", "tier": None}, "annotations": None}}})
    scenario.wait_ready()

    metadata = scenario.cluster.secrets.get(scenario.namespace, "graph-token")["metadata"]
    assert metadata["labels"]["team"] == "billing"
    assert "tier" not in metadata["labels"]
    assert "example.com/note" not in metadata["annotations"]
    after = scenario.token()
    assert after is not None
    assert after.value == before.value
    cost = tally(audit_log.calls(mark), scenario.namespace, ["graph", "graph-token"])
    assert cost == {SECRET_WRITE: 1, STATUS_WRITE: 1}


@pytest.mark.usefixtures("running")
def test_suspended_resource_is_left_alone_until_it_is_resumed(scenario: Scenario) -> None:
    """Suspended, nothing is acquired, renewed or restored, and requests wait; resumed, all of it happens at once."""
    scenario.application.lifetime = timedelta(seconds=8)
    scenario.create("new", suspend=True)
    for name in ("due", "deleted"):
        scenario.create(name)
    before = {name: ready(scenario, name) for name in ("due", "deleted")}
    for name in before:
        scenario.patch({"spec": {"suspend": True}}, name)
        scenario.wait_condition("RenewalSucceeded", "Suspended", name)
    tokens = len(scenario.issued_to(scenario.application))

    scenario.cluster.secrets.delete(scenario.namespace, "deleted-token")
    request_renewal(scenario, "now", "due")
    assert scenario.condition("Ready", "due")["status"] == "True"
    scenario.wait_condition("Ready", "Suspended", "new")
    scenario.wait_condition("Ready", "TokenExpired", "due")
    scenario.wait_condition("Ready", "Suspended", "deleted")
    assert len(scenario.issued_to(scenario.application)) == tokens

    for name in ("new", *before):
        scenario.patch({"spec": {"suspend": False}}, name)
    for name in ("new", *before):
        scenario.wait_ready(name, timeout=SOON)
    assert scenario.status("due")["lastHandledRenewRequest"] == "now"
