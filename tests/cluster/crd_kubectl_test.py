"""The resource as a person with `kubectl` sees it."""

import pytest

from support.cluster import Cluster
from support.control_plane import CRDS, ControlPlane
from support.example_resource import CERTIFICATE, CLIENT_SECRET, SERVICE_ACCOUNT, resource, with_spec
from support.waiting import eventually

WORKING = {
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "TokenValid",
            "message": "valid",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-11-23T13:45:00.000Z",
        }
    ],
    "token": {
        "issuedAt": "2126-11-23T13:45:00.000Z",
        "expiresAt": "2126-11-23T14:45:00.000Z",
        "renewAt": "2126-11-23T14:25:00.000Z",
    },
}


def test_columns_show_what_is_asked_first(cluster: Cluster, control_plane: ControlPlane, namespace: str) -> None:
    """`kubectl get cct` shows whether it works, which Secret, until when; times ahead are shown as times."""
    cluster.resources.create(namespace, resource())
    cluster.resources.patch(namespace, "graph", {"status": WORKING}, subresource="status")
    cells = ["graph", "True", "graph-token", "2126-11-23T14:45:00.000Z", "2126-11-23T14:25:00.000Z"]
    head, row = control_plane.kubectl("get", "cct", "-n", namespace).splitlines()
    assert head.split() == ["NAME", "READY", "SECRET", "EXPIRES", "RENEWS", "AGE"]
    assert row.split()[:-1] == cells
    head, row = control_plane.kubectl("get", "cct", "-n", namespace, "-o", "wide").splitlines()
    assert head.split() == ["NAME", "READY", "SECRET", "EXPIRES", "RENEWS", "REASON", "AGE"]
    assert row.split()[:-1] == [*cells, "TokenValid"]


def test_definition_can_be_applied_as_people_apply_things(control_plane: ControlPlane) -> None:
    """Without `--server-side`, all of it goes into an annotation, too, and that has a limit."""
    applied = control_plane.kubectl("apply", "--dry-run=server", "-f", CRDS)
    assert applied.startswith("customresourcedefinition.apiextensions.k8s.io/clientcredentialtokens.tokensync.dev ")


def test_resource_has_a_short_name_and_a_category(control_plane: ControlPlane) -> None:
    """Nobody has to type the whole name, and `kubectl get tokensync` shows all that the project keeps."""
    listed = control_plane.kubectl("api-resources", "--categories=tokensync", "--no-headers").split()
    assert listed == ["clientcredentialtokens", "cct", "tokensync.dev/v1alpha1", "true", "ClientCredentialToken"]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.target.name=token-b", ["b"]),
        ("spec.credential.certificate.secretRef.name=graph-client-certificate", ["a", "b"]),
        ("spec.target.name=token-e", []),
        ("spec.credential.certificate.fallbackSecretRef.name=previous", ["b"]),
        ("spec.credential.clientSecret.secretKeyRef.name=graph-client-secret", ["c"]),
        ("spec.credential.serviceAccount.name=reports", ["d"]),
    ],
)
def test_resources_are_found_by_what_they_name(
    cluster: Cluster, control_plane: ControlPlane, namespace: str, selector: str, found: list[str]
) -> None:
    """Who has a Secret or a ServiceAccount in hand can ask which resource writes or uses it."""
    previous = {"certificate": CERTIFICATE | {"fallbackSecretRef": {"name": "previous"}}}
    credentials = {"a": {"certificate": CERTIFICATE}, "b": previous, "c": CLIENT_SECRET, "d": SERVICE_ACCOUNT}
    for name, credential in credentials.items():
        wanted = with_spec(credential=credential, target={"name": f"token-{name}"})
        cluster.resources.create(namespace, wanted | {"metadata": {"name": name}})
    listed = control_plane.kubectl("get", "cct", "-n", namespace, "--field-selector", selector, "-o", "name").split()
    assert listed == [f"clientcredentialtoken.tokensync.dev/{name}" for name in found]


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["cct"], ["An OAuth 2.0 access token that is kept fresh in a Secret.", "tokensync.dev/renew-requested-at"]),
        (
            ["cct.spec"],
            [
                "clientId <string> -required- The client that the token is issued to, client_id in RFC 6749.",
                '"Application (client) ID" on the app registration\'s Overview page',
                "renewal <Object> When the token is renewed: at the earliest",
            ],
        ),
        (
            ["cct.spec", "--recursive"],
            [
                "cloud <string> enum: Public, USGovernment, China tenantId <string> -required-",
                "lifetimePercentage <integer>",
            ],
        ),
        (
            ["cct.spec.credential.certificate"],
            [
                "secretRef <Object> -required- The Secret that holds the certificate and its private key",
                "Key of the Secret that holds the certificate in PEM form, perhaps with",
                "Default: tls.key.",
            ],
        ),
        (
            ["cct.spec.target.format", "--recursive"],
            ["dockerConfigJson <Object> registry <string> -required- username <string> -required-", "port <integer>"],
        ),
        (["cct.status.conditions"], ["Stalled: only a person can mend it.", "lastTransitionTime <string> -required-"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("cct") else "",
)
def test_explain_reads_like_documentation(control_plane: ControlPlane, arguments: list[str], texts: list[str]) -> None:
    """`kubectl explain` answers what a field is, where its value comes from, and what its default is."""

    def explained() -> str:
        return " ".join(control_plane.kubectl("explain", *arguments, check=False).split())

    what = f"kubectl explain {' '.join(arguments)} has {texts}"
    eventually(lambda: all(text in explained() for text in texts), 20, what, explain=explained)
