"""Tokens from any OAuth 2.0 server: found by discovery or named outright, asked for as RFC 6749 has it."""

from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
import trustme

from support.authorization_server import WELL_KNOWN, AuthorizationServer, authorization_server
from support.certificates import make_certificate
from support.token_source import CERTIFICATE, CLIENT, SCOPE, TENANT, make_pair, make_spec, spec_for, token_source_for
from tokensync.credentials.proof import ClientSecret, FederatedToken
from tokensync.errors import ProviderError, Reason, SpecError, TokenSyncError
from tokensync.identity.source import MsalTokenSource
from tokensync.resource.spec import Spec

SECRET = ClientSecret("it's 100% ~ a+secret: yes&no/=", "version-1")
POST = {"clientSecret": {"secretKeyRef": {"name": "client", "key": "secret"}}}
BASIC = {"clientSecret": {"secretKeyRef": {"name": "client", "key": "secret"}, "method": "Basic"}}
TO_ISSUER = {"certificate": {"secretRef": {"name": "client"}, "audience": "Issuer"}}
SERVICE_ACCOUNT = {"serviceAccount": {"name": "reports", "audience": "https://idp.example"}}


@pytest.fixture
async def server() -> AsyncIterator[AuthorizationServer]:
    """A server of its own for each test."""
    async with authorization_server() as running:
        yield running


@pytest.fixture
async def source(server: AuthorizationServer) -> AsyncIterator[MsalTokenSource]:
    """Trusts it, and may ask it."""
    async with token_source_for(server) as opened:
        yield opened


def oidc(issuer: str, **fields: Any) -> Spec:
    return spec_for({"oidc": {"issuer": issuer}}, **fields)


def oauth2(endpoint: str, **fields: Any) -> Spec:
    return spec_for({"oauth2": {"tokenEndpoint": endpoint}}, **fields)


async def refused(source: MsalTokenSource, spec: Spec) -> TokenSyncError:
    with pytest.raises(TokenSyncError) as caught:
        await source.acquire(spec, SECRET)
    return caught.value


@pytest.mark.parametrize("issuer", ["", "/", "/op", "/op/", "/realms/reports"])
async def test_an_issuer_is_found_where_discovery_puts_it(
    server: AuthorizationServer, source: MsalTokenSource, issuer: str
) -> None:
    """With and without a path, with and without a final slash, which is not repeated (OpenID Discovery, section 4)."""
    server.metadata["issuer"] = server.url + issuer
    token = await source.acquire(oidc(server.url + issuer, credential=POST), SECRET)
    assert token.value == "an-access-token"
    assert [(request.method, request.path) for request in server.requests] == [
        ("GET", f"{issuer.removesuffix('/')}{WELL_KNOWN}"),
        ("POST", "/token"),
    ]


@pytest.mark.parametrize(
    ("asked", "named", "said"),
    [
        ("/op", "/op/", "names issuer {url}/op/, and not {url}/op"),
        ("/op/", "/op", "names issuer {url}/op, and not {url}/op/"),
        ("", "/", "names issuer {url}/, and not {url}"),
        ("/op", "/OP", "names issuer {url}/OP, and not {url}/op"),
        ("/op", None, "names no issuer, and not {url}/op"),
    ],
)
async def test_another_issuer_gets_nothing(
    server: AuthorizationServer, source: MsalTokenSource, *, asked: str, named: str | None, said: str
) -> None:
    """Character by character; the message names both."""
    server.metadata["issuer"] = None if named is None else server.url + named
    error = await refused(source, oidc(server.url + asked, credential=POST))
    assert error.reason is Reason.ISSUER_MISMATCH
    assert error.message == f"the discovery document of {server.host} {said.format(url=server.url)}"
    assert error.remedy.startswith("if that is the server that is meant, set spec.provider.oidc.issuer to exactly")
    assert server.token_requests == []


async def test_two_spellings_of_an_issuer_share_a_document_and_not_its_approval(
    server: AuthorizationServer, source: MsalTokenSource
) -> None:
    """The document is kept for both; each is compared with its own spec."""
    await source.acquire(oidc(f"{server.url}/op", credential=POST), SECRET)
    error = await refused(source, oidc(f"{server.url}/op/", credential=POST))
    assert error.reason is Reason.ISSUER_MISMATCH
    assert len(server.requests) == 2


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/token/", "/"])
async def test_a_token_endpoint_is_asked_as_it_is_written(
    server: AuthorizationServer, source: MsalTokenSource, path: str
) -> None:
    """A final slash is part of it: to some servers it is another address."""
    await source.acquire(oauth2(server.url + path, credential=POST), SECRET)
    assert [request.path for request in server.requests] == [path]
    server.metadata["token_endpoint"] = server.url + path
    await source.acquire(oidc(f"{server.url}/op", credential=POST), SECRET)
    assert server.requests[-1].path == path


