"""The resources: their status is ours to write, everything else is only read."""

from collections.abc import AsyncIterator
from typing import Any

from tokensync.cluster.api import Api, Collection, Verb
from tokensync.cluster.refusals import NotFoundError
from tokensync.resource.names import FIELD_MANAGER, GROUP, PLURAL, VERSION
from tokensync.resource.spec import Key

_API = Collection(f"/apis/{GROUP}", VERSION)
RESOURCES = Collection(f"/apis/{GROUP}/{VERSION}", PLURAL)

_PAGE = "500"
_JSON_PATCH = "application/json-patch+json"


class ClusterResources:
    """The API server's ClientCredentialTokens, as the controller's `ResourceStore`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def are_served(self) -> bool:
        """Whether the API server knows them: whether their CustomResourceDefinition was applied."""
        try:
            answer = await self._api.call(Verb.GET, _API, None)
        except NotFoundError:
            return False
        return any(resource.get("name") == PLURAL for resource in answer.get("resources") or ())

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

    async def list_all(self, namespace: str | None) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """All resources of a namespace (None: of the cluster), in pages, each with the list's resourceVersion."""
        query = {"limit": _PAGE}
        while True:
            answer = await self._api.call(Verb.LIST, RESOURCES, namespace, query=query)
            listed = answer.get("metadata") or {}
            yield answer.get("items") or [], listed.get("resourceVersion", "0")
            if not listed.get("continue"):
                return
            query["continue"] = listed["continue"]
