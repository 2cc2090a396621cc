"""The CRD on a real API server: what it refuses and in which words, and what it stores."""

import copy
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.example_resource import CLIENT_SECRET, OAUTH2, OIDC, SERVICE_ACCOUNT, Resource, resource
from support.kubectl import KubectlError
from support.trial import accepted, refusal
from tokensync.errors import Reason
from tokensync.resource.status import (
    Attempt,
    Condition,
    ConditionType,
    CredentialKind,
    CredentialStatus,
    Status,
    TargetStatus,
    TokenTimes,
)

REPOSITORY = Path(__file__).parents[2]

TENANT = "spec.provider.entra.tenantId"
HOST = "spec.provider.entra.authorityHost"
SECRET = "spec.credential.certificate.secretRef.name"

ONE_TENANT = "give one tenant: the Directory (tenant) ID"
ONE_SCOPE = "Microsoft Entra ID takes exactly one scope, the resource's identifier followed by /.default"
HOST_AND_PORT = "write a host name in lower case, and a port where it is not 443"
PLAIN_CLIENT_ID = "clientId is plain ASCII with no space around it: copy the Application (client) ID"
DURATION = "write a duration in hours, minutes and seconds, such as 90s, 15m or 1h30m, at most 720h"
SECRET_KEY = "give a key of the Secret"
DATA_KEY = "give keys that a Secret can have"
ONE_PROVIDER = "set exactly one identity provider: entra with the tenantId of a Microsoft Entra tenant, oidc"
ONE_CREDENTIAL = "set exactly one credential: certificate with the secretRef of a Secret"
NO_TOKEN = "no key holds the token: add one whose value is AccessToken"
LABEL_NAME = "give names that a label can have"
RESERVED_LABEL = "labels of tokensync.dev, kubernetes.io and k8s.io are reserved: use a domain of your own"
RESERVED_ANNOTATION = "annotations of tokensync.dev, kubernetes.io and k8s.io are reserved: use a domain of your own"

