"""Tokens are acquired from a strict provider, with no request more than it takes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from support.certificates import make_certificate
from support.entra import Endpoint, FakeEntra
from support.entra.faults import Altered, Latency, server_error
from support.token_source import make_pair, register, spec_at, token_source_for
from tokensync.errors import ProviderError, Reason, SpecError
from tokensync.identity.discovery import KEPT_FOR
from tokensync.identity.source import MsalTokenSource


class MovedClock:
    """The machine's wall clock, moved by an offset, and a monotonic reading that a test sets."""

    def __init__(self) -> None:
        self.offset = timedelta(0)
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        return self.seconds


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


async def test_a_token_is_the_one_that_was_issued(entra: FakeEntra, source: MsalTokenSource) -> None:
    """Its value, and times that count from the moment the request was sent."""
    before = datetime.now(UTC)
    token = await source.acquire(*register(entra))
    issued = entra.issued[0]
    assert token.value == issued.value
    assert (token.token_type, token.scope) == ("Bearer", "https://graph.microsoft.com/.default")
    assert token.lifetime == timedelta(hours=1)
    assert before - timedelta(milliseconds=1) <= token.issued_at <= issued.issued_at


async def test_a_slow_answer_does_not_lengthen_the_life(entra: FakeEntra, source: MsalTokenSource) -> None:
    """The expiry never is later than the provider's own."""
    spec, pair = register(entra)
    with entra.failing(Latency(0.5)):
        token = await source.acquire(spec, pair)
    assert token.issued_at <= datetime.now(UTC) - timedelta(seconds=0.5)
    assert token.expires_at <= entra.issued[0].expires_at


async def test_a_slow_discovery_does_not_shorten_it(entra: FakeEntra, source: MsalTokenSource) -> None:
    """The life begins with the request for the token."""
    spec, pair = register(entra)
    before = datetime.now(UTC)
    with entra.failing(Latency(0.5), endpoint=Endpoint.DISCOVERY):
        token = await source.acquire(spec, pair)
    assert token.issued_at >= before + timedelta(seconds=0.5)


async def test_an_acquisition_is_one_token_request(entra: FakeEntra, source: MsalTokenSource) -> None:
    """Discovery is shared by everybody who asks the same tenant, at the same time too; every token is a new one."""
    clients = [register(entra) for _ in range(4)] * 5
    with entra.failing(Latency(0.2), endpoint=Endpoint.DISCOVERY):
        tokens = await asyncio.gather(*(source.acquire(spec, pair) for spec, pair in clients))
    assert entra.token_requests == len(clients)
    assert entra.discovery_requests == 1
    assert len({token.value for token in tokens}) == len(clients)


async def test_an_assertion_is_never_used_twice(entra: FakeEntra, source: MsalTokenSource) -> None:
    """Each acquisition signs anew: another `jti` each time, for this token endpoint and for minutes only."""
    spec, pair = register(entra)
    for _ in range(3):
        await source.acquire(spec, pair)
    claims = [jwt.decode(assertion, options={"verify_signature": False}) for assertion in entra.assertions]
    assert len({claim["jti"] for claim in claims}) == 3
    assert {claim["aud"] for claim in claims} == {f"https://{entra.host}/{entra.tenant_id}/oauth2/v2.0/token"}
    assert all(claim["exp"] - claim["iat"] <= 310 for claim in claims)


async def test_discovery_is_repeated_after_an_hour(entra: FakeEntra) -> None:
    """Not before, and then once."""
    clock = MovedClock()
    async with token_source_for(entra, clock=clock) as source:
        spec, pair = register(entra)
        for seconds, requests in [(0, 1), (KEPT_FOR - 1, 1), (KEPT_FOR + 1, 2), (KEPT_FOR + 2, 2)]:
            clock.seconds = seconds
            await source.acquire(spec, pair)
            assert entra.discovery_requests == requests


async def test_a_failed_discovery_is_not_kept(entra: FakeEntra, source: MsalTokenSource) -> None:
    """The next acquisition asks again."""
    spec, pair = register(entra)
    with entra.failing(server_error(), endpoint=Endpoint.DISCOVERY), pytest.raises(ProviderError):
        await source.acquire(spec, pair)
    await source.acquire(spec, pair)
    assert entra.discovery_requests == 2


