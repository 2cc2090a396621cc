"""Federated credentials: each renewal requests a ServiceAccount's token of its own, which goes where it may and nowhere else."""

import asyncio
from typing import Any

import jwt
import pytest
from structlog.testing import capture_logs

from support.simulators.api import always
from support.simulators.world import GRAPH, NAMESPACE, TOKEN, World
from tokensync.credentials.proof import FederatedToken
from tokensync.errors import ClusterError, ProviderError, Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType, CredentialKind, CredentialStatus

pytestmark = pytest.mark.looptime(noop_cycles=0)

ACCOUNT = Key(NAMESPACE, "reporter")
SUBJECT = f"system:serviceaccount:{NAMESPACE}:reporter"
OF_API_SERVER = "https://kubernetes.default.svc.cluster.local"
FORBIDDEN = always(
    ClusterError, Reason.FORBIDDEN, "tokensync may not create serviceaccounts/token in namespace reports"
)
AWAY = always(ClusterError, Reason.CLUSTER_UNAVAILABLE, "the Kubernetes API did not answer")


def federated(world: World, audience: str | None = None, **spec: Any) -> None:
    """One resource with a ServiceAccount, and the operator."""
    account = {"name": ACCOUNT.name} | ({"audience": audience} if audience else {})
    world.add_resource(credential={"serviceAccount": account}, **spec)
    world.start()


async def with_token(world: World) -> None:
    """The ServiceAccount is there, and the token too."""
    world.cluster.service_accounts.accounts.add(ACCOUNT)
    federated(world)
    await world.until(world.is_ready, within=5)


def sent(world: World) -> list[FederatedToken]:
    """What the provider got as assertions."""
    proofs = [request.proof for request in world.provider.requests]
    return [proof for proof in proofs if isinstance(proof, FederatedToken)]


def requested(world: World) -> int:
    """How many tokens of ServiceAccounts were asked for."""
    return world.api.count("create", "serviceaccounts/token")


def credential_valid(world: World) -> tuple[str, Reason]:
    """Status and reason of the condition."""
    condition = world.condition(ConditionType.CREDENTIAL_VALID)
    return condition.status, condition.reason


async def test_each_renewal_has_a_token_of_its_own() -> None:
    """Requested right before it is sent, and never again used; the status says of what kind it is."""
    async with World() as world:
        await with_token(world)
        await asyncio.sleep(7200)

        assert len(sent(world)) == len(world.provider.requests) > 3
        assert [proof.value for proof in sent(world)] == world.cluster.service_accounts.issued
        assert len({proof.value for proof in sent(world)}) == requested(world)
        assert world.status().credential == CredentialStatus(kind=CredentialKind.SERVICE_ACCOUNT)
        assert credential_valid(world) == ("True", Reason.CREDENTIAL_USABLE)


