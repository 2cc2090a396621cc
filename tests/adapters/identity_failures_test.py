"""What goes wrong at the provider, and on the way to it, is told apart, and ends in time."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from support.entra import Endpoint, FakeEntra, Fault
from support.entra.faults import (
    CONTROL_CHARACTERS,
    GARBAGE,
    HUGE,
    NOT_JSON,
    WITHOUT_LIFETIME,
    WITHOUT_TOKEN,
    Altered,
    Exchange,
    Hang,
    Latency,
    Redirected,
    Reply,
    Truncated,
    server_error,
    temporarily_unavailable,
    throttled,
    throttled_plain,
)
from support.ports import free_port
from support.token_source import register, spec_at, token_source_for
from tokensync.credentials.pair import KeyPair
from tokensync.errors import ProviderError, Reason
from tokensync.identity.source import MsalTokenSource
from tokensync.resource.spec import Spec

INVALID = Reason.PROVIDER_RESPONSE_INVALID
NOT_AN_OBJECT = "answered something that is not a JSON object (HTTP 200)"
TOO_LARGE = "answered with more than 256 KiB"
BROKEN_OFF = "broke the connection off before its answer was complete"


@dataclass(frozen=True)
class Trickle:
    """An answer that begins, and then gives a byte now and then, for as long as anybody listens."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(exchange.request)
        while not exchange.lifted.is_set():
            await response.write(b" ")
            await asyncio.sleep(0.2)
        return response


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


async def failure(source: MsalTokenSource, spec: Spec, pair: KeyPair) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await source.acquire(spec, pair)
    return caught.value


@pytest.mark.parametrize(
    ("fault", "reason", "message"),
    [
        (server_error(503), Reason.PROVIDER_UNAVAILABLE, "is not available at the moment (HTTP 503)"),
        (server_error(500), Reason.PROVIDER_UNAVAILABLE, "is not available at the moment (HTTP 500)"),
        (
            temporarily_unavailable(),
            Reason.PROVIDER_UNAVAILABLE,
            "is not available at the moment: AADSTS90033: A transient error has occurred. Please try again",
        ),
        (GARBAGE, INVALID, NOT_AN_OBJECT),
        (NOT_JSON, INVALID, NOT_AN_OBJECT),
        (Reply(200, b"[]", "application/json"), INVALID, NOT_AN_OBJECT),
        (Reply(200, gzip.compress(b"{}"), "application/json", {"Content-Encoding": "gzip"}), INVALID, NOT_AN_OBJECT),
        (
            Reply(404, b"{}", "application/json"),
            INVALID,
            "answered neither a success nor an OAuth 2.0 error (HTTP 404)",
        ),
        (HUGE, INVALID, TOO_LARGE),
        (Truncated(), Reason.PROVIDER_UNREACHABLE, BROKEN_OFF),
    ],
)
@pytest.mark.parametrize("endpoint", list(Endpoint))
async def test_a_broken_provider_is_described(
    entra: FakeEntra, source: MsalTokenSource, *, endpoint: Endpoint, fault: Fault, reason: Reason, message: str
) -> None:
    """By what it did; the discovery document and the token are alike in this, and afterwards all is well again."""
    spec, pair = register(entra)
    with entra.failing(fault, endpoint=endpoint):
        error = await failure(source, spec, pair)
    assert (error.reason, error.message) == (reason, f"{entra.host} {message}")
    assert (await source.acquire(spec, pair)).value == entra.issued[-1].value


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (WITHOUT_TOKEN, "answered with an access token that is empty or not visible ASCII"),
        (CONTROL_CHARACTERS, "answered with an access token that is empty or not visible ASCII"),
        (WITHOUT_LIFETIME, "answered with a token whose lifetime is not a positive number of seconds"),
        (Altered(lambda document: document.update(expires_in="soon")), "answered with a token whose lifetime is not "),
        (Altered(lambda document: document.update(expires_in=None, access_token="")), "answered with an access token "),
        (Altered(lambda document: document.update(token_type="DPoP")), "answered with a token of another type"),
    ],
)
async def test_a_success_without_a_usable_token_is_refused(
    entra: FakeEntra, source: MsalTokenSource, fault: Fault, message: str
) -> None:
    """Nothing of the answer is in the message."""
    spec, pair = register(entra)
    with entra.failing(fault):
        error = await failure(source, spec, pair)
    assert error.reason is INVALID
    assert error.message.startswith(f"{entra.host} {message}")


