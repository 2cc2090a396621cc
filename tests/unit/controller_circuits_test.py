"""Who shares what: a token only with whoever would send the very same request, and a circuit no longer than it has news."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support.builders import ISSUED_AT, make_observation
from support.simulators.clock import LoopClock
from support.simulators.provider import SimulatedProvider
from tokensync.controller.circuits import Circuit, Circuits, Sharers
from tokensync.errors import ProviderError, Reason
from tokensync.resource.spec import ClientCredentialToken, Key
from tokensync.rotation.sharing import Trouble

Json = dict[str, Any]

BUNDLES = st.sampled_from(
    [
        {},
        {"caBundleRef": {"configMapKeyRef": {"name": "ca", "key": "ca.crt"}}},
        {"caBundleRef": {"configMapKeyRef": {"name": "ca", "key": "other.crt"}}},
        {"caBundleRef": {"secretKeyRef": {"name": "ca", "key": "ca.crt"}}},
    ]
)
ADDRESSES = st.sampled_from(
    [
        ("entra", {"tenantId": "contoso"}),
        ("entra", {"tenantId": "fabrikam"}),
        ("entra", {"tenantId": "contoso", "cloud": "China"}),
        ("entra", {"tenantId": "contoso", "authorityHost": "login.example"}),
        ("oidc", {"issuer": "https://issuer.example/contoso"}),
        ("oauth2", {"tokenEndpoint": "https://issuer.example/contoso"}),
    ]
)
PROVIDERS = st.builds(lambda address, bundle: {address[0]: {**address[1], **bundle}}, ADDRESSES, BUNDLES)
CERTIFICATES = st.fixed_dictionaries(
    {"secretRef": st.sampled_from([{"name": "pair"}, {"name": "other"}])},
    optional={
        "fallbackSecretRef": st.just({"name": "previous"}),
        "algorithm": st.sampled_from(["PS256", "RS256"]),
        "keyId": st.sampled_from(["key-1", "key-2"]),
        "audience": st.sampled_from(["TokenEndpoint", "Issuer"]),
        "sendChain": st.booleans(),
    },
)
CLIENT_SECRETS = st.fixed_dictionaries(
    {"secretKeyRef": st.sampled_from([{"name": "pair", "key": "value"}, {"name": "pair", "key": "other"}])},
    optional={"method": st.sampled_from(["Post", "Basic"])},
)
SERVICE_ACCOUNTS = st.fixed_dictionaries(
    {"name": st.sampled_from(["robot", "other"])},
    optional={"audience": st.sampled_from(["api://one", "api://two"])},
)
CREDENTIALS = st.one_of(
    st.builds(lambda form: {"certificate": form}, CERTIFICATES),
    st.builds(lambda form: {"clientSecret": form}, CLIENT_SECRETS),
    st.builds(lambda form: {"serviceAccount": form}, SERVICE_ACCOUNTS),
)
SENT: dict[str, st.SearchStrategy[Any]] = {
    "provider": PROVIDERS,
    "clientId": st.sampled_from(["client", "other"]),
    "scopes": st.lists(st.sampled_from(["read", "write"]), unique=True),
    "parameters": st.dictionaries(st.sampled_from(["audience", "resource"]), st.sampled_from(["one", "two"])),
    "credential": CREDENTIALS,
}
"""Everything of a spec that goes into its request, or says who may read the answer."""
KEPT: dict[str, st.SearchStrategy[Any]] = {
    "target": st.fixed_dictionaries({"name": st.sampled_from(["token", "other"])}),
    "renewal": st.sampled_from([{}, {"before": "10m"}, {"consumerHold": "5m"}]),
}
"""What says only what becomes of the token."""
SPECS = st.fixed_dictionaries({**SENT, **KEPT})
PROVIDER = SimulatedProvider(LoopClock())
"""It takes tenants for endpoints, and nothing else: whatever else differs, the spec alone must tell."""


def resource(spec: Json, *, namespace: str = "reports", name: str = "graph") -> ClientCredentialToken:
    """A resource with this spec."""
    return ClientCredentialToken.parse({"metadata": {"name": name, "namespace": namespace, "uid": name}, "spec": spec})


def request_of(spec: Json, *, namespace: str = "reports", name: str = "graph", fingerprint: str = "print") -> object:
    """The name of those who send the same request."""
    return Sharers.of(resource(spec, namespace=namespace, name=name), fingerprint, PROVIDER).request


def sent(spec: Json) -> Json:
    """What goes into the request, with its defaults."""
    return resource(spec).spec.model_dump(include={"provider", "client_id", "scopes", "parameters", "credential"})


@given(one=SPECS, other=SPECS, field=st.sampled_from([*SENT, *KEPT]))
def test_a_token_is_shared_only_by_the_very_same_request(one: Json, other: Json, field: str) -> None:
    """Two specs that differ in one field share a token if that does not go into the request, or means the same."""
    two = {**one, field: other[field]}

    assert (request_of(one) == request_of(two, name="two")) == (sent(one) == sent(two))


@given(one=SPECS, two=SPECS)
def test_no_two_requests_are_taken_for_one(one: Json, two: Json) -> None:
    """Whatever differs, and however much."""
    assert (request_of(one) == request_of(two, name="two")) == (sent(one) == sent(two))


@given(spec=SPECS)
def test_no_token_leaves_its_namespace_or_outlives_its_credential(spec: Json) -> None:
    """The same spec in another namespace, or with another key, is another request."""
    assert request_of(spec) != request_of(spec, namespace="other")
    assert request_of(spec) != request_of(spec, fingerprint="other")


GRAPH = Key("reports", "graph")
SECOND = timedelta(seconds=1)
ERROR = ProviderError(Reason.CREDENTIAL_REJECTED, "not registered")
TROUBLE = Trouble.after(ERROR, None, seen=make_observation(), now=ISSUED_AT, chance=0)


def in_trouble() -> Circuit:
    """A request failed, and somebody waits."""
    circuit = Circuit()
    circuit.failed(TROUBLE, began_at=ISSUED_AT - SECOND)
    circuit.waiting.add(GRAPH)
    return circuit


def test_a_request_that_works_ends_a_trouble() -> None:
    """Who waited for that is told, once."""
    circuit = in_trouble()

    assert circuit.worked(ISSUED_AT + SECOND, began_at=ISSUED_AT) == {GRAPH}
    assert circuit.trouble is None
    assert circuit.accepted_at == ISSUED_AT + SECOND
    assert circuit.worked(ISSUED_AT + SECOND, began_at=ISSUED_AT) == set()


def test_a_request_from_before_a_trouble_does_not_end_it() -> None:
    """It was under way when another failed: what it met may be over."""
    circuit = in_trouble()

    assert circuit.worked(ISSUED_AT + SECOND, began_at=ISSUED_AT - SECOND) == set()
    assert circuit.trouble == TROUBLE


def test_a_request_from_before_a_trouble_is_no_second_failure() -> None:
    """But what the provider asks for in its answer counts."""
    circuit = in_trouble()
    asked = replace(TROUBLE, failures=2, asked_until=ISSUED_AT + timedelta(minutes=1))

    circuit.failed(asked, began_at=ISSUED_AT - SECOND)

    assert circuit.trouble == replace(TROUBLE, asked_until=asked.asked_until)


def test_only_the_one_that_asks_lands_for_the_others() -> None:
    """Who joined it is told, whatever came of it."""
    circuit = Circuit(asking=GRAPH, joined={Key("reports", "other")})

    assert circuit.landed(Key("reports", "somebody")) == set()
    assert circuit.landed(GRAPH) == {Key("reports", "other")}
    assert circuit.asking is None


def circuits_with_trouble() -> Circuits:
    """So many that some are forgotten when they can be; in each somebody waits."""
    circuits = Circuits()
    for number in range(2000):
        circuits[number].failed(TROUBLE, began_at=ISSUED_AT)
        circuits[number].waiting.add(GRAPH)
    return circuits


def test_a_circuit_is_forgotten_an_hour_after_its_last_news() -> None:
    """Whoever waited for it may be gone: what nobody asks for any more takes no memory for ever."""
    circuits = circuits_with_trouble()
    circuits.tidy(ISSUED_AT + timedelta(minutes=59))
    assert circuits[0].trouble

    circuits = circuits_with_trouble()
    circuits.tidy(ISSUED_AT + timedelta(minutes=62))

    assert not circuits[0].trouble


def test_a_circuit_in_use_is_kept() -> None:
    """Whoever asks for others is remembered, however long it takes."""
    circuits = circuits_with_trouble()
    circuits[0].asking = GRAPH

    circuits.tidy(ISSUED_AT + timedelta(days=1))

    assert circuits[0].asking
    assert not circuits[1].trouble
