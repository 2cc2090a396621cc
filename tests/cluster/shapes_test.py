"""The shapes and types of a target, as the API server takes them, shows them and lets them be renewed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from support.audit import AuditLog
from support.cluster import decoded
from support.control_plane import ControlPlane
from support.entra import IssuedToken
from support.identities import create_identity, operator_rules
from support.objects import Json
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.waiting import eventually
from tokensync.clock import parse_rfc3339
from tokensync.errors import Reason
from tokensync.resource.names import ADOPTABLE_BY, EXPIRES_AT, PREVIOUS_EXPIRES_AT, RENEW_REQUESTED_AT
from tokensync.resource.target import BASIC_AUTH, DOCKER_CONFIG_JSON, OPAQUE, Format
from tokensync.target import formats

ALLOWED = "example.com/token"

TARGETS: dict[str, Json] = {
    "basic-auth": {"type": BASIC_AUTH, "format": {"basicAuth": {"username": "ada"}}},
    "password": {"type": BASIC_AUTH, "data": {"password": "AccessToken"}},
    "pull-secret": {
        "type": DOCKER_CONFIG_JSON,
        "format": {"dockerConfigJson": {"registry": "registry.example.com", "username": "ada"}},
    },
    "netrc": {"format": {"netrc": {"machine": "api.example.com", "login": "ada"}}},
    "pgpass": {"format": {"pgpass": {"host": "*", "database": "reports", "user": "ada"}}},
    "git": {"format": {"gitCredentials": {"url": "https://git.example.com/team", "username": "ada"}}},
    "curl": {"type": OPAQUE, "format": {"curlConfig": {}}},
}


@pytest.fixture
def running(operator: StartOperator, scenario: Scenario, ca: Path) -> Scenario:
    """An operator at work."""
    scenario.put_certificate()
    operator(quick_settings(scenario.entra, ca))
    return scenario


def holds(secret: Json, target: Json, token: IssuedToken) -> bool:
    """Whether the Secret holds that token in the target's shape, and when it expires."""
    data = {key: value.decode() for key, value in decoded(secret["data"]).items()}
    if "format" not in target:
        return token.value in data.values()
    wanted = formats.write(Format.model_validate(target["format"]), token.value)
    return data == {**wanted, "expires-at": secret["metadata"]["annotations"][EXPIRES_AT]}


def test_every_shape_is_written_and_renewed(running: Scenario) -> None:
    """In its type, under its keys and no other; the second token like the first, in the same Secret."""
    applications = {name: running.register(timedelta(seconds=15)) for name in TARGETS}
    for name, target in TARGETS.items():
        running.create(name, clientId=applications[name].client_id, target=target)

    def written(name: str, number: int) -> Callable[[], Json | None]:
        def found() -> Json | None:
            secret = running.cluster.secrets.find(running.namespace, f"{name}-token")
            tokens = running.issued_to(applications[name])[number:]
            return secret if secret and any(holds(secret, TARGETS[name], token) for token in tokens) else None

        return found

    for name, target in TARGETS.items():
        first = eventually(written(name, 0), 30, f"{name} is there", explain=partial(running.status, name))
        second = eventually(written(name, 1), 30, f"{name} is renewed", explain=partial(running.status, name))
        assert first["type"] == second["type"] == target.get("type", OPAQUE)
        assert first["metadata"]["uid"] == second["metadata"]["uid"]
        assert set(first["data"]) == set(second["data"])
        assert running.condition("Ready", name)["status"] == "True"


WITH_PREVIOUS = {"token": "AccessToken", "before": "PreviousAccessToken"}
SHAPES: list[tuple[Json, set[str]]] = [
    ({"data": None, "format": {"netrc": {"machine": "api.example.com", "login": "ada"}}}, {".netrc", "expires-at"}),
    ({"format": {"netrc": None, "curlConfig": {}}}, {"curlrc", "expires-at"}),
    ({"data": WITH_PREVIOUS, "format": None}, {"token", "before"}),
    ({"data": None}, {"token", "expires-at", "token-type"}),
]
"""Changes of the target, one after the other, and the keys after each."""