async def test_a_secret_in_the_body_stands_there_once(server: AuthorizationServer, source: MsalTokenSource) -> None:
    """Beside the client id, and with no header (RFC 6749, section 2.3: one way to authenticate)."""
    await source.acquire(oauth2(f"{server.url}/token", credential=POST, scopes=["b", "a"]), SECRET)
    request = server.requests[0]
    assert request.authorization == ""
    assert sorted(request.form) == [
        ("client_id", CLIENT),
        ("client_secret", SECRET.value),
        ("grant_type", "client_credentials"),
        ("scope", "b a"),
    ]


@pytest.mark.parametrize("client_id", [CLIENT, "a client: with + and %"])
async def test_a_secret_in_the_header_is_form_encoded(
    server: AuthorizationServer, source: MsalTokenSource, client_id: str
) -> None:
    """Client id and secret, each by itself (RFC 6749, section 2.3.1); the body names neither."""
    await source.acquire(oauth2(f"{server.url}/token", credential=BASIC, client_id=client_id), SECRET)
    request = server.requests[0]
    assert request.basic == (client_id, SECRET.value)
    assert request.form == [("grant_type", "client_credentials")]


async def test_a_secret_in_the_header_reaches_entra_too(server: AuthorizationServer, source: MsalTokenSource) -> None:
    """By the same discovery document, which may name no other host; MSAL's applications know the body only."""
    server.metadata["token_endpoint"] = f"{server.url}/{TENANT}/oauth2/v2.0/token"
    spec = make_spec(authorityHost=server.host, credential=BASIC)
    await source.acquire(spec, SECRET)
    assert [request.path for request in server.requests] == [
        f"/{TENANT}/v2.0{WELL_KNOWN}",
        f"/{TENANT}/oauth2/v2.0/token",
    ]
    assert server.requests[1].basic == (CLIENT, SECRET.value)
    assert server.requests[1].form == [("grant_type", "client_credentials"), ("scope", SCOPE)]


async def test_a_secret_in_the_header_stays_on_entras_own_host() -> None:
    """Though the other one is allowed as well."""
    ca = trustme.CA()
    async with authorization_server(ca) as server, authorization_server(ca) as other:
        server.metadata["token_endpoint"] = f"{other.url}/token"
        async with token_source_for(server, allowed_hosts=[server.host, other.host]) as source:
            error = await refused(source, make_spec(authorityHost=server.host, credential=BASIC))
    assert (
        error.message == f"the discovery document of {server.host} names a token endpoint on another host, {other.host}"
    )
    assert other.requests == []


@pytest.mark.parametrize("credential", [POST, BASIC])
async def test_parameters_are_added_and_no_scope_is_made_up(
    server: AuthorizationServer, source: MsalTokenSource, credential: dict[str, Any]
) -> None:
    """What the spec lacks is not on the wire, not even empty."""
    parameters = {"audience": "https://api.example/", "resource": "urn:x y"}
    token = await source.acquire(oauth2(f"{server.url}/token", credential=credential, parameters=parameters), SECRET)
    form = dict(server.requests[0].form)
    assert {name: form[name] for name in parameters} == parameters
    assert "scope" not in form
    assert token.scope == ""


@pytest.mark.parametrize(
    "name",
    ["grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type", "client_claims"],
)
async def test_parameters_of_the_protocol_are_refused(
    server: AuthorizationServer, source: MsalTokenSource, name: str
) -> None:
    """Before anything is sent."""
    spec = oauth2(f"{server.url}/token", credential=POST, parameters={name: "x", "audience": "y"})
    with pytest.raises(SpecError) as caught:
        source.check(spec)
    assert caught.value.reason is Reason.INVALID_SPEC
    assert caught.value.message == f"spec.parameters may not hold {name}: tokensync sets them itself"
    assert (await refused(source, spec)).reason is Reason.INVALID_SPEC
    assert server.requests == []


@pytest.mark.parametrize(("credential", "audience"), [(CERTIFICATE, "/TOKEN/"), (TO_ISSUER, "/op/")])
async def test_an_assertion_is_addressed_as_the_spec_says(
    server: AuthorizationServer, source: MsalTokenSource, credential: dict[str, Any], audience: str
) -> None:
    """To the token endpoint or to the issuer, each in the words of the document: servers compare texts."""
    server.metadata.update(issuer=f"{server.url}/op/", token_endpoint=f"{server.url}/TOKEN/")
    await source.acquire(oidc(f"{server.url}/op/", credential=credential), make_pair(make_certificate()))
    form = dict(server.token_requests[0].form)
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    claims = jwt.decode(form["client_assertion"], options={"verify_signature": False})
    assert claims["aud"] == server.url + audience
    assert (claims["iss"], claims["sub"], form["client_id"]) == (CLIENT, CLIENT, CLIENT)


