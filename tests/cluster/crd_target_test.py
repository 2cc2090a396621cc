"""The CRD on a real API server: types and shapes of the Secret."""

import copy
from typing import Any

import pytest
from kubernetes.client import ApiException

from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.example_resource import resource, with_spec
from support.trial import accepted, refusal

TYPE = "spec.target.type"
FORMAT = "spec.target.format"
DOCKER = "kubernetes.io/dockerconfigjson"
BASIC = "kubernetes.io/basic-auth"
REGISTRY = {"registry": "registry.example.com:5000", "username": "oauth2accesstoken"}
DATABASE = {"host": "db.example.com", "database": "reports", "user": "reports"}

ONE_SHAPE = "set exactly one shape: basicAuth, dockerConfigJson, netrc, pgpass, gitCredentials or curlConfig"
KUBERNETES_TYPE = "types of kubernetes.io, k8s.io and helm.sh are not written, except"
ANY_TYPE = "give a type that a Secret can have"
TOGETHER = "type kubernetes.io/dockerconfigjson and format.dockerConfigJson go together: set both or neither"
USERNAME_NEEDED = "a Secret of type kubernetes.io/basic-auth needs a key username or password"
NO_COLON = "without ':', which ends it in HTTP basic authentication"
HOST_AND_PORT = "leave out https:// and any path"
LOGIN = "which programs read differently in such a file"
FIXED_TYPE = "the type of a Secret cannot be changed: give target.name a new name with it"


def shaped(shape: dict[str, Any], **target: Any) -> dict[str, Any]:
    """A target with a format."""
    return {"format": shape, **target}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (
        shaped({"curlConfig": {}}, data={"token": "AccessToken"}),
        FORMAT,
        "data and format both say what the Secret holds: set one of them",
    ),
    (shaped({}), FORMAT, ONE_SHAPE),
    (shaped({"curlConfig": {}, "netrc": {"machine": "a.example", "login": "me"}}), FORMAT, ONE_SHAPE),
    ({"type": DOCKER}, TYPE, TOGETHER),
    (shaped({"dockerConfigJson": REGISTRY}), TYPE, TOGETHER),
    (shaped({"dockerConfigJson": REGISTRY}, type="example.com/registry"), TYPE, TOGETHER),
    (shaped({"curlConfig": {}}, type=DOCKER), TYPE, TOGETHER),
    ({"type": BASIC}, TYPE, USERNAME_NEEDED),
    ({"type": BASIC, "data": {"token": "AccessToken"}}, TYPE, USERNAME_NEEDED),
    (shaped({"curlConfig": {}}, type=BASIC), TYPE, USERNAME_NEEDED),
    *[
        ({"type": kind}, TYPE, KUBERNETES_TYPE)
        for kind in (
            "kubernetes.io/tls",
            "kubernetes.io/service-account-token",
            "bootstrap.kubernetes.io/token",
            "Kubernetes.IO/tls",
            "kubernetes.io",
            "node.k8s.io/x",
            "helm.sh/release.v1",
        )
    ],
    *[({"type": kind}, TYPE, ANY_TYPE) for kind in ("", "a b", "/a", "example.com/")],
    ({"type": "a" * 254}, TYPE, "than 253"),
    (shaped({"basicAuth": {}}), f"{FORMAT}.basicAuth.username", "Required value"),
    *[
        (shaped({"basicAuth": {"username": name}}), f"{FORMAT}.basicAuth.username", NO_COLON)
        for name in ("", "a:b", "a b", "a\nb", "ü")
    ],
    *[
        (shaped({"dockerConfigJson": REGISTRY | {"registry": name}}, type=DOCKER), FORMAT, HOST_AND_PORT)
        for name in ("", "https://registry.example.com", "registry.example.com/v1", "Registry.example", "a:65536")
    ],
    (shaped({"dockerConfigJson": REGISTRY | {"username": "a:b"}}, type=DOCKER), FORMAT, NO_COLON),
    *[
        (shaped({"netrc": {"machine": name, "login": "me"}}), FORMAT, "write a host name, such as git.example.com")
        for name in ("", "a b", "https://a.example", "a.example:443", "a.example\nmachine b.example")
    ],
    *[
        (shaped({"netrc": {"machine": "a.example", "login": name}}), FORMAT, LOGIN)
        for name in ("", "a b", 'a"b', "a\\b", "#a", "a\npassword b")
    ],
    *[
        (shaped({"pgpass": DATABASE | {member: value}}), f"{FORMAT}.pgpass.{member}", "visible ASCII without spaces")
        for member in ("host", "database", "user")
        for value in ("", "a b", "a\nb", "ü")
    ],
    (shaped({"pgpass": DATABASE | {"host": "#db"}}), f"{FORMAT}.pgpass.host", "which makes the line a comment"),
    (shaped({"pgpass": DATABASE | {"port": 0}}), f"{FORMAT}.pgpass.port", "greater than or equal to 1"),
    (shaped({"pgpass": DATABASE | {"port": 65536}}), f"{FORMAT}.pgpass.port", "less than or equal to 65535"),
    *[
        (shaped({"gitCredentials": {"url": url, "username": "me"}}), f"{FORMAT}.gitCredentials.url", message)
        for url, message in (
            ("git.example.com", "write a URL with https://"),
            ("https://me@git.example.com", "write a URL with https://"),
            ("https://git.example.com/a\n", "write a URL with https://"),
            ("https://git.example.com/../a", "write the path as the server knows it"),
        )
    ],
    (
        shaped({"gitCredentials": {"url": "https://git.example.com", "username": "a\nb"}}),
        f"{FORMAT}.gitCredentials.username",
        "write a user name of visible ASCII without spaces",
    ),
    (
        {"data": {"previous": "PreviousAccessToken", "expires-at": "ExpiresAt"}},
        "spec.target.data",
        "no key holds the token",
    ),
]