REFUSED = [
    ("spec", None, "spec: Required value"),
    ("spec.provider", None, "spec.provider: Required value"),
    ("spec.provider", {}, ONE_PROVIDER),
    ("spec.provider", OIDC | OAUTH2, ONE_PROVIDER),
    (TENANT, None, f"{TENANT}: Required value"),
    (TENANT, "common", ONE_TENANT),
    (TENANT, "organizations", ONE_TENANT),
    (TENANT, "Consumers", ONE_TENANT),
    (TENANT, "9188040D-6c67-4c5b-b112-36a304b66dad", ONE_TENANT),
    (TENANT, "6babcaad-604b-40ac-a9d7", ONE_TENANT),
    (TENANT, "contoso.example/oauth2", ONE_TENANT),
    (TENANT, "127.0.0.1", ONE_TENANT),
    (TENANT, "", ONE_TENANT),
    (TENANT, "a" * 250 + ".com", "than 253"),
    ("spec.provider.entra.cloud", "Germany", 'supported values: "Public", "USGovernment", "China"'),
    (HOST, "https://login.example.com", HOST_AND_PORT),
    (HOST, "login.example.com/tenant", HOST_AND_PORT),
    (HOST, "Login.example.com", HOST_AND_PORT),
    (HOST, "user@login.example.com", HOST_AND_PORT),
    (HOST, "login..example.com", HOST_AND_PORT),
    (HOST, "login.example.com:", HOST_AND_PORT),
    (HOST, "login.example.com:0", HOST_AND_PORT),
    (HOST, "login.example.com:65536", HOST_AND_PORT),
    (
        "spec.provider.entra",
        {"tenantId": "contoso.example", "cloud": "China", "authorityHost": "login.example.com"},
        "cloud and authorityHost both say where the tenant is: set one of them and remove the other",
    ),
    ("spec.clientId", None, "spec.clientId: Required value"),
    ("spec.clientId", "", PLAIN_CLIENT_ID),
    ("spec.clientId", "535fb089-9ff3-47b6-9bfb-4f1264799865\n", PLAIN_CLIENT_ID),
    ("spec.clientId", "clïent", PLAIN_CLIENT_ID),
    ("spec.scopes", None, ONE_SCOPE),
    ("spec.scopes", [], ONE_SCOPE),
    ("spec.scopes", ["https://graph.microsoft.com/User.Read"], ONE_SCOPE),
    ("spec.scopes", ["/.default"], ONE_SCOPE),
    ("spec.scopes", ["https://graph.microsoft.com/.default openid/.default"], ONE_SCOPE),
    ("spec.scopes", ["https://graph.microsoft.com/.default", "https://vault.azure.net/.default"], ONE_SCOPE),
    ("spec.credential", None, "spec.credential: Required value"),
    ("spec.credential", {}, ONE_CREDENTIAL),
    ("spec.credential", CLIENT_SECRET | SERVICE_ACCOUNT, ONE_CREDENTIAL),
    ("spec.credential.certificate", {}, "spec.credential.certificate.secretRef: Required value"),
    (SECRET, None, f"{SECRET}: Required value"),
    (SECRET, "Certificate", "give the name of the Secret that holds the certificate"),
    (SECRET, "certificates/graph", "give the name of the Secret that holds the certificate"),
    ("spec.credential.certificate.certificateKey", "certs/tls.crt", SECRET_KEY),
    ("spec.credential.certificate.privateKeyKey", "", SECRET_KEY),
    ("spec.target", None, "spec.target: Required value"),
    ("spec.target.name", None, "spec.target.name: Required value"),
    ("spec.target.name", "graph_token", "give a name that a Secret can have"),
    ("spec.target.name", "graph-", "give a name that a Secret can have"),
    (
        "spec.target.name",
        "graph-client-certificate",
        "target.name names the Secret that holds the certificate, and the token is not written there: choose another name",
    ),
    ("spec.target.data", {}, NO_TOKEN),
    ("spec.target.data", {"expires-at": "ExpiresAt"}, NO_TOKEN),
    ("spec.target.data", {"token": "AccessToken", "a/b": "Scope"}, DATA_KEY),
    ("spec.target.data", {"..token": "AccessToken"}, DATA_KEY),
    ("spec.target.data", {".": "AccessToken"}, DATA_KEY),
    ("spec.target.data", {"a" * 254: "AccessToken"}, DATA_KEY),
    ("spec.target.data", {"token": "PreviousAccessToken"}, NO_TOKEN),
    ("spec.target.data", {"token": "RefreshToken"}, 'Unsupported value: "RefreshToken"'),
    ("spec.target.data", {f"key-{number}": "AccessToken" for number in range(17)}, "must have at most 16"),
    ("spec.target.labels", {"tokensync.dev/owner-uid": "x"}, RESERVED_LABEL),
    ("spec.target.labels", {"app.kubernetes.io/managed-by": "x"}, RESERVED_LABEL),
    ("spec.target.labels", {"node.k8s.io/x": "x"}, RESERVED_LABEL),
    ("spec.target.labels", {"-team": "x"}, LABEL_NAME),
    ("spec.target.labels", {"Example.com/team": "x"}, LABEL_NAME),
    ("spec.target.labels", {"a" * 64: "x"}, LABEL_NAME),
    ("spec.target.labels", {"a" * 254 + "/team": "x"}, LABEL_NAME),
    ("spec.target.labels", {"team": "-x"}, "give a value that a label can have"),
    ("spec.target.labels", {"team": "x" * 64}, "than 63"),
    ("spec.target.annotations", {"tokensync.dev/expires-at": "x"}, RESERVED_ANNOTATION),
    ("spec.target.annotations", {"kubectl.kubernetes.io/last-applied-configuration": "x"}, RESERVED_ANNOTATION),
    ("spec.target.annotations", {"a b": "x"}, "give names that an annotation can have"),
    ("spec.target.annotations", {"note": "x" * 4097}, "than 4096"),
    ("spec.target.deletionPolicy", "Orphan", 'supported values: "Delete", "Retain"'),
    ("spec.target.adopt", "yes", "must be of type boolean"),
    ("spec.renewal", {"before": "15 minutes"}, DURATION),
    ("spec.renewal", {"before": ""}, DURATION),
    ("spec.renewal", {"before": "-5m"}, DURATION),
    ("spec.renewal", {"before": "1.5h"}, DURATION),
    ("spec.renewal", {"before": "720h1s"}, DURATION),
    ("spec.renewal", {"consumerHold": "30d"}, DURATION),
    ("spec.renewal", {"consumerHold": "999h999h999h999h999h999h999h999h"}, DURATION),
    ("spec.renewal", {"lifetimePercentage": 33}, "should be greater than or equal to 34"),
    ("spec.renewal", {"lifetimePercentage": 91}, "should be less than or equal to 90"),
]

ACCEPTED = [
    (TENANT, "contoso.onmicrosoft.com"),
    (TENANT, "6BABCAAD-604B-40AC-A9D7-9FD97C0B779F"),
    (TENANT, "xn--mnchen-3ya.xn--p1ai"),
    ("spec.provider.entra.cloud", "USGovernment"),
    (HOST, "login.example.com"),
    (HOST, "127.0.0.1:65535"),
    ("spec.clientId", "a client of another kind"),
    ("spec.scopes", ["api://reports/.default"]),
    ("spec.scopes", ["https://management.example//.default"]),
    (SECRET, "graph.example"),
    ("spec.credential.certificate.certificateKey", "tls.combined_pem-1"),
    ("spec.target.data", {"token": "TokenResponse"}),
    ("spec.target.data", {".netrc_token": "AuthorizationHeader", "scope": "Scope", "issued-at": "IssuedAt"}),
    ("spec.target.data", {"a" * 253: "AccessToken"}),
    ("spec.target.labels", {"team": "", "example.com/team": "Reports_1", "app.kubernetes.io/part-of": "reports"}),
    ("spec.target.labels", {"a" * 63: "x" * 63, "nottokensync.dev/x": "x"}),
    (
        "spec.target.annotations",
        {"example.com/Owner": "Ada Lovelace <ada@example.com>\n", "app.kubernetes.io/name": "graph"},
    ),
    ("spec.target.adopt", True),
    ("spec.target.deletionPolicy", "Retain"),
    ("spec.renewal", {}),
    ("spec.renewal", {"before": "720h", "lifetimePercentage": 34, "consumerHold": "0s"}),
    ("spec.renewal", {"before": "1h30m", "lifetimePercentage": 90, "consumerHold": "2592000s"}),
    ("spec.suspend", True),
]