def test_nothing_of_a_former_shape_is_left(running: Scenario) -> None:
    """Whatever the target is changed to, and back: the same Secret has the keys of the present shape alone."""
    running.create(target={"data": WITH_PREVIOUS})
    running.wait_ready()
    first = running.token()
    running.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: "now"}}})
    running.wait_renewed(first)
    before = running.cluster.secrets.get(running.namespace, "graph-token")
    assert PREVIOUS_EXPIRES_AT in before["metadata"]["annotations"]

    for change, keys in SHAPES:
        running.patch({"spec": {"target": change}})
        running.wait_ready()
        secret = running.cluster.secrets.get(running.namespace, "graph-token")
        assert (set(secret["data"]), secret["metadata"]["uid"]) == (keys, before["metadata"]["uid"])
        assert PREVIOUS_EXPIRES_AT not in secret["metadata"]["annotations"]


def test_type_changes_with_the_name(running: Scenario) -> None:
    """The token moves into a new Secret of the new type, and the former one goes."""
    running.create()
    running.wait_ready()

    password = {"name": "graph-password", "type": BASIC_AUTH, "data": {"password": "AccessToken"}}
    running.patch({"spec": {"target": password}})
    running.wait_ready()

    moved = running.cluster.secrets.get(running.namespace, "graph-password")
    assert (moved["type"], list(moved["data"])) == (BASIC_AUTH, ["password"])
    eventually(lambda: running.token() is None, 10, "the former Secret is gone")


def test_type_that_the_administrator_allows_is_written(
    operator: StartOperator, scenario: Scenario, ca: Path, control_plane: ControlPlane
) -> None:
    """With a setting of the operator, where no policy knows another."""
    scenario.put_certificate()
    scenario.create(target={"type": ALLOWED})
    identity = create_identity(control_plane, operator_rules())
    operator(quick_settings(scenario.entra, ca, allowed_secret_types=ALLOWED), kubeconfig=identity)
    scenario.wait_ready()
    assert scenario.cluster.secrets.get(scenario.namespace, "graph-token")["type"] == ALLOWED


def test_type_that_is_not_allowed_is_not_written(running: Scenario) -> None:
    """The administrator's setting is named, and no token was asked for."""
    application = running.register()
    running.create(clientId=application.client_id, target={"type": ALLOWED})
    ready = running.wait_condition("Ready", Reason.TARGET_TYPE_NOT_ALLOWED)
    assert ready["message"].endswith("or ask the administrator to add it to the setting allowed-secret-types")
    assert running.condition("Stalled")["status"] == "True"
    assert running.issued_to(application) == []
    assert running.token() is None


def test_retained_secret_of_another_type_is_not_overwritten(running: Scenario) -> None:
    """A recreated resource that wants another type leaves the former token where it is."""
    running.create(target={"deletionPolicy": "Retain"})
    running.wait_ready()
    running.cluster.resources.delete(running.namespace, "graph")
    eventually(lambda: running.cluster.resources.find(running.namespace, "graph") is None, 10, "graph is gone")
    kept = running.cluster.secrets.get(running.namespace, "graph-token")
    assert kept["metadata"]["annotations"][ADOPTABLE_BY] == "graph"

    running.create(target={"adopt": True, "type": BASIC_AUTH, "data": {"password": "AccessToken"}})
    running.wait_condition("Ready", Reason.TARGET_TYPE_MISMATCH)

    assert running.cluster.secrets.get(running.namespace, "graph-token") == kept


def test_previous_token_stays_until_it_expires(running: Scenario, audit_log: AuditLog) -> None:
    """It stands beside its successor, goes by a write of its own, and what that leaves is no edit of the Secret."""
    application = running.register(timedelta(seconds=20))
    running.create(clientId=application.client_id, target={"data": WITH_PREVIOUS})
    running.wait_ready()
    first, mark = running.token(), audit_log.mark()
    assert first is not None
    application.lifetime = timedelta(hours=1)

    def previous() -> str:
        return running.cluster.secret_data(running.namespace, "graph-token")["before"].decode()

    assert previous() == ""
    running.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: "now"}}})
    second = running.wait_renewed(first)
    assert previous() == first.value
    marks = running.cluster.secrets.get(running.namespace, "graph-token")["metadata"]["annotations"]
    assert parse_rfc3339(marks[PREVIOUS_EXPIRES_AT]) == first.expires_at
    eventually(lambda: not previous(), 30, "the previous token is gone")

    assert datetime.now(UTC) >= first.expires_at
    running.wait_for_turn()
    left = running.token()
    assert left is not None
    assert (left.value, left.uid) == (second.value, second.uid)
    assert len(running.issued_to(application)) == 2
    ours = (call for call in audit_log.calls(mark) if call.namespace == running.namespace)
    calls = [(call.verb, call.subresource) for call in ours if call.name in ("graph", "graph-token")]
    assert calls == [("get", ""), ("patch", ""), ("patch", "status"), ("patch", "")]
