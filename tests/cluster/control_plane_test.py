"""The control plane that the other tests stand on."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from support.audit import AuditLog
from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.example_resource import resource
from support.identities import create_identity, operator_rules, without
from support.kubectl import KubectlError
from support.objects import Json
from support.waiting import eventually
from tokensync.resource.names import API_VERSION, KIND, PLURAL

TESTS = "tests"
"""How the user agent of the tests' own calls begins."""

CANARY = b"a value that must not be seen"


def owned_by(owner: Json) -> Json:
    """Metadata of an object that goes when its owner goes."""
    reference = {"apiVersion": API_VERSION, "kind": KIND, "controller": True}
    reference |= {key: owner["metadata"][key] for key in ("name", "uid")}
    return {"ownerReferences": [reference]}


def secrets_of(namespace: str) -> str:
    """The path of a namespace's Secrets."""
    return f"/api/v1/namespaces/{namespace}/secrets"


def resources_of(namespace: str) -> str:
    """The path of a namespace's resources."""
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURAL}"


def watch(control_plane: ControlPlane, path: str, version: str) -> Any:
    """Watch for a second: at most one thing may have happened since that version, and it is returned."""
    query = {"watch": "true", "timeoutSeconds": "1", "resourceVersion": version}
    return control_plane.admin.request("GET", path, query=query)


def test_api_server_tells_its_version(control_plane: ControlPlane) -> None:
    """The programs call themselves what they are, not v0.0.0: clients look at it."""
    version = control_plane.admin.request("GET", "/version")

    assert version["major"] == "1"
    assert int(version["minor"]) >= 31
    assert version["gitVersion"].startswith(f"v1.{version['minor']}.")


def test_deleted_resource_takes_its_secret_along(cluster: Cluster, namespace: str) -> None:
    """The garbage collector knows our kind from the start."""
    owner = cluster.resources.create(namespace, resource())
    cluster.create_secret(namespace, "graph-token", {"token": b"value"}, metadata=owned_by(owner))

    cluster.resources.delete(namespace, "graph")

    eventually(lambda: cluster.secrets.find(namespace, "graph-token") is None, 10, "the Secret is collected")


def test_owned_secret_stays_while_its_owner_exists(cluster: Cluster, namespace: str) -> None:
    """The garbage collector takes what has lost its owner, and nothing else."""
    owner = cluster.resources.create(namespace, resource())
    cluster.create_secret(namespace, "kept", {}, metadata=owned_by(owner))
    stranger = {"metadata": {"name": "stranger", "uid": "8a4ad5fa-9a4c-4bd9-9c0e-3a2b6ea33a2c"}}
    cluster.create_secret(namespace, "orphan", {}, metadata=owned_by(stranger))

    eventually(lambda: cluster.secrets.find(namespace, "orphan") is None, 10, "the orphan is collected")

    assert cluster.secrets.find(namespace, "kept")


def test_deleted_namespace_ends(cluster: Cluster) -> None:
    """A namespace goes with everything in it."""
    name = cluster.create_namespace()
    cluster.resources.create(name, resource())
    cluster.create_secret(name, "graph-token", {"token": b"value"})

    cluster.delete_namespace(name)

    cluster.wait_for_end_of_namespace(name)
    assert cluster.resources.find(name, "graph") is None
    assert cluster.secrets.find(name, "graph-token") is None


def test_quota_refuses_a_secret(cluster: Cluster, control_plane: ControlPlane, namespace: str) -> None:
    """Quotas are enforced."""
    control_plane.kubectl("create", "quota", "none", "--hard=count/secrets=0", f"--namespace={namespace}")

    def refused() -> str | None:
        try:
            cluster.create_secret(namespace, "graph-token", {})
        except ApiException as error:
            return str(error.body)
        cluster.secrets.delete(namespace, "graph-token")
        return None

    assert "exceeded quota: none" in eventually(refused, 10, "the quota is enforced")


def test_audit_log_counts_each_call_once(cluster: Cluster, audit_log: AuditLog, namespace: str) -> None:
    """Between two marks stands what was called in between, in order."""
    cluster.secrets.all(namespace)
    mark = audit_log.mark()
    cluster.create_secret(namespace, "graph-token", {"token": b"value"})
    cluster.secrets.patch(namespace, "graph-token", {"metadata": {"labels": {"a": "b"}}})
    cluster.secrets.find(namespace, "absent")
    cluster.secrets.all(namespace)

    calls = [call for call in audit_log.calls(mark, user_agent=TESTS) if call.resource == "secrets"]

    assert [(call.verb, call.name, call.code) for call in calls] == [
        ("create", "graph-token", 201),
        ("patch", "graph-token", 200),
        ("get", "absent", 404),
        ("list", "", 200),
    ]
    assert {(call.namespace, call.username) for call in calls} == {(namespace, "admin")}
    assert calls == sorted(calls, key=lambda call: call.time)


def test_audit_log_tells_callers_apart(cluster: Cluster, audit_log: AuditLog, namespace: str) -> None:
    """What the tests call does not count as the operator's."""
    mark = audit_log.mark()
    cluster.secrets.all(namespace)

    assert audit_log.calls(mark) == []


def test_audit_log_counts_a_watch_once(control_plane: ControlPlane, audit_log: AuditLog, namespace: str) -> None:
    """A watch has two lines in the log, one when it begins and one when it ends."""
    mark = audit_log.mark()
    watch(control_plane, secrets_of(namespace), version="")

    assert [call.verb for call in audit_log.calls(mark, user_agent=TESTS) if call.resource == "secrets"] == ["watch"]