async def test_a_restart_requests_nothing() -> None:
    """The stored token answers the spec."""
    async with World() as world:
        await with_token(world)
        await world.restart()
        await asyncio.sleep(600)

        assert (requested(world), len(world.provider.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("entra", "audience"),
    [
        ({}, "api://AzureADTokenExchange"),
        ({"cloud": "Public"}, "api://AzureADTokenExchange"),
        ({"cloud": "USGovernment"}, "api://AzureADTokenExchangeUSGov"),
        ({"cloud": "China"}, "api://AzureADTokenExchangeChina"),
    ],
)
async def test_each_cloud_has_its_audience(entra: dict[str, str], audience: str) -> None:
    """Without one in the spec."""
    async with World() as world:
        world.cluster.service_accounts.accounts.add(ACCOUNT)
        federated(world, provider={"entra": {"tenantId": "contoso", **entra}})
        await world.until(world.is_ready, within=5)

        (proof,) = sent(world)
        assert (proof.subject, proof.audience) == (SUBJECT, audience)
        assert jwt.decode(proof.value, options={"verify_signature": False})["aud"] == [audience]


async def test_the_specs_audience_goes_before() -> None:
    """Where it is allowed."""
    async with World(audiences=["https://login.example.com"]) as world:
        world.cluster.service_accounts.accounts.add(ACCOUNT)
        federated(world, "https://login.example.com")
        await world.until(world.is_ready, within=5)

        assert sent(world)[0].audience == "https://login.example.com"


@pytest.mark.parametrize("audiences", [[], ["api://AzureADTokenExchangeChina"]])
async def test_an_audience_that_is_not_listed_is_refused(audiences: list[str]) -> None:
    """Nothing is requested, the condition names the setting, and only a person can change it."""
    async with World(audiences=audiences) as world:
        world.cluster.service_accounts.accounts.add(ACCOUNT)
        federated(world)
        await world.until(lambda: world.status().conditions, within=2)
        await asyncio.sleep(7200)

        assert credential_valid(world) == ("False", Reason.AUDIENCE_NOT_ALLOWED)
        for kind in (ConditionType.READY, ConditionType.RENEWAL_SUCCEEDED, ConditionType.STALLED):
            assert world.condition(kind).reason is Reason.AUDIENCE_NOT_ALLOWED
        message = world.condition(ConditionType.READY).message
        assert "for the audience api://AzureADTokenExchange: ask the administrator of tokensync to add it" in message
        assert "allowed-audiences" in message
        assert (requested(world), world.provider.requests) == (0, [])


async def test_another_authority_has_no_default() -> None:
    """Whoever names a host knows its audience; the CRD says so first."""
    async with World() as world:
        world.cluster.service_accounts.accounts.add(ACCOUNT)
        federated(world, provider={"entra": {"tenantId": "contoso", "authorityHost": "login.example.com"}})
        await world.until(lambda: world.status().conditions, within=2)

        assert credential_valid(world) == ("False", Reason.INVALID_SPEC)
        assert "credential.serviceAccount.audience is not set" in world.condition(ConditionType.READY).message
        assert requested(world) == 0


async def test_a_missing_service_account_is_waited_for() -> None:
    """It is not watched: it is tried again, and works by itself when it is there."""
    async with World() as world:
        federated(world)
        await world.until(lambda: world.status().conditions, within=2)

        valid = world.condition(ConditionType.CREDENTIAL_VALID)
        assert (valid.status, valid.reason) == ("False", Reason.CREDENTIAL_NOT_FOUND)
        assert valid.message == (
            f"ServiceAccount {ACCOUNT} does not exist: create it, or correct credential.serviceAccount.name"
        )
        assert world.status().condition(ConditionType.STALLED) is None
        await asyncio.sleep(3600)
        assert 4 < requested(world) < 20
        assert not world.provider.requests
        world.cluster.service_accounts.accounts.add(ACCOUNT)

        await world.until(world.is_ready, within=16 * 60)

        assert credential_valid(world) == ("True", Reason.CREDENTIAL_USABLE)


@pytest.mark.parametrize("restart", [False, True])
async def test_a_lost_right_keeps_the_token(restart: bool) -> None:
    """The stored one counts until it expires, and what failed is known to a process that starts anew."""
    async with World() as world:
        await with_token(world)
        fault = world.api.refuse(FORBIDDEN, "create", "serviceaccounts/token")
        world.request_renewal("now")
        await world.until(lambda: credential_valid(world) == ("False", Reason.FORBIDDEN), within=2)
        if restart:
            await world.restart()
            await asyncio.sleep(10)

        assert credential_valid(world) == ("False", Reason.FORBIDDEN)
        assert world.condition(ConditionType.STALLED).reason is Reason.FORBIDDEN
        assert world.is_ready()
        assert world.token() == world.provider.issued[0]
        fault.lift()

        await world.until(lambda: len(world.provider.issued) == 2, within=16 * 60)
        await world.until(lambda: credential_valid(world) == ("True", Reason.CREDENTIAL_USABLE), within=2)


async def test_what_else_fails_is_not_the_credentials() -> None:
    """A provider that refuses got a token of the ServiceAccount, so that there is one to be had."""
    async with World() as world:
        await with_token(world)
        world.provider.failure = lambda _: ProviderError(Reason.CREDENTIAL_REJECTED, "not registered")
        world.request_renewal("now")
        await world.until(lambda: world.status().consecutive_failures == 1, within=2)

        assert credential_valid(world) == ("True", Reason.CREDENTIAL_USABLE)
        assert world.condition(ConditionType.RENEWAL_SUCCEEDED).reason is Reason.CREDENTIAL_REJECTED


async def test_an_outage_passes() -> None:
    """What passes by itself is tried again within seconds."""
    async with World() as world:
        world.cluster.service_accounts.accounts.add(ACCOUNT)
        world.api.refuse(AWAY, "create", "serviceaccounts/token", times=2)
        federated(world)
        await world.until(lambda: world.status().conditions, within=2)
        assert credential_valid(world) == ("False", Reason.CLUSTER_UNAVAILABLE)

        await world.until(world.is_ready, within=10)

        assert credential_valid(world) == ("True", Reason.CREDENTIAL_USABLE)


async def test_a_credential_for_the_api_server_does_not_leave() -> None:
    """Though the administrator listed its audience: it is tried at the API server, and goes no further."""
    async with World(audiences=[OF_API_SERVER]) as world:
        world.cluster.service_accounts.accounts.add(ACCOUNT)
        federated(world, OF_API_SERVER)
        await world.until(lambda: world.status().conditions, within=2)

        assert credential_valid(world) == ("False", Reason.AUDIENCE_NOT_ALLOWED)
        message = world.condition(ConditionType.RENEWAL_SUCCEEDED).message
        assert f"the API server accepts tokens for the audience {OF_API_SERVER} as credentials" in message
        await asyncio.sleep(3600)
        assert world.provider.requests == []
        world.cluster.service_accounts.audiences.clear()

        await world.until(world.is_ready, within=16 * 60)


async def test_an_audience_is_tried_once() -> None:
    """For all resources, as long as the process lives; until it could be tried nothing leaves."""
    async with World() as world:
        world.cluster.service_accounts.accounts.add(ACCOUNT)
        fault = world.api.refuse(AWAY, "create", "selfsubjectreviews")
        federated(world)
        await asyncio.sleep(10)
        assert world.provider.requests == []
        fault.lift()
        await world.until(world.is_ready, within=60)
        tried = len(world.cluster.service_accounts.tried)
        credential = {"serviceAccount": {"name": ACCOUNT.name}}
        others = [world.add_resource(f"other-{number}", credential=credential) for number in range(5)]
        await world.until(lambda: all(world.is_ready(other) for other in others), within=5)

        await asyncio.sleep(7200)

        assert len(world.cluster.service_accounts.tried) == tried == 1
        await world.restart()
        await asyncio.sleep(7200)
        assert len(world.cluster.service_accounts.tried) == 2


async def test_a_token_for_others_too_does_not_leave() -> None:
    """What an admission webhook makes of the request is looked at before anything is done with the answer."""
    async with World() as world:
        world.cluster.service_accounts.accounts.add(ACCOUNT)
        world.cluster.service_accounts.added = OF_API_SERVER
        federated(world)
        await world.until(lambda: world.status().conditions, within=2)

        assert credential_valid(world) == ("False", Reason.AUDIENCE_NOT_ALLOWED)
        assert "find the admission webhook" in world.condition(ConditionType.RENEWAL_SUCCEEDED).message
        assert (world.provider.requests, world.cluster.service_accounts.tried) == ([], [])


async def test_nothing_is_requested_in_a_namespace_that_goes() -> None:
    """After the first refusal its resources are left alone."""
    async with World() as world:
        world.cluster.service_accounts.accounts.add(ACCOUNT)
        world.cluster.secrets.terminating.add(NAMESPACE)
        federated(world)
        await asyncio.sleep(3600)

        assert requested(world) == 1
        assert world.condition(ConditionType.READY).reason is Reason.NAMESPACE_TERMINATING
        assert not world.provider.requests


async def test_nothing_of_it_is_shown_or_kept() -> None:
    """Neither in what is written of the resource, nor in a log line, nor in memory."""
    async with World() as world:
        with capture_logs() as logs:
            await with_token(world)
            world.provider.failure = lambda _: ProviderError(Reason.CREDENTIAL_REJECTED, "not registered")
            world.request_renewal("now")
            await world.until(lambda: world.status().consecutive_failures == 1, within=2)

        shown = f"{world.resource(GRAPH)} {world.secret(TOKEN)} {logs} {world.provider.requests}"
        assert "not registered" in shown
        assert not [token for token in world.cluster.service_accounts.issued if token.rpartition(".")[2] in shown]
        assert not world.operator.reconciler._keyring._entries