async def test_those_who_share_a_failed_discovery_read_of_themselves(entra: FakeEntra, source: MsalTokenSource) -> None:
    """One request fails for several resources; each is told about its own application."""
    nobody = "00000000-0000-0000-0000-000000000000"
    pair = make_pair(make_certificate())
    specs = [spec_at(entra, tenant_id=nobody, client_id=f"client-{number}") for number in range(3)]
    with entra.failing(Latency(0.2), endpoint=Endpoint.DISCOVERY):
        errors = await asyncio.gather(*(source.acquire(spec, pair) for spec in specs), return_exceptions=True)
    assert entra.discovery_requests == 1
    assert [error.reason for error in errors if isinstance(error, ProviderError)] == [Reason.TENANT_UNKNOWN] * 3
    assert len({id(error) for error in errors}) == 3


@pytest.mark.parametrize("tenant", ["tenant_id", "domain"])
async def test_a_tenant_is_named_by_id_or_domain(entra: FakeEntra, source: MsalTokenSource, tenant: str) -> None:
    """Both find it."""
    spec, pair = register(entra)
    named = spec_at(entra, client_id=spec.client_id, tenant_id=getattr(entra, tenant))
    assert (await source.acquire(named, pair)).value == entra.issued[0].value


async def refused(source: MsalTokenSource, *request: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await source.acquire(*request)
    return caught.value


async def test_an_unregistered_certificate_is_named_by_its_thumbprints(
    entra: FakeEntra, source: MsalTokenSource
) -> None:
    """The person finds them in the portal, or registers the certificate there."""
    spec, _ = register(entra)
    pair = make_pair(make_certificate())
    error = await refused(source, spec, pair)
    assert error.reason is Reason.CREDENTIAL_REJECTED
    assert error.message == (
        f"{entra.host} does not accept the certificate with thumbprint {pair.thumbprint_sha1} (SHA-256 "
        f"{pair.thumbprint_sha256}) for application (client) id {spec.client_id} (AADSTS700027)"
    )
    assert error.remedy.startswith(
        f"register the certificate with thumbprint {pair.thumbprint_sha1} on application {spec.client_id}"
    )
    assert (error.answer.http_status, error.answer.error_code) == (401, "AADSTS700027")
    assert error.answer.correlation_id
    assert error.answer.trace_id


async def test_an_unknown_application_is_named(entra: FakeEntra, source: MsalTokenSource) -> None:
    """With the tenant that does not know it."""
    _, pair = register(entra)
    error = await refused(source, spec_at(entra, client_id="nobody"), pair)
    assert error.reason is Reason.CLIENT_UNKNOWN
    assert error.message == (
        f"{entra.host} does not know application (client) id nobody in tenant {entra.tenant_id} (AADSTS700016)"
    )


async def test_an_unknown_tenant_is_named(entra: FakeEntra, source: MsalTokenSource) -> None:
    """Discovery finds it out; no credential is sent."""
    spec, pair = register(entra)
    error = await refused(source, spec_at(entra, client_id=spec.client_id, tenant_id="nowhere.example"), pair)
    assert error.reason is Reason.TENANT_UNKNOWN
    assert error.message == f"{entra.host} does not know tenant nowhere.example (AADSTS90002)"
    assert entra.token_requests == 0


async def test_a_scope_of_another_form_is_named(entra: FakeEntra, source: MsalTokenSource) -> None:
    """As Entra wants it in this grant."""
    spec, pair = register(entra)
    error = await refused(source, spec_at(entra, client_id=spec.client_id, scope="User.Read"), pair)
    assert error.reason is Reason.SCOPE_REJECTED
    assert error.message.startswith(
        f"{entra.host} refuses scope User.Read for application (client) id {spec.client_id}"
    )
    assert error.remedy.startswith("set spec.scopes to exactly one <resource>/.default")


@pytest.mark.parametrize(("attribute", "code"), [("disabled", 7000112), ("blocked_by_policy", 53003)])
async def test_a_policy_is_told_from_a_mistake(attribute: str, code: int) -> None:
    """Only an administrator of the tenant can change it."""
    with FakeEntra() as entra:
        certificate = make_certificate()
        application = entra.register(certificates=[certificate.certificate_pem])
        setattr(application, attribute, True)
        async with token_source_for(entra) as source:
            error = await refused(source, spec_at(entra, client_id=application.client_id), make_pair(certificate))
    assert error.reason is Reason.POLICY_BLOCKED
    assert error.answer.error_code == f"AADSTS{code}"
    assert error.remedy.startswith(f"ask an administrator of tenant {entra.tenant_id} to ")


@pytest.mark.parametrize(("offset", "direction"), [(-20, "behind"), (20, "ahead of")])
async def test_a_skewed_clock_is_measured(entra: FakeEntra, offset: int, direction: str) -> None:
    """The provider finds the assertion out of its time, and the message says by how much whose clock is off."""
    clock = MovedClock()
    clock.offset = timedelta(minutes=offset)
    async with token_source_for(entra, clock=clock) as source:
        error = await refused(source, *register(entra))
    assert error.reason is Reason.CLOCK_SKEWED
    assert error.message == (
        f"{entra.host} finds the assertion expired or not yet valid: this node's clock is about 20m {direction} its own "
        "(AADSTS700024)"
    )


async def test_a_host_that_is_not_allowed_gets_nothing(entra: FakeEntra) -> None:
    """Neither `check` nor `acquire` sends a byte."""
    async with token_source_for(entra, allowed_hosts=["login.microsoftonline.com"]) as source:
        spec, pair = register(entra)
        with pytest.raises(SpecError, match="HostNotAllowed"):
            source.check(spec)
        with pytest.raises(SpecError, match="HostNotAllowed"):
            await source.acquire(spec, pair)
    assert (entra.discovery_requests, entra.token_requests) == (0, 0)


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("https://evil.example/token", "names a token endpoint on another host, evil.example"),
        ("https://localhost/token", "names a token endpoint on another host, localhost"),
        ("http://localhost/token", "names a token endpoint that is no https URL"),
        ("https://user@localhost/token", "names a token endpoint that is no https URL"),
        (None, "names a token endpoint that is no https URL"),
        (7, "names a token endpoint that is no https URL"),
    ],
)
async def test_a_token_endpoint_elsewhere_gets_nothing(
    entra: FakeEntra, source: MsalTokenSource, endpoint: object, said: str
) -> None:
    """A discovery document cannot send the credential to another host or port, or without TLS."""
    spec, pair = register(entra)
    with entra.failing(Altered(lambda document: document.update(token_endpoint=endpoint)), endpoint=Endpoint.DISCOVERY):
        error = await refused(source, spec, pair)
    assert error.reason is Reason.PROVIDER_RESPONSE_INVALID
    assert error.message == f"the discovery document of {entra.host} {said}"
    assert entra.token_requests == 0


