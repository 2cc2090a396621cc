"""A strict Entra takes every kind of credential, and what it refuses is told in the words of that kind."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from support.certificates import make_certificate
from support.entra import Application, Endpoint, FakeEntra
from support.entra.faults import Altered
from support.entra.workload import AUDIENCE, SUBJECT, WorkloadIssuer
from support.token_source import make_pair, spec_at, token_source_for
from tokensync.credentials.proof import ClientSecret, FederatedToken, Proof
from tokensync.errors import ProviderError, Reason
from tokensync.identity.source import MsalTokenSource
from tokensync.resource.spec import Spec

SECRET = ClientSecret("Abc8Q~with.every-kind_of+character/=", "version-1")
ISSUER = WorkloadIssuer()
BY_SECRET = {"clientSecret": {"secretKeyRef": {"name": "client", "key": "secret"}}}
BY_SERVICE_ACCOUNT = {"serviceAccount": {"name": "reader"}}
TO_ISSUER = {"certificate": {"secretRef": {"name": "client"}, "audience": "Issuer"}}


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


def spec_of(entra: FakeEntra, application: Application, credential: dict[str, Any]) -> Spec:
    return spec_at(entra, client_id=application.client_id, credential=credential)


def federated(token: str) -> FederatedToken:
    return FederatedToken(token, SUBJECT, AUDIENCE)


async def refused(source: MsalTokenSource, spec: Spec, proof: Proof) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await source.acquire(spec, proof)
    return caught.value


async def test_a_client_secret_is_proof(entra: FakeEntra, source: MsalTokenSource) -> None:
    """In the body, where Entra wants it."""
    application = entra.register(client_secrets=[SECRET.value])
    token = await source.acquire(spec_of(entra, application, BY_SECRET), SECRET)
    assert token.value == entra.issued[0].value
    assert entra.assertions == []


async def test_a_wrong_client_secret_is_told_from_its_id(entra: FakeEntra, source: MsalTokenSource) -> None:
    """Which is what the portal shows beside it for ever."""
    application = entra.register(client_secrets=["another"])
    error = await refused(source, spec_of(entra, application, BY_SECRET), SECRET)
    assert error.reason is Reason.CREDENTIAL_REJECTED
    assert error.answer.error_code == "AADSTS7000215"
    assert error.message.startswith(
        f"{entra.host} does not accept the client secret for application (client) id {application.client_id}: "
        "AADSTS7000215: Invalid client secret provided."
    )
    assert error.remedy == (
        f"put the value of a client secret of application {application.client_id}, not its Secret ID, into the Secret; a "
        "new one takes minutes to be known"
    )


async def test_an_expired_client_secret_is_replaced(entra: FakeEntra, source: MsalTokenSource) -> None:
    """There is nothing else to be done about it."""
    application = entra.register()
    application.add_client_secret(SECRET.value, datetime.now(UTC))
    error = await refused(source, spec_of(entra, application, BY_SECRET), SECRET)
    assert (error.reason, error.answer.error_code) == (Reason.CREDENTIAL_REJECTED, "AADSTS7000222")
    assert error.remedy == (
        f"add a new client secret to application {application.client_id}, and put its value into the Secret"
    )


async def test_a_service_accounts_token_is_proof(entra: FakeEntra, source: MsalTokenSource) -> None:
    """As it is; the provider sees who issued it."""
    application = entra.register(federated=[ISSUER.credential()])
    proof = federated(ISSUER.token())
    token = await source.acquire(spec_of(entra, application, BY_SERVICE_ACCOUNT), proof)
    assert token.value == entra.issued[0].value
    assert entra.assertions == [proof.value]


@pytest.mark.parametrize("registered", [[], [ISSUER.credential("system:serviceaccount:reports:another")]])
async def test_an_unregistered_service_account_is_named_as_it_is_registered(
    entra: FakeEntra, source: MsalTokenSource, registered: list[Any]
) -> None:
    """Issuer, subject and audience: what the portal asks for."""
    application = entra.register(federated=registered)
    error = await refused(source, spec_of(entra, application, BY_SERVICE_ACCOUNT), federated(ISSUER.token()))
    assert error.reason is Reason.CREDENTIAL_REJECTED
    assert error.message.startswith(
        f"{entra.host} does not accept the token of {SUBJECT} with audience {AUDIENCE} for application (client) id "
        f"{application.client_id}: AADSTS700"
    )
    assert error.remedy == (
        f"add a federated credential with issuer {ISSUER.url}, subject {SUBJECT} and audience {AUDIENCE} to application "
        f"{application.client_id}; a new one takes minutes to be known"
    )


async def test_a_token_with_another_algorithm_is_explained(entra: FakeEntra, source: MsalTokenSource) -> None:
    """An API server whose keys are elliptic curves cannot be used with Entra."""
    application = entra.register(federated=[ISSUER.credential()])
    token = ISSUER.token(algorithm="ES256", key=make_certificate(key_type="ec").private_key)
    error = await refused(source, spec_of(entra, application, BY_SERVICE_ACCOUNT), federated(token))
    assert (error.reason, error.answer.error_code) == (Reason.ASSERTION_REJECTED, "AADSTS5002738")
    assert "signs with RS256" in error.remedy


async def test_an_assertion_may_be_addressed_to_the_issuer(entra: FakeEntra, source: MsalTokenSource) -> None:
    """As Entra names it: by the tenant's id, however the spec names the tenant."""
    certificate = make_certificate()
    application = entra.register(certificates=[certificate.certificate_pem])
    spec = spec_at(entra, client_id=application.client_id, credential=TO_ISSUER, tenant_id=entra.domain)
    await source.acquire(spec, make_pair(certificate))
    claims = jwt.decode(entra.assertions[0], options={"verify_signature": False})
    assert claims["aud"] == f"https://{entra.host}/{entra.tenant_id}/v2.0"


@pytest.mark.parametrize("issuer", ["https://login.microsoftonline.com/tenant/v2.0", "not a URL", None])
async def test_an_assertion_is_not_addressed_to_another_hosts_issuer(
    entra: FakeEntra, source: MsalTokenSource, issuer: str | None
) -> None:
    """Whoever names the issuer of another could have an assertion made that is good there."""
    certificate = make_certificate()
    application = entra.register(certificates=[certificate.certificate_pem])
    spec = spec_of(entra, application, TO_ISSUER)
    altered = Altered(lambda document: document.update(issuer=issuer))
    with entra.failing(altered, endpoint=Endpoint.DISCOVERY):
        error = await refused(source, spec, make_pair(certificate))
    assert error.reason is Reason.ISSUER_MISMATCH
    assert entra.token_requests == 0


async def test_each_kind_of_provider_reaches_the_same_tenant(entra: FakeEntra, source: MsalTokenSource) -> None:
    """Entra is a server like others, for those who name its issuer or its token endpoint."""
    certificate = make_certificate()
    application = entra.register(certificates=[certificate.certificate_pem])
    base = f"https://{entra.host}/{entra.tenant_id}"
    entras = spec_at(entra, client_id=application.client_id)
    for provider in (
        {"entra": {"tenantId": entra.tenant_id, "authorityHost": entra.host}},
        {"oidc": {"issuer": f"{base}/v2.0"}},
        {"oauth2": {"tokenEndpoint": f"{base}/oauth2/v2.0/token"}},
    ):
        spec = entras.model_copy(update={"provider": type(entras.provider).model_validate(provider)})
        await source.acquire(spec, make_pair(certificate))
    assert len(entra.issued) == 3
    assert entra.discovery_requests == 1
