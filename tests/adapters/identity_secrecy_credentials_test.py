"""No client secret and no federated token leaves in an error, a log, a `repr` or a scope, whatever the server echoes."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from support.authorization_server import AuthorizationServer, authorization_server
from support.entra.workload import AUDIENCE, SUBJECT, WorkloadIssuer
from support.token_source import CLIENT, everything_in, spec_for, token_source_for
from tokensync.credentials.proof import ClientSecret, FederatedToken, Proof
from tokensync.errors import ProviderError
from tokensync.identity.source import MsalTokenSource
from tokensync.resource.spec import Spec

POST = {"clientSecret": {"secretKeyRef": {"name": "client", "key": "secret"}}}
BASIC = {"clientSecret": {"secretKeyRef": {"name": "client", "key": "secret"}, "method": "Basic"}}
SERVICE_ACCOUNT = {"serviceAccount": {"name": "reader", "audience": AUDIENCE}}

LONG, SHORT, SPACED = "Abc8Q~with.every-kind_of+character/=", "hunter2%", "correct horse & battery: staple"
TOKEN = WorkloadIssuer().token()
PROOFS: dict[str, tuple[dict[str, Any], Proof]] = {
    f"{how}, {kind}": (credential, ClientSecret(secret, "version-1"))
    for how, credential in (("Post", POST), ("Basic", BASIC))
    for kind, secret in (("long", LONG), ("short", SHORT), ("with spaces", SPACED))
} | {"federated": (SERVICE_ACCOUNT, FederatedToken(TOKEN, SUBJECT, AUDIENCE))}

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "form-encoded": quote_plus,
    "percent-encoded": lambda text: quote(text, safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, shifted": lambda text: base64.urlsafe_b64encode(f"x{text}".encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "Basic": lambda text: "Basic " + base64.b64encode(f"{quote_plus(CLIENT)}:{quote_plus(text)}".encode()).decode(),
    "Basic, decoded": lambda text: f"{quote_plus(CLIENT)}:{quote_plus(text)}",
}
MEMBERS = ("error", "error_description", "error_uri", "correlation_id", "trace_id", "scope", "token_type", "expires_in")


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


def spec_at(server: AuthorizationServer, credential: dict[str, Any]) -> Spec:
    return spec_for({"oidc": {"issuer": server.url}}, credential=credential)


def value_of(proof: Proof) -> str:
    assert isinstance(proof, ClientSecret | FederatedToken)
    return proof.value


def assert_kept_secret(value: str, form: str, shown: str) -> None:
    """Neither the secret nor this form of it is in a text, nor what is left of a long one without its ends."""
    encoded = FORMS[form](value)
    parts = [value, encoded, *([encoded[4:-4]] if len(encoded) > 24 else [])]
    assert not [part for part in parts if part in shown]


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("proof", sorted(PROOFS))
async def test_an_echoed_credential_is_not_shown(
    server: AuthorizationServer,
    source: MsalTokenSource,
    caplog: pytest.LogCaptureFixture,
    *,
    proof: str,
    form: str,
    status: int,
) -> None:
    """In no member of the error, in no error behind it, and in no log at its lowest level."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    credential, offered = PROOFS[proof]
    value = value_of(offered)
    server.status, server.answer = status, dict.fromkeys(MEMBERS, f"you sent <{FORMS[form](value)}>, it is wrong")
    with pytest.raises(ProviderError) as caught:
        await source.acquire(spec_at(server, credential), offered)
    assert_kept_secret(value, form, f"{everything_in(caught.value)}\n{caplog.text}")


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("proof", sorted(PROOFS))
async def test_no_scope_of_a_token_holds_a_credential(
    server: AuthorizationServer, source: MsalTokenSource, proof: str, form: str
) -> None:
    """It is shown in the status; the token is good all the same."""
    credential, offered = PROOFS[proof]
    value = value_of(offered)
    server.answer = {**server.answer, "scope": f"read {FORMS[form](value)}"}
    token = await source.acquire(spec_at(server, credential), offered)
    assert token.value == "an-access-token"
    assert_kept_secret(value, form, f"{token!r} {offered!r} {vars(source)!r}")


@pytest.mark.parametrize("proof", sorted(PROOFS))
async def test_a_header_is_not_echoed_by_a_redirect(
    server: AuthorizationServer, source: MsalTokenSource, proof: str
) -> None:
    """Nor is a connection that breaks a place for it."""
    credential, offered = PROOFS[proof]
    server.status = 302
    with pytest.raises(ProviderError) as caught:
        await source.acquire(spec_at(server, credential), offered)
    assert value_of(offered) not in everything_in(caught.value)
