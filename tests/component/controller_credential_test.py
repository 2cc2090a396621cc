"""The credential: read when it is used, followed when it is replaced, reported as it is."""

import asyncio
from datetime import timedelta

import pytest

from support.certificates import make_certificate
from support.simulators.api import always
from support.simulators.clock import START
from support.simulators.world import CERTIFICATE, GRAPH, NAMESPACE, TOKEN, World, valid_certificate
from tokensync.errors import ClusterError, ProviderError, Reason
from tokensync.resource.names import OWNER_UID_LABEL
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

AWAY = always(ClusterError, Reason.CLUSTER_UNAVAILABLE, "the Kubernetes API did not answer")


def credential_valid(world: World, key: Key = GRAPH) -> tuple[str, Reason]:
    condition = world.condition(ConditionType.CREDENTIAL_VALID, key)
    return condition.status, condition.reason


async def test_a_replaced_certificate_renews_at_once() -> None:
    """A new pair in the credential is used within a second, though the stored token would do."""
    async with World() as world:
        await world.with_token()
        certificate = world.replace_certificate()

        await world.until(lambda: len(world.provider.issued) == 2, within=1)
        await world.until(lambda: world.token() == world.provider.issued[1], within=1)

        assert world.provider.requests[-1].fingerprint == certificate.thumbprint_sha256
        credential = world.status().credential
        assert credential
        assert credential.thumbprint_sha256 == certificate.thumbprint_sha256
        assert credential.thumbprint_sha1 == certificate.thumbprint_sha1


async def test_a_touched_certificate_changes_nothing() -> None:
    """A new version of the Secret with the same pair costs one read, also after a restart, and no write."""
    async with World() as world:
        await world.with_token()
        calls = len(world.api.calls)
        world.cluster.change_secret(CERTIFICATE, {"metadata": {"labels": {"touched": "yes"}}})
        await asyncio.sleep(600)
        assert [call.verb for call in world.api.calls[calls:]] == ["get"]

        await world.restart()
        await asyncio.sleep(600)

        assert {call.verb for call in world.api.calls[calls:]} == {"get", "list"}
        assert len(world.provider.requests) == 1


async def test_replaced_while_the_operator_was_down() -> None:
    """A pair that was replaced meanwhile is found after the restart."""
    async with World() as world:
        await world.with_token()
        await world.crash()
        certificate = world.replace_certificate()
        world.start()

        await world.until(lambda: len(world.provider.issued) == 2, within=1)
        await asyncio.sleep(1)

        assert world.provider.requests[-1].fingerprint == certificate.thumbprint_sha256
        assert len(world.provider.requests) == 2


async def test_a_broken_certificate_keeps_the_token() -> None:
    """While the credential is unusable nothing is asked for, the stored token counts, and the condition says why."""
    async with World() as world:
        await world.with_token()
        world.cluster.set_data(CERTIFICATE, {"tls.crt": b"no PEM"})
        await world.until(lambda: credential_valid(world) == ("False", Reason.CREDENTIAL_MALFORMED), within=1)

        assert world.is_ready()
        assert world.condition(ConditionType.STALLED).reason is Reason.CREDENTIAL_MALFORMED
        await asyncio.sleep(7200)
        assert len(world.provider.requests) == 1
        assert world.token() == world.provider.issued[0]
        assert world.condition(ConditionType.READY).reason is Reason.CREDENTIAL_MALFORMED


async def test_a_repaired_certificate_goes_on_at_once() -> None:
    """The repair of the credential starts the renewal that waited for it."""
    async with World() as world:
        await world.with_token()
        world.cluster.set_data(CERTIFICATE, {"tls.crt": b"no PEM"})
        await asyncio.sleep(7200)
        world.replace_certificate()

        await world.until(world.is_ready, within=1)

        assert credential_valid(world) == ("True", Reason.CREDENTIAL_USABLE)
        assert world.status().condition(ConditionType.STALLED) is None


async def test_the_same_pair_back_renews_nothing() -> None:
    """A pair that was broken and put back before the renewal was due costs no token."""
    async with World() as world:
        certificate = world.add_certificate()
        world.add_resource()
        world.start()
        await world.until(world.is_ready, within=2)
        world.cluster.set_data(CERTIFICATE, {"tls.crt": b"no PEM"})
        await asyncio.sleep(60)
        world.cluster.set_data(CERTIFICATE, certificate.secret_data())

        await world.until(lambda: credential_valid(world)[0] == "True", within=1)
        await asyncio.sleep(600)

        assert len(world.provider.requests) == 1


