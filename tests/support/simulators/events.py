"""The simulated API server's Events, as the operator writes them."""

from datetime import datetime
from typing import NamedTuple

from support.simulators.api import Api
from tokensync.resource.spec import Key
from tokensync.rotation.transitions import Transition


class Told(NamedTuple):
    """One Event.

    Attributes:
        key: what it is about.
        resource_version: of what it is about.
        at: when that happened, by the operator's clock.
    """

    key: Key
    uid: str
    resource_version: str
    transition: Transition
    at: datetime


class SimulatedEvents:
    """The controller's `EventStore`.

    Attributes:
        told: all of them, as they came in.
    """

    def __init__(self, api: Api) -> None:
        self.told: list[Told] = []
        self._api = api

    async def create(self, key: Key, uid: str, resource_version: str, transition: Transition, at: datetime) -> None:
        """Keep it."""
        async with self._api.call("create", "events", key):
            self.told.append(Told(key, uid, resource_version, transition, at))
