"""The client secret: read once for each version of its Secret, used as it is, followed when it is replaced."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from support.simulators.world import GRAPH, NAMESPACE, TOKEN, World
from tokensync.credentials.proof import ClientSecret
from tokensync.errors import ProviderError, Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType, CredentialKind, CredentialStatus

pytestmark = pytest.mark.looptime(noop_cycles=0)

SECRET = Key(NAMESPACE, "client-secret")
VALUE = b"q8Q~canary-of-a-client-secret"
CREDENTIAL: dict[str, Any] = {"clientSecret": {"secretKeyRef": {"name": SECRET.name, "key": "secret"}}}


async def with_token(world: World, value: bytes = VALUE) -> None:
    """One resource with a client secret, and its token."""
    world.cluster.add_secret(SECRET, {"secret": value})
    world.add_resource(credential=CREDENTIAL)
    world.start()
    await world.until(world.is_ready, within=5)


def sent(world: World) -> list[str]:
    """The client secrets that the provider got."""
    proofs = [request.proof for request in world.provider.requests]
    return [proof.value for proof in proofs if isinstance(proof, ClientSecret)]


async def test_its_secret_is_read_once() -> None:
    """Every renewal uses what was read at first, and the status tells of what kind and version."""
    async with World() as world:
        await with_token(world)
        await asyncio.sleep(7200)

        assert sent(world) == [VALUE.decode()] * len(world.provider.requests)
        assert len(sent(world)) > 3
        assert world.api.count("get", "secrets") == 1
        assert world.status().credential == CredentialStatus(
            kind=CredentialKind.CLIENT_SECRET,
            secret_resource_version=world.secret(SECRET)["metadata"]["resourceVersion"],
        )
        valid = world.condition(ConditionType.CREDENTIAL_VALID)
        assert (valid.status, valid.reason) == ("True", Reason.CREDENTIAL_USABLE)
        assert "only the provider knows" in valid.message


async def test_a_final_line_break_is_not_sent() -> None:
    """The one that `echo` leaves."""
    async with World() as world:
        await with_token(world, VALUE + b"\n")

        assert sent(world) == [VALUE.decode()]


@pytest.mark.parametrize("restart", [False, True])
async def test_a_replaced_one_costs_one_token(restart: bool) -> None:
    """Another version of the Secret is another credential, also to an operator that was down meanwhile."""
    async with World() as world:
        await with_token(world)
        if restart:
            await world.crash()
        world.cluster.set_data(SECRET, {"secret": b"another"})
        if restart:
            world.start()

        await world.until(lambda: len(world.provider.issued) == 2, within=2)
        await asyncio.sleep(600)

        assert sent(world) == [VALUE.decode(), "another"]
        credential = world.status().credential
        assert credential
        assert credential.secret_resource_version == world.secret(SECRET)["metadata"]["resourceVersion"]


async def test_a_restart_costs_neither_token_nor_read() -> None:
    """The status and the target tell what is needed."""
    async with World() as world:
        await with_token(world)
        calls = len(world.api.calls)
        await world.restart()
        await asyncio.sleep(600)

        assert {call.verb for call in world.api.calls[calls:]} == {"list"}
        assert len(world.provider.requests) == 1


async def test_a_recreated_secret_is_another_one() -> None:
    """By its uid, whatever its value is."""
    async with World() as world:
        await with_token(world)
        world.cluster.delete_secret(SECRET)
        world.cluster.add_secret(SECRET, {"secret": VALUE})

        await world.until(lambda: len(world.provider.issued) == 2, within=2)


async def test_a_new_one_ends_the_back_off() -> None:
    """What was refused with the old one is tried at once with the new one."""
    async with World() as world:
        await with_token(world)
        world.provider.failure = lambda _: ProviderError(Reason.CREDENTIAL_REJECTED, "wrong secret")
        world.request_renewal("now")
        await world.until(lambda: world.status().consecutive_failures == 1, within=2)
        world.provider.failure = lambda _: None
        world.cluster.set_data(SECRET, {"secret": b"another"})

        await world.until(lambda: len(world.provider.issued) == 2, within=1)


REFUSED = ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1"]


@pytest.mark.parametrize("kind", REFUSED)
async def test_secrets_of_the_cluster_are_no_source(kind: str) -> None:
    """What belongs to the cluster and its tools goes to no provider; as any other Secret it would."""
    async with World() as world:
        world.cluster.add_secret(SECRET, {"secret": VALUE}, secret_type=kind)
        world.add_resource(credential=CREDENTIAL)
        world.start()
        await world.until(lambda: world.status().conditions, within=2)

        valid = world.condition(ConditionType.CREDENTIAL_VALID)
        assert (valid.status, valid.reason) == ("False", Reason.CREDENTIAL_SOURCE_REFUSED)
        assert valid.message.startswith(f"Secret {SECRET} holds a ")
        assert world.condition(ConditionType.STALLED).reason is Reason.CREDENTIAL_SOURCE_REFUSED
        await asyncio.sleep(7200)
        assert not world.provider.requests

        world.cluster.delete_secret(SECRET)
        world.cluster.add_secret(SECRET, {"secret": VALUE})
        await world.until(world.is_ready, within=2)


@pytest.mark.parametrize("kind", REFUSED)
async def test_they_are_no_source_of_a_certificate_either(kind: str) -> None:
    """Nor of the pair that would be fallen back to."""
    async with World() as world:
        data = world.add_certificate().secret_data()
        world.cluster.add_secret(SECRET, data, secret_type=kind)
        world.add_resource(certificate=SECRET.name)
        world.start()
        await world.until(lambda: world.status().conditions, within=2)

        assert world.condition(ConditionType.CREDENTIAL_VALID).reason is Reason.CREDENTIAL_SOURCE_REFUSED
        assert not world.provider.requests


async def test_a_target_is_no_client_secret() -> None:
    """A token of ours goes to no provider as a client secret."""
    async with World() as world:
        await with_token(world)
        reference = {"clientSecret": {"secretKeyRef": {"name": TOKEN.name, "key": "token"}}}
        other = world.add_resource("other", credential=reference)
        await world.until(lambda: world.status(other).conditions, within=2)

        assert world.condition(ConditionType.CREDENTIAL_VALID, other).reason is Reason.CREDENTIAL_SOURCE_REFUSED
        assert not world.request_times(other)


async def test_it_is_never_shown() -> None:
    """Neither in what is written of the resource, nor in a log line."""
    async with World() as world:
        with capture_logs() as logs:
            await with_token(world)
            world.provider.failure = lambda _: ProviderError(Reason.CREDENTIAL_REJECTED, "wrong secret")
            world.request_renewal("now")
            await world.until(lambda: world.status().consecutive_failures == 1, within=2)

        shown = f"{world.resource(GRAPH)} {world.secret(TOKEN)} {logs} {world.provider.requests}"
        assert "wrong secret" in shown
        assert VALUE.decode() not in shown
