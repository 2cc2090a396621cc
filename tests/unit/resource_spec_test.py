"""Reading the resource as the API server shows it."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.example_resource import resource
from tokensync.errors import Reason, SpecError
from tokensync.resource.names import RENEW_REQUESTED_AT
from tokensync.resource.provider import Cloud
from tokensync.resource.spec import RENEW_REQUEST_LENGTH, ClientCredentialToken, Key, Spec
from tokensync.resource.target import DEFAULT_DATA, DeletionPolicy, ValueName

SHORTEST = resource()["spec"]
LONGEST: dict[str, Any] = {
    "provider": {
        "entra": {"tenantId": "contoso.onmicrosoft.com", "cloud": "USGovernment", "authorityHost": "a.example"}
    },
    "clientId": "client",
    "scopes": ["api://reports/.default"],
    "credential": {
        "certificate": {"secretRef": {"name": "pair"}, "certificateKey": "both.pem", "privateKeyKey": "both.pem"}
    },
    "target": {
        "name": "token",
        "data": {"header": "AuthorizationHeader", "until": "ExpiresAtUnix"},
        "labels": {"example.com/team": "reports"},
        "annotations": {"example.com/owner": "Ada"},
        "adopt": True,
        "deletionPolicy": "Retain",
    },
    "renewal": {"before": "15m", "lifetimePercentage": 50, "consumerHold": "1h30m"},
    "suspend": True,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every member of a JSON object."""
    if not isinstance(value, dict):
        return []
    return [place for name, child in value.items() for place in [(*path, name), *places(child, (*path, name))]]