async def test_a_token_endpoint_beyond_the_prefix_gets_nothing(entra: FakeEntra) -> None:
    """Where the administrator allows one tenant of a host, the document cannot lead to another."""
    spec, pair = register(entra)
    elsewhere = f"https://{entra.host}/another/oauth2/v2.0/token"
    async with token_source_for(entra, allowed_hosts=[f"{entra.host}/{entra.tenant_id}"]) as source:
        altered = Altered(lambda document: document.update(token_endpoint=elsewhere))
        with entra.failing(altered, endpoint=Endpoint.DISCOVERY, times=1), pytest.raises(SpecError, match="/another/"):
            await source.acquire(spec, pair)
    assert entra.token_requests == 0


async def test_all_is_named_by_tenant_and_client(entra: FakeEntra) -> None:
    """The endpoint's name is the tenant's address; the budget counts for each client."""
    async with token_source_for(entra, requests_per_second=1) as source:
        spec = spec_at(entra, client_id="one")
        assert source.endpoint(spec) == f"{entra.host}/{entra.tenant_id}"
        assert [bool(source.take_turn(spec)) for _ in range(2)] == [False, True]
        assert source.take_turn(spec_at(entra, client_id="another")) == timedelta(0)


async def test_every_thread_is_used_at_once(entra: FakeEntra) -> None:
    """As many acquisitions as there are threads wait at the same time, and more wait for a thread without failing."""
    async with token_source_for(entra, threads=4) as source:
        spec, pair = register(entra)
        with entra.failing(Latency(0.3)):
            started = asyncio.get_running_loop().time()
            await asyncio.gather(*(source.acquire(spec, pair) for _ in range(8)))
            took = asyncio.get_running_loop().time() - started
    assert 0.6 <= took < 1.8
    assert Counter(request.status for request in entra.requests) == {200: 8}
