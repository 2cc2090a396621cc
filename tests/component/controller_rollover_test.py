"""A certificate is replaced: one asks whether the provider knows the new one, nobody is without a token meanwhile."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from support.certificates import ClientCertificate, make_certificate
from support.simulators.api import always
from support.simulators.clock import START
from support.simulators.world import CERTIFICATE, GRAPH, NAMESPACE, World
from tokensync.errors import ClusterError, Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

PREVIOUS = "previous-certificate"
FORBIDDEN = always(ClusterError, Reason.FORBIDDEN, "may not get secrets")
WITH_FALLBACK = {
    "certificate": {"secretRef": {"name": CERTIFICATE.name}, "fallbackSecretRef": {"name": PREVIOUS}},
}


async def with_fallback(world: World, previous: ClientCertificate | None = None) -> ClientCertificate:
    """Start with a resource whose certificate is registered, and that names another Secret for the previous one."""
    first = world.add_certificate()
    world.provider.known = {first.thumbprint_sha256}
    world.cluster.add_secret(Key(NAMESPACE, PREVIOUS), (previous or first).secret_data())
    world.add_resource(credential=WITH_FALLBACK)
    world.start()
    await world.until(world.is_ready, within=5)
    return first


def offered(world: World, *, since: int = 0) -> list[str]:
    """What was offered, in order."""
    return [request.fingerprint for request in world.provider.requests[since:]]


def worst(world: World, keys: list[Key]) -> timedelta:
    """How much life the token had left that had least."""
    return min(world.worst_remaining_life(Key(key.namespace, f"{key.name}-token")) for key in keys)


async def test_the_previous_pair_is_used_while_the_new_one_is_unknown() -> None:
    """The new pair is offered first, the previous one at once after it, and the status says which one worked."""
    async with World() as world:
        first = await with_fallback(world)
        second = world.replace_certificate()
        await world.until(lambda: len(world.provider.issued) == 2, within=1)
        await asyncio.sleep(1)

        assert offered(world) == [first.thumbprint_sha256, second.thumbprint_sha256, first.thumbprint_sha256]
        assert world.is_ready()
        attempt, renewed = world.status().last_attempt, world.condition(ConditionType.RENEWAL_SUCCEEDED)
        assert attempt
        assert (attempt.reason, renewed.status, renewed.reason) == (Reason.RENEWED, "True", Reason.RENEWED)
        for text in (attempt.message or "", renewed.message):
            assert f"the previous certificate, SHA-1 thumbprint {first.thumbprint_sha1}" in text
            assert f"register the certificate with SHA-1 thumbprint {second.thumbprint_sha1}" in text
        credential = world.status().credential
        assert credential
        assert credential.thumbprint_sha256 == second.thumbprint_sha256


async def test_what_is_said_of_the_previous_pair_outlives_a_restart() -> None:
    """A new process says the same, and writes nothing."""
    async with World() as world:
        await with_fallback(world)
        world.replace_certificate()
        await asyncio.sleep(5)
        before, calls = world.resource(), len(world.api.calls)

        await world.restart()
        await asyncio.sleep(60)

        assert world.resource() == before
        assert {call.verb for call in world.api.calls[calls:]} == {"list"}


async def test_a_token_of_the_previous_pair_is_not_handed_on() -> None:
    """It is no better than what the others have: they keep that while the new pair is unknown."""
    async with World() as world:
        await with_fallback(world)
        other = world.add_resource("other", clientId="graph", credential=WITH_FALLBACK)
        await world.until(lambda: world.is_ready(other), within=5)
        world.replace_certificate()
        await world.until(lambda: len(world.provider.issued) == 2, within=1)
        await asyncio.sleep(20)

        held = {world.token(Key(NAMESPACE, f"{name}-token")) for name in ("graph", "other")}
        assert held == set(world.provider.issued)


async def test_the_new_pair_is_used_when_it_is_registered() -> None:
    """From the next renewal on nothing is said of the previous one any more."""
    async with World() as world:
        await with_fallback(world)
        second = world.replace_certificate()
        await asyncio.sleep(5)
        world.provider.known = {second.thumbprint_sha256}
        requests = len(world.provider.requests)

        await world.until(lambda: len(world.provider.issued) == 3, within=2400)
        await asyncio.sleep(1)

        assert offered(world, since=requests) == [second.thumbprint_sha256]
        assert "previous" not in world.condition(ConditionType.RENEWAL_SUCCEEDED).message
        assert world.status().last_attempt.message is None  # type: ignore[union-attr]


async def test_the_rollover_is_announced_when_it_begins_and_ends() -> None:
    """One Event of each, over many renewals and a restart; the log says it at each renewal."""
    async with World() as world:
        first = await with_fallback(world)
        second = world.replace_certificate()
        with capture_logs() as logs:
            await asyncio.sleep(4 * 3600)
            await world.restart()
            await asyncio.sleep(4 * 3600)
        renewals = len(world.provider.issued)
        world.provider.known = {first.thumbprint_sha256, second.thumbprint_sha256}
        await asyncio.sleep(4 * 3600)

        began, ended = [event.transition for event in world.cluster.events.told]
        assert (began.type, began.reason) == ("Warning", Reason.CREDENTIAL_REJECTED)
        assert f"register the certificate with SHA-1 thumbprint {second.thumbprint_sha1}" in began.note
        assert (ended.type, ended.reason) == ("Normal", Reason.RENEWED)
        said = [log for log in logs if log["event"] == "previous certificate in use"]
        assert {log["detail"] for log in said} == {began.note}
        assert len(said) == renewals - 1 > 5


async def test_of_two_that_are_unknown_the_first_is_told_of() -> None:
    """Where neither is registered the message is the first one's, the token stays, and both are tried again."""
    async with World() as world:
        await with_fallback(world)
        second = world.replace_certificate()
        world.provider.known = set()
        await world.until(lambda: world.status().consecutive_failures == 1, within=2)

        assert second.thumbprint_sha256 in world.condition(ConditionType.RENEWAL_SUCCEEDED).message
        assert world.is_ready()
        requests = len(world.provider.requests)
        await asyncio.sleep(120)
        assert len(world.provider.requests) - requests >= 2


