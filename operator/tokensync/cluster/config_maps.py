"""ConfigMaps: read when they are used, never watched."""

import base64
from collections.abc import Mapping

from tokensync.cluster.api import Api, Collection, Verb
from tokensync.cluster.refusals import NotFoundError
from tokensync.resource.spec import Key

_CONFIG_MAPS = Collection("/api/v1", "configmaps")


class ClusterConfigMaps:
    """The API server's ConfigMaps, as the controller's `ConfigMapStore`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def read(self, key: Key) -> Mapping[str, bytes] | None:
        """The ConfigMap's keys and their bytes; None if there is none."""
        try:
            body = await self._api.call(Verb.GET, _CONFIG_MAPS, key.namespace, key.name)
        except NotFoundError:
            return None
        texts = {name: text.encode() for name, text in (body.get("data") or {}).items()}
        binaries = {name: base64.b64decode(text) for name, text in (body.get("binaryData") or {}).items()}
        return texts | binaries
