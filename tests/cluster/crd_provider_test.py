"""The CRD on a real API server: providers, and what is asked of each of them."""

from typing import Any

import pytest

from support.control_plane import ControlPlane
from support.example_resource import OAUTH2, OIDC, with_spec
from support.trial import accepted, refusal

ISSUER = "spec.provider.oidc.issuer"
ENDPOINT = "spec.provider.oauth2.tokenEndpoint"
PARAMETERS = "spec.parameters"
TENANT = {"tenantId": "contoso.onmicrosoft.com"}
BUNDLE = {"configMapKeyRef": {"name": "corporate-ca", "key": "ca.crt"}}
IN_SECRET = {"secretKeyRef": {"name": "corporate-ca", "key": "ca.crt"}}

URL = "write a URL with https://, a host name, a port where it is not 443"
URL_PATH = "write the path as the server knows it, without '/./', '/../' and encoded slashes"
ONE_BUNDLE = "set exactly one place of the certificates: configMapKeyRef or secretKeyRef"
ONE_WORD = "make each word a scope of its own in the list"
PARAMETER_NAME = "give names of parameters: at most 64 lower-case letters, digits and '_'"
PARAMETER_VALUE = "give the parameter a value without line breaks"
OURS = "client_assertion_type are written by the operator: remove them here"

HOSTILE_URLS = [
    ("http://login.example.com", URL),
    ("https://", URL),
    ("https://user@login.example.com", URL),
    ("https://user:password@login.example.com", URL),
    ("https://login.example.com?tenant=a", URL),
    ("https://login.example.com/#top", URL),
    ("https://login.example.com\\@evil.example", URL),
    ("https://login.example.com:0", URL),
    ("https://login.example.com:65536", URL),
    ("https://login.example.com:", URL),
    ("https://-login.example.com", URL),
    ("https://login..example.com", URL),
    ("https://login.exämple.com", URL),
    ("https://[::1]/token", URL),
    ("https://login.example.com/a b", URL),
    ("https://login.example.com/%zz", URL),
    ("https://login.example.com/\n", URL),
    ("https://login.example.com/./token", URL_PATH),
    ("https://login.example.com/a/../token", URL_PATH),
    ("https://login.example.com/a/..", URL_PATH),
    ("https://login.example.com/a/%2E%2e/token", URL_PATH),
    ("https://login.example.com/a/.%2e/token", URL_PATH),
    ("https://login.example.com/a%2Fb", URL_PATH),
    ("https://login.example.com/a%5cb", URL_PATH),
    ("https://login.example.com/a%0d%0ab", URL_PATH),
    ("https://login.example.com/" + "a" * 2048, "than 2048"),
    ("", URL),
]