ACCEPTED: list[dict[str, Any]] = [
    {"type": "Opaque"},
    {"type": "example.com/token"},
    {"type": "notkubernetes.io/token"},
    {"type": BASIC, "data": {"password": "AccessToken"}},
    {"type": BASIC, "data": {"username": "AccessToken"}},
    {"data": {"token": "AccessToken", "previous": "PreviousAccessToken"}},
    shaped({"basicAuth": {"username": "oauth2"}}),
    shaped({"basicAuth": {"username": "a@b"}}, type=BASIC),
    shaped({"dockerConfigJson": REGISTRY}, type=DOCKER),
    shaped({"netrc": {"machine": "git.example.com", "login": "o'neill@example.com"}}),
    shaped({"pgpass": DATABASE}),
    shaped({"pgpass": {"host": "*", "port": 5432, "database": "*", "user": "a:b\\c#"}}),
    shaped({"pgpass": DATABASE | {"host": "/var/run/postgresql"}}),
    shaped({"gitCredentials": {"url": "https://git.example.com:8443/team/repository.git", "username": "a@b:c"}}),
    shaped({"curlConfig": {}}),
]


@pytest.mark.parametrize(("target", "field", "message"), REFUSED)
def test_target_that_cannot_work_is_refused_with_the_next_step(
    control_plane: ControlPlane, target: dict[str, Any], field: str, message: str
) -> None:
    """At the field, in words that help: what a format cannot express never reaches its file."""
    refused = refusal(control_plane, with_spec(target={"name": "graph-token", **target}))
    assert refused
    assert message in refused.message
    assert any(found.startswith(field) for found in refused.fields)


@pytest.mark.parametrize("target", ACCEPTED)
def test_target_that_can_work_is_stored_as_it_was_sent(control_plane: ControlPlane, target: dict[str, Any]) -> None:
    """The schema adds nothing to the spec and takes nothing away."""
    sent = with_spec(target={"name": "graph-token", **target})
    assert accepted(control_plane, copy.deepcopy(sent))["spec"] == sent["spec"]


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({}, {"type": "example.com/token"}),
        ({"type": "example.com/token"}, {"type": "Opaque"}),
        ({"type": "example.com/token"}, {"type": None}),
    ],
)
def test_type_changes_only_with_the_name(
    cluster: Cluster, namespace: str, before: dict[str, Any], change: dict[str, Any]
) -> None:
    """A Secret's type cannot be changed, so another one needs another Secret."""
    cluster.resources.create(namespace, with_spec(target={"name": "graph-token", **before}))
    with pytest.raises(ApiException, match=FIXED_TYPE):
        cluster.resources.patch(namespace, "graph", {"spec": {"target": change}})
    moved = cluster.resources.patch(namespace, "graph", {"spec": {"target": {"name": "other", **change}}})
    assert moved["spec"]["target"].get("type") == change["type"]


def test_default_type_can_be_written_down(cluster: Cluster, namespace: str) -> None:
    """Who names what goes without saying changes nothing."""
    cluster.resources.create(namespace, resource())
    changed = cluster.resources.patch(namespace, "graph", {"spec": {"target": {"type": "Opaque"}}})
    assert changed["spec"]["target"]["type"] == "Opaque"