async def test_members_that_mean_nothing_here_do_no_harm(entra: FakeEntra, source: MsalTokenSource) -> None:
    """MSAL reads them, and fails over malformed ones."""
    odd = {
        "refresh_in": "soon",
        "id_token": "x",
        "client_info": 7,
        "refresh_token": [],
        "ext_expires_in": {},
        "foci": 1,
    }
    spec, pair = register(entra)
    with entra.failing(Altered(lambda document: document.update(odd))):
        assert (await source.acquire(spec, pair)).value == entra.issued[0].value


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("endpoint", list(Endpoint))
async def test_a_redirect_is_not_followed(
    entra: FakeEntra, source: MsalTokenSource, endpoint: Endpoint, status: int
) -> None:
    """Where it leads to, nothing arrives: with 307 it would be the whole form, assertion included."""
    spec, pair = register(entra)
    with entra.failing(Redirected(status), endpoint=endpoint):
        error = await failure(source, spec, pair)
    assert error.reason is Reason.PROVIDER_REDIRECTED
    assert error.message.startswith(f"{entra.host} redirects to ")
    assert error.message.endswith(f" (HTTP {status}), and redirects are not followed")
    assert entra.redirects_followed == 0


@pytest.mark.parametrize("fault", [throttled, throttled_plain])
@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("17", timedelta(seconds=17)),
        ("7200", timedelta(hours=1)),
        (format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True), timedelta(hours=1)),
    ],
)
@pytest.mark.parametrize("endpoint", list(Endpoint))
async def test_a_throttling_provider_says_for_how_long(
    entra: FakeEntra,
    source: MsalTokenSource,
    *,
    endpoint: Endpoint,
    fault: Callable[[str], Fault],
    retry_after: str,
    wait: timedelta,
) -> None:
    """In JSON and in plain text, in seconds and as a date; and it is asked once."""
    spec, pair = register(entra)
    with entra.failing(fault(retry_after), endpoint=endpoint):
        error = await failure(source, spec, pair)
    assert (error.reason, error.retry_after) == (Reason.PROVIDER_THROTTLED, wait)
    assert error.message.startswith(f"{entra.host} asks for fewer requests of application (client) id {spec.client_id}")
    assert entra.discovery_requests + entra.token_requests == (1 if endpoint is Endpoint.DISCOVERY else 2)


async def test_a_refused_connection_is_described(entra: FakeEntra, source: MsalTokenSource) -> None:
    """Then the provider is back, and all is well; and when it goes again, the connections it had are of no use."""
    spec, pair = register(entra)
    with entra.unreachable():
        error = await failure(source, spec, pair)
    assert error.reason is Reason.PROVIDER_UNREACHABLE
    assert error.text == (
        f"{entra.host} refused the connection: check name resolution, network policies and firewalls between this "
        f"cluster and {entra.host}, and whether a proxy has to be set"
    )
    await source.acquire(spec, pair)
    with entra.unreachable():
        assert (await failure(source, spec, pair)).reason is Reason.PROVIDER_UNREACHABLE
    await source.acquire(spec, pair)


async def test_a_name_that_does_not_resolve_is_described(entra: FakeEntra) -> None:
    """`.invalid` never does (RFC 6761)."""
    host = f"login.invalid:{free_port()}"
    async with token_source_for(entra, allowed_hosts=[host]) as source:
        error = await failure(source, spec_at(entra, authorityHost=host), register(entra)[1])
    assert (error.reason, error.message) == (Reason.PROVIDER_UNREACHABLE, f"{host} does not resolve to an address")


async def timed_failure(entra: FakeEntra, fault: Fault) -> tuple[ProviderError, float]:
    loop = asyncio.get_running_loop()
    async with token_source_for(entra) as source:
        spec, pair = register(entra)
        with entra.failing(Latency(3), endpoint=Endpoint.DISCOVERY), entra.failing(fault):
            started = loop.time()
            error = await failure(source, spec, pair)
            return error, loop.time() - started


async def test_an_acquisition_ends_after_ten_seconds() -> None:
    """Discovery and token request together: one that never answers, and one that never stops answering."""
    with FakeEntra() as silent, FakeEntra() as endless:
        results = await asyncio.gather(timed_failure(silent, Hang()), timed_failure(endless, Trickle()))
    for error, took in results:
        assert error.reason is Reason.PROVIDER_UNREACHABLE
        assert error.message.endswith(" gave no answer within 10 s")
        assert 9.9 < took < 11.5
