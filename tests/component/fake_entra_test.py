"""The fake Entra hands out tokens as Entra does, and says no in its form."""

import ssl
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import jwt
import pytest
import requests

from support.certificates import make_certificate
from support.entra import FakeEntra
from support.entra.client import Client, claims_of

SCOPE = "https://graph.microsoft.com/.default"


# a token


async def test_a_right_request_gets_a_signed_token_that_its_key_set_verifies(entra: FakeEntra, client: Client) -> None:
    """The token is a JWT of 1 to 3 KB that verifies against the metadata, the keys and the audience asked for."""
    answer = await client.ask()
    metadata = (await client.discover()).document
    keys = jwt.PyJWKSet.from_dict((await client.get(metadata["jwks_uri"])).document)
    token = answer.document["access_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, audience="https://graph.microsoft.com", issuer=metadata["issuer"])
    assert answer.status == 200
    assert answer.document["token_type"] == "Bearer"
    assert answer.document["expires_in"] == answer.document["ext_expires_in"] == 3600
    assert claims["appid"] == client.application.client_id
    assert claims["tid"] == entra.tenant_id
    assert 1024 <= len(token) <= 3072


async def test_the_token_lives_exactly_as_long_as_it_was_told(entra: FakeEntra, client: Client) -> None:
    """A lifetime set while it runs holds from the next token on, the application's own goes first, and `exp` agrees."""
    entra.lifetime = timedelta(seconds=5)
    before = datetime.now(UTC)
    short = (await client.ask()).document
    client.application.lifetime = timedelta(hours=24)
    long = (await client.ask()).document
    expires = [token.expires_at for token in entra.issued]
    assert (short["expires_in"], long["expires_in"]) == (5, 86400)
    assert timedelta(seconds=5) <= expires[0] - before < timedelta(seconds=8)
    assert claims_of(short["access_token"])["exp"] == expires[0].timestamp()
    assert expires[1] - before > timedelta(hours=23, minutes=59)


async def test_everything_sent_and_issued_is_on_record(entra: FakeEntra, client: Client) -> None:
    """Requests, assertions, tokens and discoveries are noted with what tells them apart, and no `repr` shows a value."""
    assertion = client.assertion(jti="known")
    token = (await client.ask(client_assertion=assertion)).document["access_token"]
    await client.ask(client_assertion="none", scope="x")
    await client.discover()
    good, bad = entra.requests
    assert (good.tenant, good.client_id, good.scope) == (entra.tenant_id, client.application.client_id, SCOPE)
    assert (good.jti, good.thumbprint) == ("known", client.certificate.thumbprint_sha256)
    assert (good.status, good.error_code) == (200, None)
    assert (bad.status, bad.error_code, bad.jti) == (400, 50027, "")
    assert entra.assertions == [assertion, "none"]
    assert [issued.value for issued in entra.issued] == [token]
    assert entra.issued[0].thumbprint == client.certificate.thumbprint_sha256
    assert (entra.token_requests, entra.discovery_requests) == (2, 1)
    assert token not in repr(entra.issued)


# what Entra takes


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
@pytest.mark.parametrize("names", [("x5t",), ("x5t#S256",), ("x5t", "x5t#S256")])
async def test_both_algorithms_and_both_thumbprints_are_good(
    client: Client, algorithm: str, names: tuple[str, ...]
) -> None:
    """PS256 and RS256, named by SHA-1, SHA-256 or both."""
    own = {"x5t": client.x5t, "x5t#S256": client.x5t_s256}
    assertion = client.assertion(algorithm=algorithm, header={name: own[name] for name in names})
    assert (await client.ask(client_assertion=assertion)).status == 200


async def test_the_issuer_is_as_good_an_audience_as_the_token_endpoint(client: Client) -> None:
    """The assertion's `aud` may be the issuer of the metadata."""
    issuer = (await client.discover()).document["issuer"]
    assert (await client.ask(client_assertion=client.assertion(aud=issuer))).status == 200


async def test_a_tenant_answers_to_its_domain_with_addresses_of_its_identifier(
    entra: FakeEntra, client: Client
) -> None:
    """Asked by domain, the metadata names the tenant by identifier, as Entra's does."""
    url = f"https://{entra.host}/{entra.domain.upper()}/v2.0/.well-known/openid-configuration"
    assert (await client.get(url)).document["token_endpoint"] == client.token_endpoint


async def test_any_of_several_certificates_is_good_until_it_is_removed(entra: FakeEntra, client: Client) -> None:
    """A second certificate works beside the first; the first stops working when it is taken away."""
    second = make_certificate(fresh=True)
    client.application.add_certificate(second.certificate_pem)
    newer = Client(entra, client.application, second, client.session)
    assert [(await each.ask()).status for each in (client, newer)] == [200, 200]
    client.application.remove_certificate(client.certificate.thumbprint_sha256)
    assert [(await each.ask()).status for each in (client, newer)] == [401, 200]


async def test_resources_and_tenants_can_be_added(entra: FakeEntra, client: Client) -> None:
    """An added resource becomes the token's audience, and a second tenant has applications of its own."""
    entra.add_resource("api://reports")
    entra.add_tenant("6babcaad-604b-40ac-a9d7-9fd97c0b779f", "contoso.example")
    there = entra.register(tenant_id="contoso.example")
    token = (await client.ask(scope="api://reports/.default")).document["access_token"]
    assert claims_of(token)["aud"] == "api://reports"
    assert (await client.ask(client_id=there.client_id)).refusal == (400, "unauthorized_client", 700016)
    with pytest.raises(LookupError):
        entra.register(tenant_id="nowhere")


# the form of a refusal


async def test_a_refusal_has_entras_form(entra: FakeEntra, client: Client) -> None:
    """All fields are there and agree, the client's request id comes back, and the thumbprint stands in the text."""
    mine = str(uuid.uuid4())
    client.application.remove_certificate(client.certificate.thumbprint_sha256)
    answer = await client.post(client.token_endpoint, data=client.form(), headers={"client-request-id": mine})
    document = answer.document
    assert set(document) == {
        "error",
        "error_description",
        "error_codes",
        "timestamp",
        "trace_id",
        "correlation_id",
        "error_uri",
    }
    assert document["correlation_id"] == answer.headers["client-request-id"] == mine
    assert document["trace_id"] == answer.headers["x-ms-request-id"]
    assert document["error_uri"] == f"https://{entra.host}/error?code=700027"
    assert document["error_description"].startswith("AADSTS700027: ")
    assert document["error_description"].endswith(
        f"Trace ID: {document['trace_id']} Correlation ID: {mine} Timestamp: {document['timestamp']}"
    )
    assert f"'{client.certificate.thumbprint_sha256}'" in document["error_description"]
    assert datetime.strptime(document["timestamp"], "%Y-%m-%d %H:%M:%S%z").tzinfo == UTC


async def test_a_request_id_that_is_none_is_not_echoed(client: Client) -> None:
    """Only a UUID comes back; anything else is replaced."""
    answer = await client.post(client.token_endpoint, data={}, headers={"client-request-id": "mine"})
    assert uuid.UUID(answer.document["correlation_id"])


async def test_the_clock_of_the_provider_shows_in_its_date(entra: FakeEntra, client: Client) -> None:
    """An offset moves the `Date` header and the timestamps, and makes good assertions bad."""
    entra.clock_offset = timedelta(minutes=-10)
    answer = await client.ask()
    told = parsedate_to_datetime(answer.headers["Date"])
    assert timedelta(minutes=9) < datetime.now(UTC) - told < timedelta(minutes=11)
    assert answer.refusal == (401, "invalid_client", 700024)


# whoever uses it


async def test_threads_can_use_it_side_by_side(entra: FakeEntra, client: Client, tmp_path: Path) -> None:
    """Many clients at once each get a token of their own, and all are counted."""
    authority = str(entra.write_ca(tmp_path / "ca.pem"))

    def ask(form: dict[str, str]) -> str:
        answer = requests.post(client.token_endpoint, data=form, timeout=10, verify=authority)
        return str(answer.json()["access_token"])

    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(ask, [client.form() for _ in range(40)]))
    assert tokens == {issued.value for issued in entra.issued}
    assert len(tokens) == entra.token_requests == 40


async def test_nobody_trusts_it_without_its_authority(entra: FakeEntra, client: Client) -> None:
    """Its certificate comes from an authority of its own: another provider's does not vouch for it."""
    other = ssl.create_default_context(cadata=FakeEntra().ca_pem.decode())
    with pytest.raises(Exception, match="certificate verify failed"):
        await client.post(client.token_endpoint, data=client.form(), ssl=other)
    assert entra.token_requests == 0


def test_it_leaves_no_thread_behind() -> None:
    """After `stop` its thread has ended."""
    with FakeEntra():
        assert "fake-entra" in {thread.name for thread in threading.enumerate()}
    assert "fake-entra" not in {thread.name for thread in threading.enumerate()}