async def test_a_missing_certificate_is_waited_for() -> None:
    """Without its Secret a resource says so; when the Secret is created the token follows within a second."""
    async with World() as world:
        world.add_resource()
        world.start()
        await world.until(lambda: world.status().conditions, within=2)
        assert credential_valid(world) == ("False", Reason.CREDENTIAL_NOT_FOUND)
        await asyncio.sleep(3600)
        world.add_certificate()

        await world.until(world.is_ready, within=1)

        assert len(world.provider.requests) == 1


async def test_a_secret_that_the_watch_has_not_shown_yet_is_found() -> None:
    """A credential that the inventory lacks is looked for before it is called missing."""
    async with World() as world:
        world.start()
        await asyncio.sleep(1)
        world.cluster.secret_store.stream.delay = 60
        world.add_certificate()
        world.add_resource()

        await world.until(world.is_ready, within=2)


async def test_all_who_wait_for_a_secret_learn_of_it() -> None:
    """One resource that finds the new Secret before the watch shows it does not keep the news from the others."""
    async with World() as world:
        world.start()
        first = world.add_resource("first")
        await world.until(lambda: world.status(first).conditions, within=2)
        assert credential_valid(world, first) == ("False", Reason.CREDENTIAL_NOT_FOUND)
        world.cluster.secret_store.stream.delay = 2
        world.add_certificate()
        second = world.add_resource("second")
        await world.until(lambda: world.is_ready(second), within=1)

        await world.until(lambda: world.is_ready(first), within=3)


@pytest.mark.parametrize("restart", [False, True])
async def test_other_keys_of_the_same_secret_are_read(restart: bool) -> None:
    """A spec that names other keys of the same Secret is reported and signed for with the pair that is there."""
    async with World() as world:
        first, second = valid_certificate(), valid_certificate()
        pairs = first.secret_data() | {"new.crt": second.certificate_pem, "new.key": second.private_key_pem}
        world.cluster.add_secret(CERTIFICATE, pairs)
        world.add_resource()
        world.start()
        await world.until(world.is_ready, within=2)
        if restart:
            await world.restart()
        names = {"certificateKey": "new.crt", "privateKeyKey": "new.key"}
        world.cluster.change_resource(GRAPH, {"spec": {"credential": {"certificate": names}}})

        await world.until(world.is_ready, within=2)
        await asyncio.sleep(60)

        credential = world.status().credential
        assert credential
        assert credential.thumbprint_sha256 == world.provider.requests[-1].fingerprint == second.thumbprint_sha256
        assert len(world.provider.requests) == 2


async def test_another_secret_is_read() -> None:
    """A spec that names another Secret renews with what is in that."""
    async with World() as world:
        await world.with_token()
        other = world.add_certificate("other")
        world.cluster.change_resource(
            GRAPH, {"spec": {"credential": {"certificate": {"secretRef": {"name": "other"}}}}}
        )

        await world.until(world.is_ready, within=2)

        assert world.provider.requests[-1].fingerprint == other.thumbprint_sha256
        assert CERTIFICATE not in world.operator.reconciler._keyring._entries


async def test_a_certificate_that_is_not_yet_valid_is_waited_for() -> None:
    """Before its time a certificate is not used, however often it is looked at; from then on it is."""
    async with World() as world:
        certificate = make_certificate(not_before=START + timedelta(hours=2), not_after=START + timedelta(days=365))
        world.cluster.add_secret(CERTIFICATE, certificate.secret_data())
        world.add_resource()
        world.start()
        await world.until(lambda: world.status().conditions, within=2)

        await asyncio.sleep(7000)
        assert credential_valid(world) == ("False", Reason.CERTIFICATE_NOT_YET_VALID)
        assert not world.provider.requests

        await world.until(world.is_ready, within=16 * 60)


async def test_a_certificate_that_expires_stops_the_requests() -> None:
    """From its expiry on a certificate is not used, and the condition says so."""
    async with World() as world:
        certificate = make_certificate(not_before=START - timedelta(days=1), not_after=START + timedelta(hours=2))
        world.cluster.add_secret(CERTIFICATE, certificate.secret_data())
        world.add_resource()
        world.start()
        await world.until(world.is_ready, within=2)
        assert credential_valid(world) == ("True", Reason.CREDENTIAL_EXPIRES_SOON)

        await asyncio.sleep(7200 + 3600)
        assert credential_valid(world) == ("False", Reason.CERTIFICATE_EXPIRED)
        requests = len(world.provider.requests)
        await asyncio.sleep(7200)
        assert len(world.provider.requests) == requests