GOOD_URLS = [
    "https://login.example.com",
    "https://login.example.com/",
    "https://login.example.com:8443/realms/my%20realm",
    "https://127.0.0.1:65535/.well/..known/a..b",
    "https://Login.example.com/oauth2/default/v1/token;v=1",
]

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"provider": {"entra": TENANT} | OIDC}, "spec.provider", "set exactly one identity provider"),
    ({"provider": {"oidc": {}}}, ISSUER, "Required value"),
    ({"provider": {"oauth2": {}}}, ENDPOINT, "Required value"),
    (
        {"provider": {"entra": TENANT | {"caBundleRef": BUNDLE}}},
        "spec.provider.entra.caBundleRef",
        "remove caBundleRef, or name the host that it is for in authorityHost",
    ),
    ({"provider": {"oidc": OIDC["oidc"] | {"caBundleRef": {}}}}, "spec.provider.oidc.caBundleRef", ONE_BUNDLE),
    (
        {"provider": {"oidc": OIDC["oidc"] | {"caBundleRef": BUNDLE | IN_SECRET}}},
        "spec.provider.oidc.caBundleRef",
        ONE_BUNDLE,
    ),
    (
        {"provider": {"oauth2": OAUTH2["oauth2"] | {"caBundleRef": {"configMapKeyRef": {"name": "A", "key": "a/b"}}}}},
        "spec.provider.oauth2.caBundleRef.configMapKeyRef.name",
        "give the name of the ConfigMap that holds the certificates",
    ),
    (
        {"provider": {"oauth2": OAUTH2["oauth2"] | {"caBundleRef": {"secretKeyRef": {"name": "a", "key": "a/b"}}}}},
        "spec.provider.oauth2.caBundleRef.secretKeyRef.key",
        "give a key of the Secret",
    ),
    ({"provider": OIDC, "scopes": ["read write"]}, "spec.scopes[0]", ONE_WORD),
    ({"provider": OIDC, "scopes": ["read", 'wri"te']}, "spec.scopes[1]", ONE_WORD),
    ({"provider": OIDC, "scopes": ["wri\\te"]}, "spec.scopes[0]", ONE_WORD),
    ({"provider": OIDC, "scopes": [""]}, "spec.scopes[0]", ONE_WORD),
    ({"provider": OIDC, "scopes": ["a" * 513]}, "spec.scopes[0]", "than 512"),
    ({"provider": OIDC, "scopes": ["a"] * 33}, "spec.scopes", "must have at most 32"),
    ({"provider": OIDC, "scopes": ["a" * 511] * 9}, "spec.scopes", "more than 4096 characters together"),
    ({"parameters": {"audience": "reports"}}, PARAMETERS, "takes no parameters of your own"),
    ({"provider": OIDC, "parameters": {"Audience": "reports"}}, PARAMETERS, PARAMETER_NAME),
    ({"provider": OIDC, "parameters": {"": "reports"}}, PARAMETERS, PARAMETER_NAME),
    ({"provider": OIDC, "parameters": {"a" * 65: "reports"}}, PARAMETERS, PARAMETER_NAME),
    ({"provider": OIDC, "parameters": {"audience": ""}}, PARAMETERS, PARAMETER_VALUE),
    ({"provider": OIDC, "parameters": {"audience": "a\nb"}}, PARAMETERS, PARAMETER_VALUE),
    ({"provider": OIDC, "parameters": {"audience": "a" * 2049}}, PARAMETERS, "than 2048"),
    (
        {"provider": OIDC, "parameters": {f"a{number}": "x" for number in range(17)}},
        PARAMETERS,
        "must have at most 16",
    ),
    *[
        ({"provider": OIDC, "parameters": {name: "x"}}, PARAMETERS, OURS)
        for name in ("grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type")
    ],
    *[({"provider": {"oidc": {"issuer": url}}}, ISSUER, message) for url, message in HOSTILE_URLS],
]

ACCEPTED: list[dict[str, Any]] = [
    {"provider": {"entra": TENANT | {"authorityHost": "login.example.com", "caBundleRef": BUNDLE}}},
    {"provider": OIDC, "scopes": ["openid", "reports:read", "reports:write"]},
    {"provider": OIDC, "scopes": []},
    {"provider": OAUTH2, "scopes": ["a" * 511] * 8},
    {"provider": OAUTH2, "parameters": {"audience": "https://api.example.com", "x_2": "Zürich & söhne"}},
    {"provider": {"oauth2": OAUTH2["oauth2"] | {"caBundleRef": IN_SECRET}}},
    *[{"provider": {"oidc": {"issuer": url}}} for url in GOOD_URLS],
]


@pytest.mark.parametrize(("spec", "field", "message"), REFUSED)
def test_provider_that_cannot_work_is_refused_with_the_next_step(
    control_plane: ControlPlane, spec: dict[str, Any], field: str, message: str
) -> None:
    """At the field, in words that help."""
    refused = refusal(control_plane, with_spec(**spec))
    assert refused
    assert message in refused.message
    assert any(found.startswith(field) for found in refused.fields)


@pytest.mark.parametrize("spec", ACCEPTED)
def test_provider_that_can_work_is_stored_as_it_was_sent(control_plane: ControlPlane, spec: dict[str, Any]) -> None:
    """The schema adds nothing to the spec and takes nothing away."""
    sent = with_spec(**spec)
    assert accepted(control_plane, sent)["spec"] == sent["spec"]


@pytest.mark.parametrize("provider", [OIDC, OAUTH2], ids=["oidc", "oauth2"])
def test_scopes_may_be_left_out_with_other_servers(control_plane: ControlPlane, provider: dict[str, Any]) -> None:
    """RFC 6749, section 3.3: the server then has a default, or says what is missing."""
    sent = with_spec(provider=provider)
    del sent["spec"]["scopes"]
    assert accepted(control_plane, sent)["spec"] == sent["spec"]
