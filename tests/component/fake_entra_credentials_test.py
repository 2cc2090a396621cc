"""The fake Entra takes client secrets and federated tokens, and is as strict with them as with certificates."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from support.certificates import make_certificate
from support.entra import FakeEntra
from support.entra.client import Client, registered_client
from support.entra.workload import AUDIENCE, SUBJECT, WorkloadIssuer

ISSUER = WorkloadIssuer()
UNREGISTERED = (400, "invalid_request", 70021)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """An application with a certificate, and nothing else yet."""
    with FakeEntra() as entra:
        async with registered_client(entra) as registered:
            yield registered


async def ask_with_secret(client: Client, secret: str) -> tuple[int, str, int] | int:
    answer = await client.ask(client_assertion_type=None, client_assertion=None, client_secret=secret)
    return answer.status if answer.status == 200 else answer.refusal


async def ask_with_token(client: Client, token: str) -> tuple[int, str, int] | int:
    answer = await client.ask(client_assertion=token)
    return answer.status if answer.status == 200 else answer.refusal


def test_credentials_are_registered_with_the_application() -> None:
    """From the start, as certificates are."""
    with FakeEntra() as entra:
        application = entra.register(client_secrets=["a secret"], federated=[ISSUER.credential()])
    assert (application.client_secrets, application.federated) == ({"a secret": None}, [ISSUER.credential()])


async def test_a_client_secret_is_good_until_it_ends(client: Client) -> None:
    """Any of several; each is told by its value."""
    client.application.add_client_secret("first")
    client.application.add_client_secret("second", datetime.now(UTC) + timedelta(hours=1))
    assert [await ask_with_secret(client, secret) for secret in ("first", "second", "second")] == [200, 200, 200]
    client.application.add_client_secret("second", datetime.now(UTC))
    assert await ask_with_secret(client, "second") == (401, "invalid_client", 7000222)
    client.application.remove_client_secret("first")
    assert await ask_with_secret(client, "first") == (401, "invalid_client", 7000215)


async def test_a_client_secret_is_taken_from_the_body_alone(client: Client) -> None:
    """In a header it is none, and beside an assertion it is one method too many."""
    client.application.add_client_secret("secret")
    form = client.form(client_assertion_type=None)
    del form["client_assertion"]
    answer = await client.post(
        client.token_endpoint, data=form, headers={"Authorization": "Basic Y2xpZW50OnNlY3JldA=="}
    )
    assert answer.refusal == (401, "invalid_client", 7000218)
    assert (await client.ask(client_secret="secret")).refusal == (400, "invalid_request", 9002313)


async def test_a_federated_token_is_good_until_it_expires(client: Client) -> None:
    """More than once, unlike the application's own assertions."""
    client.application.federated.append(ISSUER.credential())
    token = ISSUER.token()
    assert [await ask_with_token(client, token) for _ in range(2)] == [200, 200]


async def test_an_application_without_federation_takes_nobodys_token(client: Client) -> None:
    """However good it is."""
    assert await ask_with_token(client, ISSUER.token()) == UNREGISTERED


@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        (lambda: ISSUER.token(iss=f"{ISSUER.url}/"), (401, "invalid_client", 700211)),
        (lambda: ISSUER.token(sub=SUBJECT.upper()), (401, "invalid_client", 700213)),
        (lambda: ISSUER.token(aud=["another"]), (401, "invalid_client", 700212)),
        (lambda: ISSUER.token(aud=[AUDIENCE, "another"]), (401, "invalid_client", 700212)),
        (lambda: ISSUER.token(algorithm="PS256"), (400, "invalid_request", 5002738)),
        (
            lambda: ISSUER.token(algorithm="ES256", key=make_certificate(key_type="ec").private_key),
            (400, "invalid_request", 5002738),
        ),
        (lambda: ISSUER.token(key=make_certificate().private_key), (401, "invalid_client", 700027)),
        (lambda: WorkloadIssuer(key_id="key-2").token(), (401, "invalid_client", 700027)),
        (lambda: ISSUER.token(exp=int(time.time()) - 1), (401, "invalid_client", 700024)),
        (lambda: ISSUER.token(nbf=int(time.time()) + 60), (401, "invalid_client", 700024)),
    ],
)
async def test_a_federated_token_fits_in_all_its_parts(
    client: Client, token: Callable[[], str], refusal: tuple[int, str, int]
) -> None:
    """Issuer and subject in their very characters, one audience, RS256, one of the registered keys, its time."""
    client.application.federated.append(ISSUER.credential())
    assert await ask_with_token(client, token()) == refusal
