"""Tokens are acquired from an OpenID provider that is not ours, by each way to prove who the client is.

What it accepts it found right by its own lights: signature, audience, times, a `jti` that it has not seen, the encoding of a
header. What it issues is verified with the keys that it publishes.
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from support.certificates import ClientCertificate, KeyType, make_certificate
from support.objects import Json
from support.oidc_provider import Client, OidcProvider, TokenRequest, jwk_of
from support.token_source import make_pair, spec_for, token_source_for
from tokensync.credentials.proof import ClientSecret, FederatedToken
from tokensync.errors import ProviderError, Reason
from tokensync.identity.source import MsalTokenSource
from tokensync.resource.spec import Spec
from tokensync.token import AccessToken

AWKWARD_ID = "reports: 100% & more"
AWKWARD_SECRET = "a+b/c:d&e=f% g"
"""Each of these characters means something in a form, in a header or between id and secret (RFC 6749, section 2.3.1)."""

OTHER_RESOURCE = "https://other.example/api"

CLUSTER = "https://kubernetes.default.svc.cluster.local"
SUBJECT = "system:serviceaccount:reports:exporter"

KEYS: dict[str, tuple[KeyType, int]] = {
    "RS256": ("rsa", 2048),
    "PS256": ("rsa", 2048),
    "ES256": ("ec", 256),
    "ES384": ("ec", 384),
    "ES512": ("ec", 521),
}
"""By algorithm, the key that it needs: its type, and its size in bits."""


@pytest.fixture
async def source(oidc_provider: OidcProvider) -> AsyncIterator[MsalTokenSource]:
    """Trusts the provider, and may ask it under its name and its address."""
    hosts = [oidc_provider.host, address_of(oidc_provider.host)]
    async with token_source_for(oidc_provider, allowed_hosts=hosts) as opened:
        yield opened


def address_of(host: str) -> str:
    return host.replace("localhost", "127.0.0.1")


def new_id(name: str = "client") -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def certificate_for(algorithm: str, **options: Any) -> ClientCertificate:
    key_type, key_size = KEYS[algorithm]
    return make_certificate(key_type=key_type, key_size=key_size, **options)


def oidc(provider: OidcProvider, issuer: str | None = None) -> Json:
    return {"oidc": {"issuer": issuer or provider.issuer}}


def oauth2(provider: OidcProvider) -> Json:
    return {"oauth2": {"tokenEndpoint": provider.token_endpoint}}


def certified(**form: Any) -> Json:
    return {"certificate": {"secretRef": {"name": "client"}, **form}}


def secretive(method: str = "Post") -> Json:
    return {"clientSecret": {"secretKeyRef": {"name": "client", "key": "secret"}, "method": method}}


def spec_of(provider: Json, client: Client, credential: Json, **fields: Any) -> Spec:
    return spec_for(provider, credential=credential, client_id=client.client_id, **fields)


def requests_of(provider: OidcProvider, client: Client) -> list[TokenRequest]:
    return [each for each in provider.requests if each.client_id == client.client_id]


def assert_verified(provider: OidcProvider, client: Client, token: AccessToken, **options: Any) -> None:
    """The token is the client's, and it lives no longer than we say."""
    claims = provider.verify(token.value, **options)
    expiry = datetime.fromtimestamp(claims["exp"], UTC)
    assert claims["client_id"] == client.client_id
    assert token.lifetime == timedelta(seconds=client.lifetime)
    # It counts from the whole second in which it issued, we from the moment the request was sent.
    assert expiry - timedelta(seconds=10) < token.expires_at < expiry + timedelta(seconds=1)


@pytest.mark.parametrize("key_id", [None, "first"])
@pytest.mark.parametrize("audience", ["TokenEndpoint", "Issuer"])
@pytest.mark.parametrize("algorithm", list(KEYS))
async def test_a_certificate_proves_the_client(
    oidc_provider: OidcProvider, source: MsalTokenSource, algorithm: str, audience: str, key_id: str | None
) -> None:
    """In each algorithm, to each audience, with and without a key id among two keys; each assertion is another one."""
    certificate, other = certificate_for(algorithm), certificate_for(algorithm, fresh=True)
    keys = [jwk_of(other, kid="second"), jwk_of(certificate, kid="first")]
    client = oidc_provider.register(Client.with_keys(new_id(), keys, algorithm=algorithm))
    form = {"algorithm": algorithm, "audience": audience} | ({"keyId": key_id} if key_id else {})
    spec = spec_of(oidc(oidc_provider), client, certified(**form), scopes=["read"])
    for _ in range(2):
        assert_verified(oidc_provider, client, await source.acquire(spec, make_pair(certificate)))
    seen = requests_of(oidc_provider, client)
    expected = oidc_provider.issuer if audience == "Issuer" else oidc_provider.token_endpoint
    assert [request.status for request in seen] == [200, 200]
    assert {(request.header["alg"], request.header.get("kid")) for request in seen} == {(algorithm, key_id)}
    assert {(request.claims["iss"], request.claims["sub"]) for request in seen} == {(client.client_id,) * 2}
    assert {request.claims["aud"] for request in seen} == {expected}
    assert len({request.claims["jti"] for request in seen}) == 2


