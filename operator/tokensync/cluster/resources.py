"""The resources: their status is ours to write, everything else is only read."""

from collections.abc import AsyncIterator
from typing import Any

from tokensync.cluster.api import Api, Collection, Verb
from tokensync.cluster.refusals import NotFoundError
from tokensync.resource.names import FIELD_MANAGER, GROUP, PLURAL, VERSION
from tokensync.resource.spec import Key

_GROUPS = Collection("", "/apis")
_OUR_GROUP = Collection("", f"/apis/{GROUP}/{VERSION}")
RESOURCES = Collection(f"/apis/{GROUP}/{VERSION}", PLURAL)

_JSON_PATCH = "application/json-patch+json"


class ClusterResources:
    """The API server's ClientCredentialTokens, as the controller's `ResourceStore`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def are_served(self) -> bool:
        """Whether the API server knows them, and says so: both happen in the second after their definition was applied."""
        groups = (await self._api.call(Verb.GET, _GROUPS, None)).get("groups") or ()
        if GROUP not in {group.get("name") for group in groups}:
            return False
        try:
            known = (await self._api.call(Verb.GET, _OUR_GROUP, None)).get("resources") or ()
        except NotFoundError:
            return False
        return PLURAL in {resource.get("name") for resource in known}

    async def fetch(self, key: Key) -> dict[str, Any] | None:
        """The resource's JSON; None if there is none."""
        try:
            return await self._api.call(Verb.GET, RESOURCES, key.namespace, key.name)
        except NotFoundError:
            return None

    async def publish(self, key: Key, uid: str, resource_version: str, status: dict[str, Any]) -> dict[str, Any]:
        """Replace the status of this very resource, as it was last seen, and return the resource's JSON.

        A JSON patch (RFC 6902): a merge patch with a wrong uid would be written into a recreated resource.
        """
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version},
            {"op": "add", "path": "/status", "value": status},
        ]
        return await self._api.call(
            Verb.PATCH,
            RESOURCES,
            key.namespace,
            key.name,
            subresource="status",
            query={"fieldManager": FIELD_MANAGER},
            body=patch,
            content_type=_JSON_PATCH,
        )

    def list_all(self, namespace: str | None) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """All resources of a namespace (None: of the cluster), in pages, each with the list's resourceVersion."""
        return self._api.pages(RESOURCES, namespace)
