"""No token and no assertion leaves in an error, a log or a `repr`, whatever the provider does with them."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web

from support.certificates import make_certificate
from support.entra import Endpoint, FakeEntra, Fault
from support.entra.faults import (
    CONTROL_CHARACTERS,
    HUGE,
    NOT_JSON,
    WITHOUT_LIFETIME,
    Altered,
    EchoedAssertion,
    Exchange,
    Redirected,
    Truncated,
    server_error,
    throttled,
)
from support.token_source import everything_in, make_pair, register, spec_at, token_source_for
from tokensync.errors import ProviderError, TokenSyncError
from tokensync.identity.source import MsalTokenSource

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "without its first half": lambda text: text[len(text) // 2 :],
    "percent-encoded": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url, shifted": lambda text: base64.urlsafe_b64encode(b"x" + text.encode()).decode(),
    "in a URL": lambda text: f"https://login.example.com/?a={quote(text)}&b=c",
}


@dataclass(frozen=True)
class Echo:
    """An answer whose every member repeats the assertion that was sent."""

    form: Callable[[str], str]
    status: int = 400
    as_json: bool = True

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        echo = self.form(str((await exchange.request.post())["client_assertion"]))
        if not self.as_json:
            return web.Response(text=f"<html>{echo}</html>", status=self.status, reason=None)
        names = ("error", "error_description", "correlation_id", "trace_id", "suberror", "error_codes", "error_uri")
        return web.json_response(dict.fromkeys(names, echo), status=self.status)


@pytest.fixture
def entra() -> Iterator[FakeEntra]:
    """A provider of its own for each test."""
    with FakeEntra() as running:
        yield running


@pytest.fixture
async def source(entra: FakeEntra) -> AsyncIterator[MsalTokenSource]:
    """Trusts it, and may ask it."""
    async with token_source_for(entra) as opened:
        yield opened


def pieces(secret: str) -> set[str]:
    """A piece from each part of a secret, in every form that it could be shown in."""
    parts = [*secret.split("."), secret[:40], secret[len(secret) // 2 :][:40], secret[-40:]]
    return {form(part)[-24:] for part in parts for form in list(FORMS.values())[:5]}


def assert_kept_secret(entra: FakeEntra, shown: str) -> None:
    """None of the assertions and tokens of a provider is in a text."""
    secrets = [*entra.assertions, *(token.value for token in entra.issued)]
    assert secrets
    assert not [piece for secret in secrets for piece in pieces(secret) if piece in shown]


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("status", [200, 400, 401, 429, 503])
@pytest.mark.parametrize("form", sorted(FORMS))
async def test_an_echoed_assertion_is_not_shown(
    entra: FakeEntra,
    source: MsalTokenSource,
    caplog: pytest.LogCaptureFixture,
    *,
    form: str,
    status: int,
    as_json: bool,
) -> None:
    """In no member of the error, in no error behind it, and in no log at its lowest level."""
    caplog.set_level(logging.DEBUG)
    spec, pair = register(entra)
    with entra.failing(Echo(FORMS[form], status, as_json)), pytest.raises(ProviderError) as caught:
        await source.acquire(spec, pair)
    assert_kept_secret(entra, f"{everything_in(caught.value)}\n{caplog.text}")


@pytest.mark.parametrize(
    "fault",
    [
        EchoedAssertion(),
        CONTROL_CHARACTERS,
        HUGE,
        NOT_JSON,
        Redirected(),
        Truncated(),
        WITHOUT_LIFETIME,
        server_error(),
        throttled("1"),
        Altered(lambda document: document.update(error=document["access_token"])),
        Altered(lambda document: document.update(token_type=document["access_token"])),
        Altered(lambda document: document.update(expires_in=document["access_token"])),
        Altered(lambda document: document.update(access_token=[document["access_token"]])),
    ],
)
async def test_no_failure_shows_what_it_failed_over(
    entra: FakeEntra, source: MsalTokenSource, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    """And no failure leads to another one that would."""
    caplog.set_level(logging.DEBUG)
    spec, pair = register(entra)
    with entra.failing(fault), pytest.raises(TokenSyncError) as caught:
        await source.acquire(spec, pair)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert_kept_secret(entra, f"{everything_in(caught.value)}\n{caplog.text}")


async def test_no_success_shows_anything_either(
    entra: FakeEntra, source: MsalTokenSource, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the token's `repr`, nor a scope that has it, nor the parts that worked on it; MSAL logs nothing."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    spec, pair = register(entra)
    with entra.failing(Altered(lambda document: document.update(scope=f"read {document['access_token']}"))):
        token = await source.acquire(spec, pair)
    assert token.value == entra.issued[0].value
    assert token.scope == "read [removed]"
    assert not [record for record in caplog.records if record.name.startswith("msal")]
    parts: list[Any] = [token, source, vars(source), pair]
    assert_kept_secret(entra, f"{parts!r}\n{token!s}\n{caplog.text}")


async def test_refusals_and_transport_failures_lead_to_no_other_error(
    entra: FakeEntra, source: MsalTokenSource
) -> None:
    """What an error was made of is gone: neither its cause nor its context hold a request."""
    spec, pair = register(entra)
    unknown = make_pair(make_certificate())
    errors = []
    with pytest.raises(ProviderError) as refused:
        await source.acquire(spec, unknown)
    errors.append(refused.value)
    with entra.failing(Truncated(), endpoint=Endpoint.DISCOVERY), pytest.raises(ProviderError) as broken:
        await source.acquire(spec_at(entra, tenant_id=entra.domain), pair)
    errors.append(broken.value)
    with entra.unreachable(), pytest.raises(ProviderError) as unreachable:
        await source.acquire(spec, pair)
    errors.append(unreachable.value)
    assert [(error.__cause__, error.__context__) for error in errors] == [(None, None)] * 3