@pytest.mark.parametrize("algorithm", ["PS256", "ES256", "ES384", "ES512"])
async def test_the_algorithm_follows_from_the_key(
    oidc_provider: OidcProvider, source: MsalTokenSource, algorithm: str
) -> None:
    """Where neither the resource nor the provider's registration has one."""
    certificate = certificate_for(algorithm)
    client = oidc_provider.register(Client.with_keys(new_id(), [jwk_of(certificate)]))
    await source.acquire(spec_of(oidc(oidc_provider), client, certified()), make_pair(certificate))
    assert requests_of(oidc_provider, client)[0].header["alg"] == algorithm


@pytest.mark.parametrize("provider_of", [oidc, oauth2], ids=["oidc", "oauth2"])
@pytest.mark.parametrize("method", ["Post", "Basic"])
async def test_a_client_secret_proves_the_client(
    oidc_provider: OidcProvider, source: MsalTokenSource, method: str, provider_of: Any
) -> None:
    """In the body and in a header, whatever characters id and secret are made of."""
    client = oidc_provider.register(Client.with_secret(new_id(AWKWARD_ID), AWKWARD_SECRET))
    spec = spec_of(provider_of(oidc_provider), client, secretive(method), scopes=["read", "write"])
    token = await source.acquire(spec, ClientSecret(AWKWARD_SECRET, "1"))
    assert_verified(oidc_provider, client, token)
    assert token.scope == "read write"
    (request,) = requests_of(oidc_provider, client)
    assert request.method == f"client_secret_{method.lower()}"


async def test_a_token_endpoint_alone_is_enough(oidc_provider: OidcProvider, source: MsalTokenSource) -> None:
    """Without discovery, an assertion is addressed to it."""
    certificate = make_certificate(key_type="ec")
    client = oidc_provider.register(Client.with_keys(new_id(), [jwk_of(certificate)]))
    spec = spec_of(oauth2(oidc_provider), client, certified())
    assert_verified(oidc_provider, client, await source.acquire(spec, make_pair(certificate)))
    assert requests_of(oidc_provider, client)[0].claims["aud"] == oidc_provider.token_endpoint


async def test_no_scope_is_asked_for_where_there_is_none(oidc_provider: OidcProvider, source: MsalTokenSource) -> None:
    """The parameter is left out."""
    client = oidc_provider.register(Client.with_secret(new_id(), "secret"))
    spec = spec_of(oidc(oidc_provider), client, secretive())
    assert_verified(oidc_provider, client, await source.acquire(spec, ClientSecret("secret", "1")))
    assert "scope" not in requests_of(oidc_provider, client)[0].parameters


async def test_parameters_reach_the_provider(oidc_provider: OidcProvider, source: MsalTokenSource) -> None:
    """A resource indicator (RFC 8707) decides for whom the token is."""
    client = oidc_provider.register(Client.with_secret(new_id(), "secret"))
    spec = spec_of(oidc(oidc_provider), client, secretive(), parameters={"resource": OTHER_RESOURCE})
    token = await source.acquire(spec, ClientSecret("secret", "1"))
    assert_verified(oidc_provider, client, token, audience=OTHER_RESOURCE)


async def test_the_expiry_is_the_tokens_own(oidc_provider: OidcProvider, source: MsalTokenSource) -> None:
    """Whatever the lifetime, and whichever algorithm the provider signs with."""
    for lifetime, algorithm in ((7, "ES256"), (86400, "RS256")):
        client = Client.with_secret(new_id(), "secret", lifetime=lifetime, signed_with=algorithm)
        spec = spec_of(oidc(oidc_provider), oidc_provider.register(client), secretive())
        assert_verified(oidc_provider, client, await source.acquire(spec, ClientSecret("secret", "1")))