def body(spec: Any = None, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """A resource as the API server shows it."""
    return {
        "apiVersion": "tokensync.dev/v1alpha1",
        "kind": "ClientCredentialToken",
        "metadata": {
            "name": "graph",
            "namespace": "reports",
            "uid": "f6c8a3f0-6f0c-4b1c-8b65-0a4c5e3f7a10",
            "resourceVersion": "41",
            "generation": 3,
            "creationTimestamp": "2026-11-23T13:45:00Z",
            "annotations": annotations or {},
            "managedFields": [],
        },
        "spec": SHORTEST if spec is None else spec,
    }


def test_shortest_resource_has_the_defaults_of_the_contract() -> None:
    """What nobody wrote is as the descriptions promise."""
    spec = ClientCredentialToken.parse(body()).spec
    assert spec.credential.certificate
    assert (spec.credential.certificate.certificate_key, spec.credential.certificate.private_key_key) == (
        "tls.crt",
        "tls.key",
    )
    assert (
        spec.target.shape
        == DEFAULT_DATA
        == {"token": "AccessToken", "expires-at": "ExpiresAt", "token-type": "TokenType"}
    )
    assert (spec.target.adopt, spec.target.deletion_policy, spec.suspend) == (False, DeletionPolicy.DELETE, False)
    assert (spec.renewal.before, spec.renewal.lifetime_percentage, spec.renewal.consumer_hold) == (
        None,
        67,
        timedelta(0),
    )


CERTIFICATE = {
    "secretRef": {"name": "pair"},
    "fallbackSecretRef": {"name": "previous"},
    "pkcs12Key": "pair.pfx",
    "passwordKey": "password",
    "algorithm": "ES384",
    "keyId": "key-1",
    "audience": "Issuer",
    "sendChain": True,
}
BUNDLE = {"configMapKeyRef": {"name": "authorities", "key": "ca.crt"}}
SHAPES: list[dict[str, Any]] = [
    {"basicAuth": {"username": "me"}},
    {"dockerConfigJson": {"registry": "registry.example.com", "username": "me"}},
    {"netrc": {"machine": "git.example.com", "login": "me"}},
    {"pgpass": {"host": "db.example.com", "port": 5432, "database": "reports", "user": "me"}},
    {"gitCredentials": {"url": "https://git.example.com", "username": "me"}},
    {"curlConfig": {}},
]
CHOICES: list[dict[str, Any]] = [
    {"provider": {"oidc": {"issuer": "https://login.example.com", "caBundleRef": BUNDLE}}},
    {"provider": {"oauth2": {"tokenEndpoint": "https://a.example/token"}}, "parameters": {"audience": "reports"}},
    {"credential": {"certificate": CERTIFICATE}},
    {"credential": {"clientSecret": {"secretKeyRef": {"name": "client-secret", "key": "value"}, "method": "Basic"}}},
    {"credential": {"serviceAccount": {"name": "reports", "audience": "tokens"}}},
    *({"target": {"name": "token", "type": "example.com/token", "format": shape}} for shape in SHAPES),
]


def unified(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec with its durations as Pydantic writes them."""
    renewal = Spec.model_validate(spec).renewal.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return spec | ({"renewal": renewal} if "renewal" in spec else {})


@pytest.mark.parametrize("spec", [SHORTEST, LONGEST, *(SHORTEST | choice for choice in CHOICES)])
def test_what_was_written_is_what_is_read(spec: dict[str, Any]) -> None:
    """Every provider, credential and shape; no field is lost on the way, and none is added."""
    read = Spec.model_validate(spec)
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == unified(spec)


def test_every_field_is_read() -> None:
    """A resource with everything set is understood as it was written."""
    spec = ClientCredentialToken.parse(body(LONGEST)).spec
    assert spec.provider.entra
    assert spec.credential.certificate
    assert (spec.provider.entra.cloud, spec.provider.entra.authority_host) == (Cloud.US_GOVERNMENT, "a.example")
    assert spec.credential.certificate.certificate_key == spec.credential.certificate.private_key_key == "both.pem"
    assert spec.target.shape == {"header": ValueName.AUTHORIZATION_HEADER, "until": ValueName.EXPIRES_AT_UNIX}
    assert (spec.target.labels, spec.target.annotations) == (
        {"example.com/team": "reports"},
        {"example.com/owner": "Ada"},
    )
    assert (spec.target.adopt, spec.target.deletion_policy, spec.suspend) == (True, DeletionPolicy.RETAIN, True)
    assert (spec.renewal.before, spec.renewal.consumer_hold) == (timedelta(minutes=15), timedelta(minutes=90))


@pytest.mark.parametrize("spec", [SHORTEST, {key: LONGEST[key] for key in LONGEST if key != "renewal"}])
def test_what_nobody_wrote_stays_unset(spec: dict[str, Any]) -> None:
    """A new field with a default must not change the inputs that a stored token answers."""
    assert Spec.model_validate(spec).model_dump(mode="json", by_alias=True, exclude_unset=True) == spec


def test_field_of_a_newer_version_is_ignored() -> None:
    """An operator that is rolled back still reads resources that its successor's CRD let through."""
    newer = copy.deepcopy(SHORTEST)
    newer["target"]["compression"] = "none"
    assert Spec.model_validate(newer) == Spec.model_validate(SHORTEST)


def test_resource_names_itself_and_its_two_secrets() -> None:
    """All three belong to the namespace of the resource."""
    resource = ClientCredentialToken.parse(body())
    assert resource.key == Key("reports", "graph")
    assert resource.target_key == Key("reports", "graph-token")
    assert resource.credential_keys == (Key("reports", "graph-client-certificate"),)
    assert str(resource.key) == "reports/graph"


def test_metadata_is_read() -> None:
    """Which generation of the spec this is, and whose."""
    metadata = ClientCredentialToken.parse(body()).metadata
    assert (metadata.generation, metadata.name, metadata.namespace) == (3, "graph", "reports")


@pytest.mark.parametrize("length", [0, 1, RENEW_REQUEST_LENGTH, RENEW_REQUEST_LENGTH + 1])
def test_renew_request_is_cut_to_what_the_status_echoes(length: int) -> None:
    """A request of any length can be recognized in its echo."""
    resource = ClientCredentialToken.parse(body(annotations={RENEW_REQUESTED_AT: "x" * length}))
    assert resource.renew_request == "x" * min(length, RENEW_REQUEST_LENGTH)


def test_resource_without_the_annotation_requests_nothing() -> None:
    """Other annotations ask for no renewal."""
    assert ClientCredentialToken.parse(body(annotations={"example.com/owner": "Ada"})).renew_request == ""


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("provider",), {}, "spec.provider: Value error, set exactly one of entra, oidc, oauth2"),
        (("provider", "entra", "cloud"), "Germany", "spec.provider.entra.cloud: Input should be 'Public'"),
        (("target", "data"), {"token": "Password"}, "spec.target.data.token: Input should be 'AccessToken'"),
        (
            ("renewal",),
            {"before": "soon"},
            "spec.renewal.before: Value error, 'soon' is not a duration: write it as 90s",
        ),
        (
            ("renewal",),
            {"lifetimePercentage": 33},
            "spec.renewal.lifetimePercentage: Input should be greater than or equal",
        ),
    ],
)
def test_spec_that_the_schema_would_refuse_is_an_error_with_the_field(
    place: tuple[str, ...], value: object, message: str
) -> None:
    """After a downgrade of the CRD the resource says which field is wrong, and what to do."""
    with pytest.raises(SpecError) as caught:
        ClientCredentialToken.parse(body(altered(SHORTEST, place, value)))
    assert caught.value.reason == Reason.INVALID_SPEC
    assert caught.value.message.startswith(message)
    assert caught.value.remedy.startswith("correct the field")


def altered(spec: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy of a spec with one member replaced."""
    result = copy.deepcopy(spec)
    parent = result
    for name in place[:-1]:
        parent = parent[name]
    parent[place[-1]] = value
    return result


def outcome(resource: dict[str, Any]) -> ClientCredentialToken | SpecError:
    """What reading a resource comes to."""
    try:
        return ClientCredentialToken.parse(resource)
    except SpecError as error:
        return error


@given(st.sampled_from(places(LONGEST)), JSON)
def test_nothing_but_the_promised_error_is_raised(place: tuple[str, ...], value: Any) -> None:
    """Whatever stands in a field, reading it ends with a resource or with an error that names a field of the spec."""
    result = outcome(body(altered(LONGEST, place, value)))
    assert isinstance(result, ClientCredentialToken) or result.message.startswith("spec")
