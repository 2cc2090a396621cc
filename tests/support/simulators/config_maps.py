"""The simulated API server's ConfigMaps, as the operator calls them."""

from collections.abc import Mapping

from support.simulators.api import Api
from tokensync.resource.spec import Key


class SimulatedConfigMaps:
    """The controller's `ConfigMapStore`.

    Attributes:
        objects: what there is, to be changed at will.
    """

    def __init__(self, api: Api) -> None:
        self.objects: dict[Key, Mapping[str, bytes]] = {}
        self._api = api

    async def read(self, key: Key) -> Mapping[str, bytes] | None:
        """Its keys and their bytes."""
        async with self._api.call("get", "configmaps", key):
            return self.objects.get(key)