async def test_those_who_wait_are_told_of_the_first_as_well() -> None:
    """Who is due and leaves the asking to others says which one to register, not that the previous one is unknown, too."""
    async with World() as world:
        await with_fallback(world)
        keys = [
            world.add_resource(f"graph-{n}", clientId="graph", scopes=[f"{n}"], credential=WITH_FALLBACK)
            for n in range(20)
        ]
        await world.until(lambda: all(map(world.is_ready, keys)), within=10)
        second = world.replace_certificate()
        world.provider.known = set()
        await asyncio.sleep(40 * 60)

        waiting = [key for key in keys if not world.status(key).consecutive_failures]
        assert waiting
        for key in waiting:
            assert (
                f"register {second.thumbprint_sha256}" in world.condition(ConditionType.RENEWAL_SUCCEEDED, key).message
            )


@pytest.mark.parametrize(
    "times",
    [(START - timedelta(days=9), START - timedelta(days=1)), (START + timedelta(days=1), START + timedelta(days=9))],
    ids=["expired", "not yet valid"],
)
async def test_a_previous_pair_whose_time_it_is_not_is_not_offered(times: tuple[object, object]) -> None:
    """Only what can be used is fallen back to."""
    async with World() as world:
        previous = make_certificate(not_before=times[0], not_after=times[1])  # type: ignore[arg-type]
        await with_fallback(world, previous)
        world.replace_certificate()

        await world.until(lambda: world.status().consecutive_failures == 1, within=2)

        assert previous.thumbprint_sha256 not in offered(world)


async def test_without_a_previous_pair_the_token_stays() -> None:
    """The last good token is kept, the message says what to register, and it is tried again until it is."""
    async with World() as world:
        first = world.add_certificate()
        world.provider.known = {first.thumbprint_sha256}
        world.add_resource()
        world.start()
        await world.until(world.is_ready, within=5)
        second = world.replace_certificate()
        await world.until(lambda: world.status().consecutive_failures == 1, within=2)
        assert f"register {second.thumbprint_sha256}" in world.condition(ConditionType.RENEWAL_SUCCEEDED).message
        assert world.is_ready()
        assert world.token() == world.provider.issued[0]
        await asyncio.sleep(1200)
        world.provider.known = {second.thumbprint_sha256}

        await world.until(lambda: len(world.provider.issued) == 2, within=900)


async def test_a_previous_pair_that_cannot_be_read_keeps_nobody_from_a_token() -> None:
    """Only who needs it would miss it: a right that is lacking, or a damaged Secret, is no failure."""
    async with World() as world:
        certificate = world.add_certificate()
        world.provider.known = {certificate.thumbprint_sha256}
        world.cluster.add_secret(Key(NAMESPACE, PREVIOUS), {"tls.crt": b"damaged"})
        world.api.refuse(FORBIDDEN, "get", "secrets", key=Key(NAMESPACE, PREVIOUS))
        world.add_resource(credential=WITH_FALLBACK)
        world.start()

        await world.until(world.is_ready, within=5)


