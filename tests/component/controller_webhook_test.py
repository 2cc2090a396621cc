"""A mutating admission webhook changes what we write, each time that we write it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from support.simulators.store import merged
from support.simulators.world import World
from tokensync.errors import Reason
from tokensync.resource import names
from tokensync.resource.status import ConditionType

pytestmark = pytest.mark.looptime(noop_cycles=0)

Webhook = Callable[[dict[str, Any]], dict[str, Any]]


def rewriting(patch: dict[str, Any]) -> Webhook:
    return lambda body: merged(body, patch)


def said(world: World) -> Reason | None:
    condition = world.status().condition(ConditionType.RENEWAL_SUCCEEDED)
    return condition.reason if condition else None


@pytest.mark.parametrize(
    "webhook",
    [
        rewriting({"metadata": {"labels": {names.MANAGED_BY_LABEL: "somebody"}}}),
        rewriting({"metadata": {"annotations": {names.ACQUIRED_FOR: "v1:other:other"}}}),
        rewriting({"metadata": {"annotations": {names.EXPIRES_AT: None}}}),
    ],
    ids=["label", "inputs", "expiry"],
)
async def test_it_ends_in_a_condition_and_not_in_a_loop(webhook: Webhook) -> None:
    """The status says that the target does not stay as it is written, and an hour costs tens of calls, not thousands."""
    async with World() as world:
        world.cluster.secrets.webhook = webhook
        world.add_certificate()
        world.add_resource()
        world.start()

        await world.until(lambda: said(world) is Reason.TARGET_CONTESTED, within=120)
        await asyncio.sleep(3600)

        assert len(world.provider.requests) < 100
        assert len(world.cluster.api.calls) < 200