async def test_a_target_is_no_credential() -> None:
    """A Secret that we write is refused as a credential."""
    async with World() as world:
        await world.with_token()
        other = world.add_resource("other", certificate=TOKEN.name)

        await world.until(lambda: world.status(other).conditions, within=2)

        assert credential_valid(world, other) == ("False", Reason.CREDENTIAL_SOURCE_REFUSED)
        assert not world.request_times(other)


async def test_a_marked_secret_is_no_credential() -> None:
    """A retained or adopted target, known by its label, is refused as well."""
    async with World() as world:
        data = valid_certificate().secret_data()
        world.cluster.add_secret(CERTIFICATE, data, {"labels": {OWNER_UID_LABEL: "somebody"}})
        world.add_resource()
        world.start()

        await world.until(lambda: world.status().conditions, within=2)

        assert credential_valid(world) == ("False", Reason.CREDENTIAL_SOURCE_REFUSED)


async def test_a_thousand_resources_share_one_read() -> None:
    """Each version of a Secret is read once, however many resources name it."""
    async with World() as world:
        world.add_certificate()
        for number in range(1000):
            world.add_resource(f"graph-{number}")
        world.start()
        await asyncio.sleep(60)
        assert len(world.provider.issued) == 1000
        assert world.api.count("get", "secrets") == 1

        world.replace_certificate()
        await asyncio.sleep(60)

        assert len(world.provider.issued) == 2000
        assert world.api.count("get", "secrets") == 2


async def test_a_read_that_fails_is_done_again() -> None:
    """A credential that cannot be read now is read as soon as the API server answers."""
    async with World() as world:
        world.add_certificate()
        world.add_resource()
        fault = world.api.refuse(AWAY, "get", "secrets")
        world.start()
        await world.until(lambda: world.status().conditions, within=2)
        assert credential_valid(world) == ("False", Reason.CLUSTER_UNAVAILABLE)
        fault.lift()

        await world.until(world.is_ready, within=6)


@pytest.mark.parametrize("foreground", [False, True])
async def test_keys_are_forgotten_with_their_last_user(foreground: bool) -> None:
    """A key stays in memory as long as a resource names its Secret, and no longer."""
    async with World() as world:
        await world.with_token()
        other = world.add_resource("other")
        await world.until(lambda: world.is_ready(other), within=2)
        keyring = world.operator.reconciler._keyring
        for key, is_last in ((GRAPH, False), (other, True)):
            if foreground:
                world.cluster.mark_resource_deleted(key)
                await asyncio.sleep(5)
            world.cluster.delete_resource(key)
            await asyncio.sleep(60)
            assert (CERTIFICATE not in keyring._entries) is is_last


async def test_a_form_is_forgotten_with_the_spec_that_named_it() -> None:
    """However often a spec is changed, one reading of its Secret is kept, and one of whoever else reads it."""
    async with World() as world:
        await world.with_token()
        other = world.add_resource("other")
        await world.until(lambda: world.is_ready(other), within=2)
        for number in range(20):
            credential = {"certificate": {"secretRef": {"name": CERTIFICATE.name}, "certificateKey": f"crt-{number}"}}
            world.cluster.change_resource(GRAPH, {"spec": {"credential": credential}})
            await asyncio.sleep(5)

        assert credential_valid(world) == ("False", Reason.CREDENTIAL_KEY_MISSING)
        assert len(world.operator.reconciler._keyring._entries[CERTIFICATE]) <= 2
        await asyncio.sleep(3600)
        assert len(world.request_times(other)) == 2


async def test_keys_of_a_recreated_resource_are_forgotten() -> None:
    """A resource that is recreated with another credential keeps nothing of the first."""
    async with World() as world:
        await world.with_token()
        world.add_certificate("other")
        world.cluster.resource_store.stream.break_off()
        world.cluster.delete_resource(GRAPH)
        world.add_resource(certificate="other")
        world.operator.watch_anew()

        await world.until(world.is_ready, within=5)

        assert set(world.operator.reconciler._keyring._entries) == {Key(NAMESPACE, "other")}


async def test_a_new_certificate_ends_the_back_off() -> None:
    """What was refused with the old pair is tried at once with the new one."""
    async with World() as world:
        await world.with_token()
        world.provider.failure = lambda _: ProviderError(Reason.CREDENTIAL_REJECTED, "not registered")
        world.request_renewal("now")
        await world.until(lambda: world.status().consecutive_failures == 1, within=2)
        world.provider.failure = lambda _: None
        world.replace_certificate()

        await world.until(lambda: len(world.provider.issued) == 2, within=1)