async def test_who_is_due_falls_back_and_nobody_is_without_a_token() -> None:
    """A key that stays unknown for hours: who is due uses the previous pair, and the new one is asked for now and then."""
    async with World() as world:
        first = world.add_certificate()
        world.provider.known = {first.thumbprint_sha256}
        world.cluster.add_secret(Key(NAMESPACE, PREVIOUS), first.secret_data())
        keys = [
            world.add_resource(f"graph-{n}", clientId="shared", scopes=[f"{n}"], credential=WITH_FALLBACK)
            for n in range(100)
        ]
        world.start()
        await world.until(lambda: all(map(world.is_ready, keys)), within=30)
        requests = len(world.provider.requests)
        second = world.replace_certificate()

        await asyncio.sleep(4 * 3600)

        assert worst(world, keys) > timedelta(minutes=15)
        asked = offered(world, since=requests)
        assert asked.count(second.thumbprint_sha256) <= 4 * 20
        assert asked.count(first.thumbprint_sha256) >= 600
        failing = [key for key in keys if world.status(key).consecutive_failures]
        assert not failing


async def test_who_shares_a_request_follows_with_one_token() -> None:
    """Two hundred in one namespace: the new key costs one request, and their Secrets are written over minutes."""
    async with World() as world:
        world.add_certificate()
        keys = [world.add_resource(f"graph-{n}", clientId="shared") for n in range(200)]
        world.start()
        await world.until(lambda: all(map(world.is_ready, keys)), within=20)
        await asyncio.sleep(60)
        calls = len(world.api.calls)
        world.replace_certificate()
        await asyncio.sleep(400)

        assert len(world.provider.requests) == 2
        written = [call.at for call in world.api.calls[calls:] if (call.verb, call.plural) == ("patch", "secrets")]
        assert len(written) == 200
        assert written[-1] - written[0] > timedelta(minutes=4)
        assert written[100] - written[0] > timedelta(minutes=1)


async def test_a_restart_in_the_middle_of_a_rollover_goes_on() -> None:
    """After a restart one asks again, and those who have not followed yet do so."""
    async with World() as world:
        world.add_certificate()
        keys = [world.add_resource(f"graph-{n}", clientId="shared", scopes=[f"{n}"]) for n in range(100)]
        world.start()
        await world.until(lambda: all(map(world.is_ready, keys)), within=30)
        second = world.replace_certificate()
        await asyncio.sleep(600)
        done = offered(world).count(second.thumbprint_sha256)
        assert 10 < done < 90

        await world.restart()
        await asyncio.sleep(5)
        assert offered(world).count(second.thumbprint_sha256) <= done + 5
        await asyncio.sleep(2400)

        assert {credential.thumbprint_sha256 for key in keys if (credential := world.status(key).credential)} == {
            second.thumbprint_sha256
        }
        assert worst(world, keys) > timedelta(minutes=15)


async def test_a_renew_request_does_not_wait_for_the_rollover() -> None:
    """Whoever asks for a new token in the middle of it has it at once."""
    async with World() as world:
        await world.with_token(clientId="shared")
        keys = [world.add_resource(f"graph-{n}", clientId="shared", scopes=[f"{n}"]) for n in range(20)]
        await world.until(lambda: all(map(world.is_ready, keys)), within=10)
        world.replace_certificate()
        await asyncio.sleep(5)
        late = keys[-1]
        world.request_renewal("now", late)

        await world.until(lambda: world.status(late).last_handled_renew_request == "now", within=2)


async def test_a_replaced_client_secret_is_tried_by_one() -> None:
    """The same holds for a client secret: one asks, and the others follow, spread."""
    async with World() as world:
        secret = Key(NAMESPACE, "client-secret")
        world.cluster.add_secret(secret, {"value": b"first-client-secret"})
        credential = {"clientSecret": {"secretKeyRef": {"name": secret.name, "key": "value"}}}
        keys = [
            world.add_resource(f"graph-{n}", clientId="shared", scopes=[f"{n}"], credential=credential)
            for n in range(50)
        ]
        world.start()
        await world.until(lambda: all(map(world.is_ready, keys)), within=30)
        world.provider.known = set()
        world.cluster.set_data(secret, {"value": b"second-client-secret"})
        requests = len(world.provider.requests)
        await asyncio.sleep(300)
        assert 1 <= len(world.provider.requests) - requests <= 10
        world.provider.known = None
        requests = len(world.provider.requests)

        await asyncio.sleep(2400)

        times = [request.at for request in world.provider.requests[requests:]]
        assert len(times) >= 50
        assert times[25] - times[0] > timedelta(minutes=3)
        assert worst(world, keys) > timedelta(minutes=15)


async def test_a_replaced_pair_of_one_resource_is_used_at_once() -> None:
    """Where nobody shares the certificate nobody is waited for."""
    async with World() as world:
        await world.with_token()
        world.replace_certificate()

        await world.until(lambda: len(world.provider.issued) == 2 and world.is_ready(GRAPH), within=1)