def test_audit_log_holds_no_content(
    cluster: Cluster, audit_log: AuditLog, control_plane: ControlPlane, namespace: str
) -> None:
    """What a Secret holds does not reach the log, and its name does."""
    mark = audit_log.mark()
    cluster.create_secret(namespace, "planted", {"token": CANARY})
    cluster.secrets.get(namespace, "planted")

    log = control_plane.audit_log.read_bytes()[mark : audit_log.mark()]

    assert b'"planted"' in log
    assert CANARY not in log
    assert base64.b64encode(CANARY) not in log


def test_restarted_api_server_has_what_it_had(control_plane: ControlPlane, cluster: Cluster, namespace: str) -> None:
    """It is away meanwhile, and back at the same address with the same data and with working controllers."""
    owner = cluster.resources.create(namespace, resource())
    before = cluster.create_secret(namespace, "graph-token", {"token": b"value"}, metadata=owned_by(owner))

    with control_plane.apiserver_down(), pytest.raises(HTTPError):
        cluster.secrets.get(namespace, "graph-token")

    assert cluster.secrets.get(namespace, "graph-token") == before
    cluster.resources.delete(namespace, "graph")
    eventually(lambda: cluster.secrets.find(namespace, "graph-token") is None, 10, "the Secret is collected")


def test_audit_log_goes_on_after_a_restart(
    control_plane: ControlPlane, cluster: Cluster, audit_log: AuditLog, namespace: str
) -> None:
    """A mark from before the restart still holds, and so does the count."""
    mark = audit_log.mark()
    cluster.secrets.all(namespace)
    with control_plane.apiserver_down():
        pass
    cluster.secrets.find(namespace, "absent")

    calls = audit_log.calls(mark, user_agent=TESTS)

    assert [call.verb for call in calls if call.resource == "secrets"] == ["list", "get"]


@pytest.mark.parametrize("collection", [secrets_of, resources_of])
def test_expired_watches_answer_gone(
    control_plane: ControlPlane, cluster: Cluster, namespace: str, collection: Callable[[str], str]
) -> None:
    """A watch can go on where it was, until watches are made to expire; even the newest version is too old then."""
    path = collection(namespace)
    first = control_plane.admin.request("GET", path)["metadata"]["resourceVersion"]
    cluster.create_secret(namespace, "graph-token", {})
    cluster.resources.create(namespace, resource())
    newest = control_plane.admin.request("GET", path)["metadata"]["resourceVersion"]
    before = watch(control_plane, path, first)

    control_plane.expire_watches()

    after = [watch(control_plane, path, version) for version in (first, newest)]
    assert before["type"] == "ADDED"
    assert [(event["type"], event["object"]["code"]) for event in after] == [("ERROR", 410), ("ERROR", 410)]


def test_expired_lists_answer_gone(control_plane: ControlPlane, namespace: str) -> None:
    """Whoever is in the middle of a list of many pages has to begin anew, too."""
    path = secrets_of(namespace)
    version = control_plane.admin.request("GET", path)["metadata"]["resourceVersion"]
    page = {"resourceVersion": version, "resourceVersionMatch": "Exact"}
    control_plane.admin.request("GET", path, query=page)

    control_plane.expire_watches()

    with pytest.raises(ApiException) as refusal:
        control_plane.admin.request("GET", path, query=page)
    assert refusal.value.status == 410


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("watch clientcredentialtokens", "yes"),
        ("patch clientcredentialtokens --subresource=status", "yes"),
        ("create secrets", "yes"),
        ("list customresourcedefinitions", "no"),
        ("patch clientcredentialtokens", "no"),
        ("update clientcredentialtokens --subresource=finalizers", "no"),
        ("update secrets", "no"),
        ("list configmaps", "no"),
        ("create serviceaccounts --subresource=token", "yes"),
        ("create serviceaccounts", "no"),
        ("* *", "no"),
    ],
)
def test_operator_may_do_what_it_needs_and_no_more(
    control_plane: ControlPlane, operator_identity: Path, action: str, answer: str
) -> None:
    """RBAC holds for the operator's identity."""
    as_operator = ("--all-namespaces", f"--kubeconfig={operator_identity}")
    said = control_plane.kubectl("auth", "can-i", *action.split(), *as_operator, check=False)

    assert said.splitlines()[0] == answer


def test_operator_is_refused_config_maps(control_plane: ControlPlane, operator_identity: Path) -> None:
    """What it may not do really fails, and what it may do does not."""
    control_plane.kubectl("get", "secrets", "--all-namespaces", f"--kubeconfig={operator_identity}")
    with pytest.raises(KubectlError, match='cannot list resource "configmaps"'):
        control_plane.kubectl("get", "configmaps", "--all-namespaces", f"--kubeconfig={operator_identity}")


def test_identity_can_lack_one_right(control_plane: ControlPlane, namespace: str) -> None:
    """A test of a missing right takes exactly that one away."""
    reduced = create_identity(control_plane, without(operator_rules(), "create", "secrets"))
    as_reduced = (f"--namespace={namespace}", f"--kubeconfig={reduced}")

    control_plane.kubectl("get", "secrets", *as_reduced)
    with pytest.raises(KubectlError, match="cannot create resource"):
        control_plane.kubectl("create", "secret", "generic", "graph-token", *as_reduced)
