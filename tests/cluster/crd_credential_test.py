"""The CRD on a real API server: credentials, and what goes with which provider."""

from typing import Any

import pytest

from support.control_plane import ControlPlane
from support.example_resource import CERTIFICATE, CLIENT_SECRET, OAUTH2, OIDC, SERVICE_ACCOUNT, with_spec
from support.trial import accepted, refusal

PAIR = "spec.credential.certificate"
SECRET = "spec.credential.clientSecret"
ACCOUNT = "spec.credential.serviceAccount"
OTHER_HOST = {"entra": {"tenantId": "contoso.onmicrosoft.com", "authorityHost": "login.example.com"}}

PFX_OR_PEM = "remove certificateKey and privateKeyKey, or pkcs12Key"
RSA_ONLY = "Microsoft Entra ID accepts RSA signatures only: choose PS256 or RS256"
AUDIENCE_NEEDED = "set the one that this provider expects in tokens of ServiceAccounts"


def certificate(**members: Any) -> dict[str, Any]:
    """A certificate with these members beside its Secret."""
    return {"certificate": CERTIFICATE | members}


def client_secret(**members: Any) -> dict[str, Any]:
    """A client secret with these members beside its Secret."""
    return {"clientSecret": CLIENT_SECRET["clientSecret"] | members}


def account(**members: Any) -> dict[str, Any]:
    """A ServiceAccount with these members beside its name."""
    return {"serviceAccount": SERVICE_ACCOUNT["serviceAccount"] | members}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"credential": certificate(pkcs12Key="a.pfx", certificateKey="a")}, f"{PAIR}.pkcs12Key", PFX_OR_PEM),
    ({"credential": certificate(pkcs12Key="a.pfx", privateKeyKey="a")}, f"{PAIR}.pkcs12Key", PFX_OR_PEM),
    ({"credential": certificate(pkcs12Key="a/b")}, f"{PAIR}.pkcs12Key", "give a key of the Secret"),
    ({"credential": certificate(passwordKey="")}, f"{PAIR}.passwordKey", "give a key of the Secret"),
    (
        {"credential": certificate(fallbackSecretRef=CERTIFICATE["secretRef"])},
        f"{PAIR}.fallbackSecretRef.name",
        "fallbackSecretRef names the same Secret as secretRef: name the one that holds the previous pair",
    ),
    (
        {"credential": certificate(fallbackSecretRef={"name": "Previous"})},
        f"{PAIR}.fallbackSecretRef.name",
        "give the name of the Secret that holds the previous certificate",
    ),
    ({"credential": certificate(algorithm="ES256")}, f"{PAIR}.algorithm", RSA_ONLY),
    ({"credential": certificate(algorithm="ES384"), "provider": OTHER_HOST}, f"{PAIR}.algorithm", RSA_ONLY),
    ({"credential": certificate(algorithm="HS256"), "provider": OIDC}, f"{PAIR}.algorithm", "Unsupported value"),
    ({"credential": certificate(keyId=" key"), "provider": OIDC}, f"{PAIR}.keyId", "copy the key ID (kid)"),
    ({"credential": certificate(keyId="k" * 257), "provider": OIDC}, f"{PAIR}.keyId", "than 256"),
    ({"credential": certificate(audience="https://a.example"), "provider": OIDC}, f"{PAIR}.audience", "Unsupported"),
    (
        {"credential": certificate(audience="Issuer"), "provider": OAUTH2},
        f"{PAIR}.audience",
        "choose TokenEndpoint, or name the issuer in provider.oidc instead of provider.oauth2",
    ),
    (
        {"credential": certificate(secretRef={"name": "graph-token"})},
        "spec.target.name",
        "target.name names the Secret that holds the certificate",
    ),
    (
        {"credential": certificate(fallbackSecretRef={"name": "graph-token"})},
        "spec.target.name",
        "target.name names the Secret that holds the previous certificate",
    ),
    (
        {"credential": client_secret(secretKeyRef={"name": "graph-token", "key": "a"})},
        "spec.target.name",
        "target.name names the Secret that holds the client secret",
    ),
    *[
        (
            {"provider": {kind: {**member, "caBundleRef": {"secretKeyRef": {"name": "graph-token", "key": "ca"}}}}},
            "spec.target.name",
            "target.name names the Secret that holds the CA bundle",
        )
        for kind, member in (OTHER_HOST | OIDC | OAUTH2).items()
    ],
    ({"credential": {"clientSecret": {}}}, f"{SECRET}.secretKeyRef", "Required value"),
    ({"credential": client_secret(secretKeyRef={"name": "a"})}, f"{SECRET}.secretKeyRef.key", "Required value"),
    (
        {"credential": client_secret(secretKeyRef={"name": "A", "key": "a"})},
        f"{SECRET}.secretKeyRef.name",
        "give the name of the Secret that holds the client secret",
    ),
    (
        {"credential": client_secret(secretKeyRef={"name": "a", "key": "a b"})},
        f"{SECRET}.secretKeyRef.key",
        "give a key of the Secret",
    ),
    ({"credential": client_secret(method="None"), "provider": OIDC}, f"{SECRET}.method", "Unsupported value"),
    ({"credential": {"serviceAccount": {}}}, f"{ACCOUNT}.name", "Required value"),
    ({"credential": account(name="Reports")}, f"{ACCOUNT}.name", "give the name of a ServiceAccount"),
    ({"credential": account(audience="")}, f"{ACCOUNT}.audience", "write the audience that the identity provider"),
    ({"credential": account(audience="a b")}, f"{ACCOUNT}.audience", "write the audience that the identity provider"),
    ({"credential": account(audience="a" * 1025)}, f"{ACCOUNT}.audience", "than 1024"),
    *[
        ({"credential": SERVICE_ACCOUNT, "provider": provider}, f"{ACCOUNT}.audience", AUDIENCE_NEEDED)
        for provider in (OIDC, OAUTH2, OTHER_HOST)
    ],
]

