"""Secrets: read when they are used, created once, patched later, listed as metadata."""

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

from tokensync.cluster.api import Api, Collection, Verb
from tokensync.cluster.refusals import NotFoundError
from tokensync.resource.names import FIELD_MANAGER
from tokensync.resource.spec import Key
from tokensync.resource.target import OPAQUE
from tokensync.target.metadata import SecretMetadata

SECRETS = Collection("/api/v1", "secrets")
WATCHED = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token"
"""Field selector: Helm's releases and the tokens of ServiceAccounts are many, large, and nothing of ours."""

_OBJECT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_MERGE_PATCH = "application/merge-patch+json"
_BY_US = {"fieldManager": FIELD_MANAGER}


class SecretContent(NamedTuple):
    """A Secret as it was read: metadata, type, and the decoded bytes of its keys."""

    metadata: SecretMetadata
    type: str
    data: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"SecretContent({self.metadata.key})"


class ClusterSecrets:
    """The API server's Secrets, as the controller's `SecretStore`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def read(self, key: Key) -> SecretContent | None:
        """The whole Secret; None if there is none."""
        try:
            body = await self._api.call(Verb.GET, SECRETS, key.namespace, key.name)
        except NotFoundError:
            return None
        data = {name: base64.b64decode(value) for name, value in (body.get("data") or {}).items()}
        return SecretContent(SecretMetadata.parse(body), body.get("type", OPAQUE), data)

    async def inspect(self, key: Key) -> SecretMetadata | None:
        """The Secret's metadata; None if there is none."""
        try:
            return SecretMetadata.parse(
                await self._api.call(Verb.GET, SECRETS, key.namespace, key.name, accept=_OBJECT)
            )
        except NotFoundError:
            return None

    async def create(self, key: Key, body: dict[str, Any]) -> SecretMetadata:
        """Create it; an existing one is a conflict."""
        answer = await self._api.call(
            Verb.CREATE, SECRETS, key.namespace, key.name, query=_BY_US, body=body, accept=_OBJECT
        )
        return SecretMetadata.parse(answer)

    async def patch(self, key: Key, patch: dict[str, Any]) -> SecretMetadata:
        """Apply a merge patch that carries uid and resourceVersion; another Secret than that is a conflict."""
        answer = await self._api.call(
            Verb.PATCH,
            SECRETS,
            key.namespace,
            key.name,
            query=_BY_US,
            body=patch,
            content_type=_MERGE_PATCH,
            accept=_OBJECT,
        )
        return SecretMetadata.parse(answer)

    async def delete(self, secret: SecretMetadata) -> None:
        """Delete this very Secret, as it was last seen; another one is a conflict."""
        preconditions = {"uid": secret.uid, "resourceVersion": secret.resource_version}
        await self._api.call(
            Verb.DELETE, SECRETS, secret.key.namespace, secret.key.name, body={"preconditions": preconditions}
        )

    async def list_metadata(self, namespace: str | None) -> AsyncIterator[tuple[list[SecretMetadata], str]]:
        """All Secrets of a namespace (None: of the cluster), in pages, each with the list's resourceVersion."""
        pages = self._api.pages(SECRETS, namespace, accept=_LIST, query={"fieldSelector": WATCHED})
        async for items, version in pages:
            yield [SecretMetadata.parse(item) for item in items], version