def documented() -> list[Any]:
    """Every resource in a YAML block of the documentation."""
    files = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
    blocks = [
        (file.name, block)
        for file in files
        for block in re.findall(r"^```yaml\n(.*?)^```", file.read_text(), re.MULTILINE | re.DOTALL)
    ]
    return [
        pytest.param(document, id=f"{name}-{document['metadata']['name']}")
        for name, block in blocks
        if "kind: ClientCredentialToken" in block
        for document in yaml.safe_load_all(block)
        if document["kind"] == "ClientCredentialToken"
    ]


@pytest.mark.parametrize(("path", "value", "message"), REFUSED)
def test_resource_that_cannot_work_is_refused_with_the_next_step(
    control_plane: ControlPlane, path: str, value: Any, message: str
) -> None:
    """What is wrong is said by the API server at once, at the field, in words that help."""
    refused = refusal(control_plane, resource(path, value))
    assert refused
    assert message in refused.message
    assert any(field.startswith(path) for field in refused.fields)


@pytest.mark.parametrize(("path", "value"), ACCEPTED)
def test_resource_that_can_work_is_stored_as_it_was_sent(control_plane: ControlPlane, path: str, value: Any) -> None:
    """The schema adds nothing to the spec and takes nothing away."""
    sent = resource(path, value)
    assert accepted(control_plane, copy.deepcopy(sent))["spec"] == sent["spec"]


@pytest.mark.parametrize("document", documented())
def test_documented_resource_is_accepted(control_plane: ControlPlane, document: Resource) -> None:
    """What the documentation shows can be applied as it is."""
    document["metadata"]["namespace"] = "default"
    assert accepted(control_plane, document)["spec"] == document["spec"]


def test_new_resource_is_in_progress(cluster: Cluster, namespace: str) -> None:
    """Before the operator has seen it, its generation is ahead of its status: kstatus, Flux and Argo CD wait."""
    stored = cluster.resources.create(namespace, resource())
    assert stored["metadata"]["generation"] == 1
    assert stored["status"] == {"observedGeneration": -1}
    assert stored["spec"] == resource()["spec"]


def test_status_sent_with_a_new_resource_is_dropped(cluster: Cluster, namespace: str) -> None:
    """Nobody can make a resource look ready by creating it so, as a restored backup would."""
    stored = cluster.resources.create(namespace, resource() | {"status": {"observedGeneration": 1}})
    assert stored["status"] == {"observedGeneration": -1}


def test_target_can_be_renamed(cluster: Cluster, namespace: str) -> None:
    """The token can move to a Secret of another name."""
    cluster.resources.create(namespace, resource())
    changed = cluster.resources.patch(namespace, "graph", {"spec": {"target": {"name": "new"}}})
    assert changed["spec"]["target"]["name"] == "new"


def test_mistyped_field_is_refused(control_plane: ControlPlane, namespace: str) -> None:
    """A field with a spelling mistake would do nothing: `kubectl apply` says so."""
    mistyped = json.dumps(resource("spec.target.deletionpolicy", "Retain"))
    with pytest.raises(KubectlError, match=r'unknown field "spec\.target\.deletionpolicy"'):
        control_plane.kubectl("apply", "-n", namespace, "-f", "-", stdin=mistyped)


def test_status_with_the_longest_texts_is_accepted(cluster: Cluster, namespace: str) -> None:
    """Whatever a provider says, and in whatever script, the status that is made of it fits."""
    text, moment = "\U0001f511" * 10_000, datetime(2026, 11, 23, 13, 45, tzinfo=UTC)
    conditions = [
        Condition(
            type=kind,
            status="Unknown",
            reason=max(Reason, key=len),
            message=text,
            observed_generation=1,
            last_transition_time=moment,
        )
        for kind in ConditionType
    ]
    status = Status(
        observed_generation=1,
        conditions=tuple(conditions),
        token=TokenTimes(issued_at=moment, expires_at=moment, renew_at=moment, scope=text),
        credential=CredentialStatus(
            kind=max(CredentialKind, key=len),
            thumbprint_sha1=text,
            thumbprint_sha256=text,
            not_after=moment,
            secret_resource_version=text,
            fallback_secret_resource_version=text,
        ),
        target=TargetStatus(name=text, uid=text, resource_version=text),
        last_renewal_time=moment,
        last_attempt=Attempt(
            time=moment,
            reason=max(Reason, key=len),
            message=text,
            error_code=text,
            correlation_id=text,
            trace_id=text,
            http_status=599,
        ),
        consecutive_failures=2**31,
        next_attempt_time=moment,
        last_handled_renew_request=text,
    )
    cluster.resources.create(namespace, resource())
    written = cluster.resources.patch(namespace, "graph", {"status": status.dump()}, subresource="status")
    assert Status.parse(written["status"]) == status
