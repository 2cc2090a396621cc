"""What nobody thought of gets a condition and a log line, and everything else goes on."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from support.simulators.api import always
from support.simulators.world import CERTIFICATE, GRAPH, TOKEN, World
from tokensync.controller.limits import Limits
from tokensync.errors import ClusterError, ConflictError, Reason, SpecError, TargetError
from tokensync.resource.names import ADOPTABLE_BY
from tokensync.resource.spec import Spec
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

CANARY = "canary-in-an-exception"
REJECTED = always(TargetError, Reason.TARGET_REJECTED, "admission denied the request")


def fails_for(name: str, error: Exception) -> Any:
    return lambda spec: error if spec.client_id == name else None


async def test_a_defect_of_the_source_is_a_failed_attempt() -> None:
    """An exception that nobody expects keeps the stored token, is told, and is tried again with a back-off."""
    async with World() as world:
        await world.with_token()
        world.provider.failure = lambda _: ValueError(CANARY)
        world.request_renewal("now")
        with capture_logs() as logs:
            await world.until(lambda: world.status().consecutive_failures == 2, within=5)

        failed = world.condition(ConditionType.RENEWAL_SUCCEEDED)
        assert (failed.status, failed.reason) == ("False", Reason.INTERNAL_ERROR)
        assert world.is_ready()
        assert world.token() == world.provider.issued[0]
        defects = [log for log in logs if log["event"] == "defect"]
        assert len(defects) == 2
        assert defects[0]["error"] == "ValueError"
        assert "acquire (provider.py:" in defects[0]["at"]
        assert CANARY not in str(logs)
        assert CANARY not in str(world.resource())
        world.provider.failure = lambda _: None
        await world.until(lambda: world.status().consecutive_failures == 0, within=301)


async def test_a_defect_with_one_leaves_the_others_alone() -> None:
    """A resource that makes us fail in unexpected ways does not keep another from its renewals."""
    async with World() as world:
        await world.with_token()
        world.provider.failure = fails_for("other", KeyError(CANARY))
        other = world.add_resource("other")
        await asyncio.sleep(6 * 3600)

        assert world.is_ready(GRAPH)
        assert world.worst_remaining_life() > timedelta(minutes=22)
        assert world.condition(ConditionType.READY, other).reason is Reason.INTERNAL_ERROR
        assert 6 * 12 <= len(world.request_times(other)) <= 6 * 40


@pytest.mark.parametrize("verb", ["get", "create", "patch"])
async def test_a_defect_of_a_store_is_survived(verb: str) -> None:
    """A call to the API server that ends in an unexpected way is repeated later, and ends nothing."""
    async with World() as world:
        world.add_certificate()
        world.add_resource()
        fault = world.api.refuse(always(RuntimeError, CANARY), verb)
        with capture_logs() as logs:
            world.start()
            await asyncio.sleep(600)
        assert CANARY not in str(logs)
        fault.lift()

        await world.until(world.is_ready, within=301)

        assert len(world.provider.issued) == 1


@pytest.mark.parametrize("error", [RuntimeError, UnicodeError])
async def test_a_defect_while_looking_again_is_survived(error: type[Exception]) -> None:
    """The look that follows a conflict may fail as unexpectedly as anything."""
    async with World() as world:
        await world.with_token()
        conflict = world.api.refuse(always(ConflictError, "stale"), "patch", "secrets", times=1)
        broken = world.api.refuse(always(error, CANARY), "get")
        world.request_renewal("now")
        await conflict.reached.wait()
        await asyncio.sleep(5)
        broken.lift()

        await world.until(lambda: world.status().last_handled_renew_request == "now", within=301)

        assert len(world.provider.issued) == 2


async def test_a_defect_before_the_decision_is_told() -> None:
    """A resource that cannot even be looked at says so, and is looked at again after a minute."""
    async with World() as world:
        world.provider.refusal = ValueError(CANARY)
        world.add_certificate()
        world.add_resource()
        world.start()
        await world.until(lambda: world.status().conditions, within=2)
        assert world.condition(ConditionType.READY).reason is Reason.INTERNAL_ERROR
        assert CANARY not in str(world.resource())
        world.provider.refusal = None

        await world.until(world.is_ready, within=61)


@pytest.mark.parametrize("kind", ["refused", "refused, then away", "refused, then broken"])
async def test_a_status_that_is_refused_ends_nothing(kind: str) -> None:
    """Where admission refuses every status the tokens are renewed all the same."""
    async with World() as world:
        second = {
            "refused": REJECTED,
            "refused, then away": always(ClusterError, Reason.CLUSTER_UNAVAILABLE, "no answer"),
            "refused, then broken": always(RuntimeError, CANARY),
        }[kind]
        errors = iter([REJECTED()])
        world.api.refuse(lambda: next(errors, None) or second(), "patch", "clientcredentialtokens/status")
        world.add_certificate()
        world.add_resource()
        world.start()

        await asyncio.sleep(4 * 3600)

        assert world.worst_remaining_life() > timedelta(minutes=22)
        assert len(world.provider.requests) == 1 + 4 * 3600 // (35 * 60 + 55)


async def test_a_status_that_is_refused_is_followed_by_a_shorter_one() -> None:
    """Where the full status is refused, the conditions are written alone."""
    async with World() as world:
        world.api.refuse(REJECTED, "patch", "clientcredentialtokens/status", times=1)
        await world.with_token()

        assert world.status().token is None
        assert world.condition(ConditionType.READY).status == "True"
        await asyncio.sleep(3600)
        assert world.status().token is not None


@pytest.mark.parametrize(
    "patch",
    [
        {"scopes": 7},
        {"renewal": {"lifetimePercentage": 99}},
        {"renewal": {"before": "soon"}},
        {"target": {"data": {"token": "Anything"}}},
        {"provider": None},
    ],
    ids=str,
)
async def test_a_spec_that_cannot_be_read_is_told(patch: dict[str, Any]) -> None:
    """What another version's schema let through is refused with the field's name; the token stays, and the repair is seen."""
    async with World() as world:
        await world.with_token()
        body = world.resource()
        world.cluster.change_resource(GRAPH, {"spec": patch})

        await world.until(lambda: world.condition(ConditionType.READY).reason is Reason.INVALID_SPEC, within=2)
        await asyncio.sleep(3600)

        ready = world.condition(ConditionType.READY)
        assert next(iter(patch)) in ready.message
        assert ready.observed_generation == 2
        assert world.condition(ConditionType.STALLED).reason is Reason.INVALID_SPEC
        assert world.token() == world.provider.issued[0]
        assert len(world.provider.requests) == 1
        world.cluster.resource_store.replace(GRAPH, {**world.resource(), "spec": body["spec"]}, "kubectl")
        await world.until(world.is_ready, within=2)


async def test_a_host_that_is_not_allowed_is_not_asked() -> None:
    """What the installation does not allow blocks before anything is read or asked for."""
    async with World() as world:
        world.provider.refusal = SpecError(Reason.HOST_NOT_ALLOWED, "the host is not allowed")
        world.add_certificate()
        world.add_resource()
        world.start()

        await asyncio.sleep(3600)

        assert world.condition(ConditionType.READY).reason is Reason.HOST_NOT_ALLOWED
        assert world.condition(ConditionType.STALLED).reason is Reason.HOST_NOT_ALLOWED
        assert not world.provider.requests


async def test_type_that_is_not_allowed_is_not_written() -> None:
    """It blocks the resource before a token is asked for, and names the setting."""
    async with World() as world:
        world.add_certificate()
        world.add_resource(target={"type": "example.com/token"})
        world.start()
        await world.until(lambda: world.status().conditions, within=2)
        ready = world.condition(ConditionType.READY)
        assert ready.reason is Reason.TARGET_TYPE_NOT_ALLOWED
        assert "the setting allowed-secret-types" in ready.message
        assert not world.provider.requests


async def test_type_that_the_administrator_allows_is_written() -> None:
    """The Secret has it from the beginning."""
    async with World(limits=Limits(secret_types=("example.com/token",))) as world:
        await world.with_token(target={"type": "example.com/token"})
        assert world.secret()["type"] == "example.com/token"


async def test_shape_that_its_file_cannot_hold_is_not_written() -> None:
    """A login of two lines blocks the resource before a token is asked for."""
    async with World() as world:
        world.add_certificate()
        world.add_resource(target={"format": {"netrc": {"machine": "a.example", "login": "a\nmachine b"}}})
        world.start()
        await world.until(lambda: world.status().conditions, within=2)
        assert world.condition(ConditionType.READY).reason is Reason.INVALID_SPEC
        assert "target.format.netrc.login" in world.condition(ConditionType.READY).message
        assert not world.provider.requests


async def test_secret_of_another_type_is_not_overwritten() -> None:
    """A Secret to be adopted, or that a schema without the rule lets change its type, stays as it is."""
    async with World() as world:
        world.add_certificate()
        metadata = {"annotations": {ADOPTABLE_BY: GRAPH.name}}
        world.cluster.add_secret(TOKEN, {"username": b"ada"}, metadata, secret_type="kubernetes.io/basic-auth")
        before = world.secret()
        world.add_resource(target={"adopt": True})
        world.start()
        await world.until(lambda: world.status().conditions, within=5)
        assert world.condition(ConditionType.READY).reason is Reason.TARGET_TYPE_MISMATCH
        assert world.secret() == before


async def test_what_blocks_a_resource_is_logged_once() -> None:
    """When it begins, and again when it is something else; a restart says nothing."""
    async with World() as world:
        world.add_certificate()
        world.provider.refusal = SpecError(Reason.HOST_NOT_ALLOWED, "that host is not allowed", remedy="ask")
        with capture_logs() as logs:
            key = world.add_resource()
            world.start()
            await asyncio.sleep(3600)
            await world.restart()
            await asyncio.sleep(3600)
            world.provider.refusal = None
            world.cluster.set_data(CERTIFICATE, {"tls.crt": b"none", "tls.key": b"none"})
            await asyncio.sleep(3600)

        told = [log for log in logs if log["event"] == "blocked"]
        assert [log["reason"] for log in told] == [Reason.HOST_NOT_ALLOWED.value, Reason.CREDENTIAL_MALFORMED.value]
        assert told[0] == {
            "event": "blocked",
            "log_level": "warning",
            "namespace": key.namespace,
            "name": key.name,
            "reason": "HostNotAllowed",
            "detail": "that host is not allowed: ask",
        }


async def test_denied_metadata_is_not_written() -> None:
    """Labels that the administrator denies block the resource, and a correction is seen at once."""
    async with World(limits=Limits(denied_metadata=("reflector.example/",))) as world:
        world.add_certificate()
        world.add_resource(target={"labels": {"reflector.example/allowed": "true"}})
        world.start()
        await world.until(lambda: world.status().conditions, within=2)
        assert world.condition(ConditionType.READY).reason is Reason.METADATA_NOT_ALLOWED
        assert not world.provider.requests
        world.cluster.change_resource(GRAPH, {"spec": {"target": {"labels": None}}})

        await world.until(world.is_ready, within=2)


async def test_an_endpoint_that_nobody_can_name_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spec that the source cannot make an endpoint of is told like any other refusal."""
    async with World() as world:
        await world.with_token()

        def endpoint(spec: Spec) -> str:
            if spec.client_id == "other":
                raise SpecError(Reason.INVALID_SPEC, "provider.entra.tenantId is no tenant")
            return "contoso"

        monkeypatch.setattr(world.provider, "endpoint", endpoint)
        world.provider.refusal = SpecError(Reason.INVALID_SPEC, "provider.entra.tenantId is no tenant")
        other = world.add_resource("other")

        await world.until(lambda: world.status(other).conditions, within=2)

        assert world.condition(ConditionType.READY, other).reason is Reason.INVALID_SPEC
        world.provider.refusal = None
        await asyncio.sleep(3600)
        assert len(world.request_times(GRAPH)) == 2


@pytest.mark.parametrize("where", ["status", "annotations"])
@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
async def test_times_at_the_ends_of_the_calendar_end_nothing(moment: str, where: str) -> None:
    """Times that nobody can reckon with cost their resource a renewal at most, and the others nothing."""
    async with World() as world:
        await world.with_token()
        other, target = world.add_resource("other"), TOKEN._replace(name="other-token")
        await world.until(lambda: world.is_ready(other), within=2)
        if where == "status":
            times = {"issuedAt": moment, "expiresAt": moment, "renewAt": moment}
            world.cluster.change_resource(other, {"status": {"token": times, "nextAttemptTime": moment}})
        else:
            marks = {"tokensync.dev/issued-at": moment, "tokensync.dev/expires-at": moment}
            world.cluster.change_secret(target, {"metadata": {"annotations": marks}})
        await asyncio.sleep(60)
        await world.restart()

        await asyncio.sleep(3 * 3600)

        assert world.worst_remaining_life() > timedelta(minutes=22)
        assert world.is_ready(other)
        assert world.times(other).expires_at > world.clock.now()