@pytest.fixture(scope="module")
def cluster_key() -> ClientCertificate:
    """What signs ServiceAccounts' tokens."""
    return make_certificate("cluster", fresh=True)


@pytest.fixture
def federated(oidc_provider: OidcProvider, cluster_key: ClientCertificate) -> Client:
    """A client that trusts the ServiceAccount."""
    jwks = {"keys": [jwk_of(cluster_key, kid="cluster")]}
    client = Client.federated(new_id(), issuer=CLUSTER, subject=SUBJECT, audience=oidc_provider.issuer, jwks=jwks)
    return oidc_provider.register(client)


def service_account_token(key: ClientCertificate, provider: OidcProvider, **changes: Any) -> FederatedToken:
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": CLUSTER,
        "sub": SUBJECT,
        "aud": [provider.issuer],
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "jti": str(uuid.uuid4()),
        **changes,
    }
    value = jwt.encode(claims, key.private_key, algorithm="RS256", headers={"kid": "cluster"})
    return FederatedToken(value=value, subject=SUBJECT, audience=provider.issuer)


def federated_spec(provider: OidcProvider, client: Client) -> Spec:
    credential = {"serviceAccount": {"name": "exporter", "audience": provider.issuer}}
    return spec_of(oidc(provider), client, credential, scopes=["read"])


async def test_a_federated_token_proves_the_client(
    oidc_provider: OidcProvider, source: MsalTokenSource, federated: Client, cluster_key: ClientCertificate
) -> None:
    """It is the assertion as it stands."""
    spec = federated_spec(oidc_provider, federated)
    token = await source.acquire(spec, service_account_token(cluster_key, oidc_provider))
    assert_verified(oidc_provider, federated, token)
    (request,) = requests_of(oidc_provider, federated)
    assert (request.method, request.claims["iss"], request.claims["sub"]) == ("client_assertion", CLUSTER, SUBJECT)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://kubernetes.default.svc"},
        {"sub": f"{SUBJECT}-2"},
        {"aud": ["https://kubernetes.default.svc"]},
        {"exp": 1_700_000_000},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_federated_token_of_another_is_refused(
    oidc_provider: OidcProvider,
    source: MsalTokenSource,
    federated: Client,
    cluster_key: ClientCertificate,
    changes: Json,
) -> None:
    """As the one above but for one claim; the error says what is to be registered."""
    proof = service_account_token(cluster_key, oidc_provider, **changes)
    error = await refused(source, federated_spec(oidc_provider, federated), proof)
    assert error.reason is Reason.CREDENTIAL_REJECTED
    assert f"subject {SUBJECT} and audience {oidc_provider.issuer}" in error.remedy
    assert proof.value not in error.text


async def test_a_federated_token_is_good_once(
    oidc_provider: OidcProvider, source: MsalTokenSource, federated: Client, cluster_key: ClientCertificate
) -> None:
    """Here, as at other providers: each acquisition needs one of its own."""
    spec, proof = federated_spec(oidc_provider, federated), service_account_token(cluster_key, oidc_provider)
    await source.acquire(spec, proof)
    assert (await refused(source, spec, proof)).answer.http_status == 401
    await source.acquire(spec, service_account_token(cluster_key, oidc_provider))


async def test_a_federated_token_signed_by_another_is_refused(
    oidc_provider: OidcProvider, source: MsalTokenSource, federated: Client
) -> None:
    """Though it says the same."""
    proof = service_account_token(make_certificate(fresh=True), oidc_provider)
    error = await refused(source, federated_spec(oidc_provider, federated), proof)
    assert error.answer.http_status == 401