async def test_a_bare_token_endpoint_has_no_issuer(server: AuthorizationServer, source: MsalTokenSource) -> None:
    """The CRD refuses it; what slips through is told and sends nothing."""
    with pytest.raises(SpecError, match="has no issuer that an assertion could be addressed to"):
        await source.acquire(oauth2(f"{server.url}/token", credential=TO_ISSUER), make_pair(make_certificate()))
    assert server.requests == []


async def test_a_federated_token_is_the_assertion(server: AuthorizationServer, source: MsalTokenSource) -> None:
    """As it is: nothing is signed here."""
    token = FederatedToken("header.claims.signature", "system:serviceaccount:reports:reader", "https://idp.example")
    await source.acquire(oauth2(f"{server.url}/token", credential=SERVICE_ACCOUNT), token)
    form = dict(server.requests[0].form)
    assert form["client_assertion"] == "header.claims.signature"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "client_secret" not in form


async def test_a_discovered_token_endpoint_may_lie_on_another_allowed_host() -> None:
    """It is that host which gets the credential, and which messages name."""
    ca = trustme.CA()
    async with authorization_server(ca) as server, authorization_server(ca) as other:
        server.metadata["token_endpoint"] = f"{other.url}/token"
        async with token_source_for(server, allowed_hosts=[server.host, other.host]) as source:
            await source.acquire(oidc(server.url, credential=POST), SECRET)
            other.status, other.answer = 401, {"error": "invalid_client"}
            error = await refused(source, oidc(server.url, credential=POST))
    assert error.message == f"{other.host} does not accept the client secret for client {CLIENT} (invalid_client)"
    assert (len(server.token_requests), len(other.token_requests)) == (0, 2)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("credential", [POST, BASIC])
async def test_a_discovered_token_endpoint_on_a_host_that_is_not_allowed_gets_nothing(
    credential: dict[str, Any], name: str
) -> None:
    """Not even a connection's worth: it listens, and hears no request, by an address as little as by a name."""
    ca = trustme.CA()
    async with authorization_server(ca) as server, authorization_server(ca, name=name) as other:
        host = other.host.replace("localhost", name)
        server.metadata["token_endpoint"] = f"https://{host}/token"
        async with token_source_for(server) as source:
            error = await refused(source, oidc(server.url, credential=credential))
    assert error.reason is Reason.HOST_NOT_ALLOWED
    assert error.message == f"this installation does not allow tokens to be requested from {host}/token"
    assert (server.token_requests, other.requests) == ([], [])


@pytest.mark.parametrize("provider", ["oidc", "oauth2"])
async def test_a_host_that_is_not_allowed_gets_nothing(server: AuthorizationServer, provider: str) -> None:
    """Whatever the kind of provider."""
    spec = oidc(server.url, credential=POST) if provider == "oidc" else oauth2(f"{server.url}/token", credential=POST)
    async with token_source_for(server, allowed_hosts=["login.microsoftonline.com"]) as source:
        with pytest.raises(SpecError, match="HostNotAllowed"):
            source.check(spec)
        assert (await refused(source, spec)).reason is Reason.HOST_NOT_ALLOWED
    assert server.requests == []


async def test_a_redirect_is_not_followed(server: AuthorizationServer, source: MsalTokenSource) -> None:
    """The message names the field of this provider."""
    server.status = 307
    error = await refused(source, oauth2(f"{server.url}/token", credential=POST))
    assert isinstance(error, ProviderError)
    assert error.reason is Reason.PROVIDER_REDIRECTED
    assert error.remedy.startswith("correct spec.provider.oauth2.tokenEndpoint, or find out what answers")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        ({"scope": "a"}, "a"),
        ({"scope": "b a"}, "b a"),
        ({"scope": ""}, ""),
        ({}, "a b"),
        ({"scope": None, "refresh_in": "soon", "id_token": None}, "a b"),
        ({"scope": ["a"]}, "a b"),
        ({"scope": 7}, "a b"),
    ],
)
async def test_the_granted_scope_is_the_servers(
    server: AuthorizationServer, source: MsalTokenSource, members: dict[str, Any], kept: str
) -> None:
    """Left out, or no text, it is what was asked for (RFC 6749, section 5.1); what else the answer holds means nothing."""
    server.answer = {**server.answer, **members}
    token = await source.acquire(oauth2(f"{server.url}/token", credential=POST, scopes=["a", "b"]), SECRET)
    assert (token.scope, token.token_type, token.lifetime.total_seconds()) == (kept, "Bearer", 3599)


async def test_a_lifetime_that_is_null_is_none(server: AuthorizationServer, source: MsalTokenSource) -> None:
    """Ten minutes are assumed, as where it is left out; MSAL would fail over it."""
    server.answer = {**server.answer, "expires_in": None}
    token = await source.acquire(oauth2(f"{server.url}/token", credential=POST), SECRET)
    assert token.lifetime.total_seconds() == 600
