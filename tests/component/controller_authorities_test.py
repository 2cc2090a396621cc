"""A resource's bundle is read for each token request, and never stands between a token and its reader."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trustme

from support.simulators.api import always
from support.simulators.world import NAMESPACE, World
from tokensync.errors import ClusterError, Reason
from tokensync.resource.names import OWNER_UID_LABEL
from tokensync.resource.spec import Key
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

BUNDLE = Key(NAMESPACE, "company-ca")
REFS = ["configMapKeyRef", "secretKeyRef"]
CA, OTHER = (trustme.CA().cert_pem.bytes().strip() for _ in range(2))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Everything there is."""
    async with World() as opened:
        yield opened


def provider(ref: str, key: str = "ca.crt") -> dict[str, Any]:
    """The spec's, with a bundle."""
    bundle = {ref: {"name": BUNDLE.name, "key": key}}
    return {"entra": {"tenantId": "contoso", "authorityHost": "login.example.com", "caBundleRef": bundle}}


def put_bundle(world: World, ref: str, data: dict[str, bytes]) -> None:
    """Create the bundle, or replace it."""
    if ref == "configMapKeyRef":
        world.cluster.config_maps.objects[BUNDLE] = data
    elif world.cluster.secret_store.get(BUNDLE):
        world.cluster.set_data(BUNDLE, data)
    else:
        world.cluster.add_secret(BUNDLE, data)


def trusted(world: World) -> list[str]:
    """With which authorities tokens were asked for."""
    return [request.authorities for request in world.provider.requests]


@pytest.mark.parametrize("ref", REFS)
async def test_a_renewal_reads_the_bundle_once(world: World, ref: str) -> None:
    """And so finds what it holds then; nothing else is read for it."""
    put_bundle(world, ref, {"ca.crt": CA})
    await world.with_token(provider=provider(ref))
    put_bundle(world, ref, {"ca.crt": OTHER})
    mark, before = len(world.api.calls), world.token()
    await world.until(lambda: world.token() != before, within=3600)
    await world.until(lambda: world.api.count("patch", "clientcredentialtokens/status", since=mark), within=5)
    assert trusted(world) == [CA.decode(), OTHER.decode()]
    calls = [(call.verb, call.plural, call.key) for call in world.api.calls[mark:] if call.verb in ("get", "patch")]
    assert calls[0] == ("get", "configmaps" if ref == "configMapKeyRef" else "secrets", BUNDLE)
    assert [verb for verb, *_ in calls] == ["get", "patch", "patch"]


async def test_without_one_nothing_is_read(world: World) -> None:
    """The operator's own trust counts."""
    await world.with_token()
    assert trusted(world) == [""]
    assert world.api.count("get", "configmaps") == 0


NOT_THERE = (
    '{kind} reports/company-ca does not exist: create it with the key "ca.crt", or correct '
    "spec.provider.entra.caBundleRef.{field}.name"
)
NO_SUCH_KEY = (
    '{kind} reports/company-ca has no key "ca.crt" for the CA bundle; it has "ca.pem": put the authorities\' '
    "certificates in PEM under that key, or correct spec.provider.entra.caBundleRef.{field}.key"
)
NO_CERTIFICATE = (
    'key "ca.crt" of {kind} reports/company-ca holds no certificate in PEM: put the certificates in PEM there of the '
    "authorities that the provider's certificate comes from"
)


def nothing(world: World, ref: str) -> None:
    if ref == "configMapKeyRef":
        del world.cluster.config_maps.objects[BUNDLE]
    else:
        world.cluster.delete_secret(BUNDLE)


def another_key(world: World, ref: str) -> None:
    nothing(world, ref)
    put_bundle(world, ref, {"ca.pem": CA})


def no_bundle(world: World, ref: str) -> None:
    put_bundle(world, ref, {"ca.crt": b"hunter2"})


@pytest.mark.parametrize("ref", REFS)
@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (nothing, NOT_THERE),
        (another_key, NO_SUCH_KEY),
        (no_bundle, NO_CERTIFICATE),
    ],
)
async def test_a_bundle_that_is_spoiled_keeps_the_token(
    world: World, ref: str, spoil: Callable[[World, str], None], text: str
) -> None:
    """Nobody is asked, the last good token stays, the message says what to do; and what is mended is found."""
    put_bundle(world, ref, {"ca.crt": CA})
    key = await world.with_token(provider=provider(ref))
    before = world.token()
    spoil(world, ref)
    world.request_renewal("now")
    kind = "ConfigMap" if ref == "configMapKeyRef" else "Secret"
    await world.until(lambda: world.status(key).consecutive_failures, within=60)
    condition = world.condition(ConditionType.RENEWAL_SUCCEEDED)
    assert (condition.status, condition.reason) == ("False", Reason.PROVIDER_UNTRUSTED)
    assert condition.message.startswith(text.format(kind=kind, field=ref))
    assert world.condition(ConditionType.CREDENTIAL_VALID).status == "True"
    assert (world.token(), world.is_ready()) == (before, True)
    assert len(world.provider.requests) == 1

    put_bundle(world, ref, {"ca.crt": CA})
    await world.until(lambda: world.token() != before, within=900)
    await world.until(lambda: world.condition(ConditionType.RENEWAL_SUCCEEDED).status == "True", within=5)


async def test_a_missing_bundle_needs_a_person_after_five_minutes(world: World) -> None:
    """It may come a little later than the resource, as everything may that somebody applies."""
    world.add_certificate()
    key = world.add_resource(provider=provider("configMapKeyRef"))
    world.start()
    await world.until(lambda: world.status(key).consecutive_failures, within=60)
    assert world.status(key).condition(ConditionType.STALLED) is None
    await world.until(lambda: world.status(key).condition(ConditionType.STALLED), within=1200)


@pytest.mark.parametrize(
    "kind", ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1"]
)
async def test_secrets_of_the_cluster_are_no_bundle(world: World, kind: str) -> None:
    """Nor is what a resource of ours writes."""
    world.cluster.add_secret(BUNDLE, {"ca.crt": CA}, secret_type=kind)
    await refused(world)


async def test_a_target_is_no_bundle(world: World) -> None:
    """It holds a token, and somebody else's business."""
    world.cluster.add_secret(BUNDLE, {"ca.crt": CA}, {"labels": {OWNER_UID_LABEL: "somebody"}})
    await refused(world)


async def refused(world: World) -> None:
    world.add_certificate()
    key = world.add_resource(provider=provider("secretKeyRef"))
    world.start()
    await world.until(lambda: world.status(key).consecutive_failures, within=60)
    condition = world.condition(ConditionType.RENEWAL_SUCCEEDED)
    assert condition.reason is Reason.CREDENTIAL_SOURCE_REFUSED
    assert "put the CA bundle into a ConfigMap, or into a Secret of its own" in condition.message
    assert world.provider.requests == []


async def test_a_right_that_is_missing_is_named(world: World) -> None:
    """As after an upgrade without the new roles: the token stays."""
    world.cluster.config_maps.objects[BUNDLE] = {"ca.crt": CA}
    await world.with_token(provider=provider("configMapKeyRef"))
    before = world.token()
    world.api.refuse(always(ClusterError, Reason.FORBIDDEN, "tokensync may not get configmaps"), "get", "configmaps")
    world.request_renewal("now")
    await world.until(lambda: world.condition(ConditionType.RENEWAL_SUCCEEDED).status == "False", within=60)
    assert world.condition(ConditionType.RENEWAL_SUCCEEDED).reason is Reason.FORBIDDEN
    assert world.token() == before