async def refused(source: MsalTokenSource, *request: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await source.acquire(*request)
    return caught.value


async def test_a_scope_that_was_dropped_is_not_claimed(oidc_provider: OidcProvider, source: MsalTokenSource) -> None:
    """The provider leaves out what it does not know, and says what is left (RFC 6749, section 3.3)."""
    client = oidc_provider.register(Client.with_secret(new_id(), "secret"))
    spec = spec_of(oidc(oidc_provider), client, secretive(), scopes=["read", "delete"])
    token = await source.acquire(spec, ClientSecret("secret", "1"))
    assert requests_of(oidc_provider, client)[0].parameters["scope"] == "read delete"
    assert token.scope == "read"


async def test_a_wrong_secret_is_told(oidc_provider: OidcProvider, source: MsalTokenSource) -> None:
    """The message names the client, and not what was sent."""
    client = oidc_provider.register(Client.with_secret(new_id(), "right-secret"))
    for method in ("Post", "Basic"):
        spec = spec_of(oidc(oidc_provider), client, secretive(method))
        error = await refused(source, spec, ClientSecret("wrong-secret", "1"))
        assert error.reason is Reason.CREDENTIAL_REJECTED
        assert (error.answer.http_status, error.answer.error_code) == (401, "invalid_client")
        assert client.client_id in error.message
        assert "secret" in error.remedy
        assert "wrong-secret" not in error.text


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({"algorithm": "RS256"}, "alg mismatch"),
        ({"algorithm": "PS256", "keyId": "unknown"}, ""),
    ],
    ids=["algorithm", "key id"],
)
async def test_a_setting_that_does_not_fit_is_told(
    oidc_provider: OidcProvider, source: MsalTokenSource, form: Json, fault: str
) -> None:
    """The provider says no more than `invalid_client`, so the message leads to the settings that it may be about."""
    certificate = make_certificate()
    client = Client.with_keys(new_id(), [jwk_of(certificate, kid="known")], algorithm="PS256")
    spec = spec_of(oidc(oidc_provider), oidc_provider.register(client), certified(**form))
    error = await refused(source, spec, make_pair(certificate))
    assert error.reason is Reason.CREDENTIAL_REJECTED
    assert error.answer.error_code == "invalid_client"
    assert certificate.thumbprint_sha1 in error.message
    assert "algorithm, keyId and audience" in error.remedy
    assert fault in requests_of(oidc_provider, client)[0].fault


async def test_a_new_certificate_is_taken_once_it_is_registered(
    oidc_provider: OidcProvider, source: MsalTokenSource
) -> None:
    """Until then it is refused, with the thumbprint that is to be registered."""
    old, new = make_certificate(), make_certificate(fresh=True)
    client = oidc_provider.register(Client.with_keys(new_id(), [jwk_of(old)]))
    spec = spec_of(oidc(oidc_provider), client, certified())
    error = await refused(source, spec, make_pair(new))
    assert error.reason is Reason.CREDENTIAL_REJECTED
    assert new.thumbprint_sha1 in error.remedy
    oidc_provider.register(Client.with_keys(client.client_id, [jwk_of(old), jwk_of(new)]))
    for certificate in (new, old):
        assert_verified(oidc_provider, client, await source.acquire(spec, make_pair(certificate)))


async def test_an_unknown_client_is_told(oidc_provider: OidcProvider, source: MsalTokenSource) -> None:
    """By its name."""
    stranger = Client.with_secret(new_id(), "secret")
    error = await refused(source, spec_of(oidc(oidc_provider), stranger, secretive()), ClientSecret("secret", "1"))
    assert stranger.client_id in error.message
    assert error.answer.error_code == "invalid_client"


@pytest.mark.parametrize("change", [address_of, lambda issuer: f"{issuer}/"], ids=["address", "slash"])
async def test_another_issuer_gets_no_credential(
    oidc_provider: OidcProvider, source: MsalTokenSource, change: Any
) -> None:
    """The document is found, but it is of an issuer that is written otherwise."""
    client = oidc_provider.register(Client.with_secret(new_id(), "secret"))
    wanted = change(oidc_provider.issuer)
    error = await refused(
        source, spec_of(oidc(oidc_provider, wanted), client, secretive()), ClientSecret("secret", "1")
    )
    assert error.reason is Reason.ISSUER_MISMATCH
    assert oidc_provider.issuer in error.message
    assert wanted in error.message
    assert requests_of(oidc_provider, client) == []


@pytest.fixture(scope="module", params=["", "/", "/op/"], ids=["root", "slash", "path and slash"])
def elsewhere(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    """A provider whose issuer has another form."""
    with OidcProvider(tmp_path_factory.mktemp("oidc-provider"), path=request.param) as running:
        yield running


@pytest.mark.parametrize("audience", ["TokenEndpoint", "Issuer"])
async def test_an_issuer_has_a_path_or_none(elsewhere: OidcProvider, audience: str) -> None:
    """With and without a slash at its end, exactly as its document has it."""
    certificate = make_certificate()
    client = elsewhere.register(Client.with_keys(new_id(), [jwk_of(certificate)]))
    spec = spec_of(oidc(elsewhere), client, certified(audience=audience))
    async with token_source_for(elsewhere) as source:
        assert_verified(elsewhere, client, await source.acquire(spec, make_pair(certificate)))
    expected = elsewhere.issuer if audience == "Issuer" else elsewhere.token_endpoint
    assert requests_of(elsewhere, client)[0].claims["aud"] == expected