ACCEPTED: list[dict[str, Any]] = [
    {"credential": certificate(pkcs12Key="client.pfx", passwordKey="password")},
    {"credential": certificate(passwordKey="password", certificateKey="a.pem", privateKeyKey="a.pem")},
    {"credential": certificate(fallbackSecretRef={"name": "graph-previous-certificate"})},
    {"credential": certificate(algorithm="RS256", sendChain=True)},
    {"credential": certificate(algorithm="ES512", keyId="key-1", audience="Issuer"), "provider": OIDC},
    {"credential": certificate(audience="TokenEndpoint", sendChain=False), "provider": OAUTH2},
    {"credential": CLIENT_SECRET},
    {"credential": client_secret(method="Post")},
    {"credential": client_secret(method="Basic")},
    {"credential": client_secret(method="Basic"), "provider": OAUTH2},
    {"credential": SERVICE_ACCOUNT},
    {"credential": account(audience="api://AzureADTokenExchangeUSGov")},
    *[{"credential": account(audience="tokens"), "provider": provider} for provider in (OIDC, OAUTH2, OTHER_HOST)],
]


@pytest.mark.parametrize(("spec", "field", "message"), REFUSED)
def test_credential_that_cannot_work_is_refused_with_the_next_step(
    control_plane: ControlPlane, spec: dict[str, Any], field: str, message: str
) -> None:
    """At the field, in words that help."""
    refused = refusal(control_plane, with_spec(**spec))
    assert refused
    assert message in refused.message
    assert field in refused.fields


@pytest.mark.parametrize("spec", ACCEPTED)
def test_credential_that_can_work_is_stored_as_it_was_sent(control_plane: ControlPlane, spec: dict[str, Any]) -> None:
    """The schema adds nothing to the spec and takes nothing away."""
    sent = with_spec(**spec)
    assert accepted(control_plane, sent)["spec"] == sent["spec"]
