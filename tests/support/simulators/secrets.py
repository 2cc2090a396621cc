"""The simulated API server's Secrets, as the operator calls them."""

import base64
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

from support.simulators.api import Api
from support.simulators.store import Store, merged
from tokensync.errors import NamespaceTerminatingError, Reason, TargetError
from tokensync.resource.names import FIELD_MANAGER
from tokensync.resource.spec import Key
from tokensync.target.metadata import SecretMetadata

_PAGE = 100


class Content(NamedTuple):
    """A Secret that was read."""

    metadata: SecretMetadata
    type: str
    data: Mapping[str, bytes]


class SimulatedSecrets:
    """The controller's `SecretStore`.

    Attributes:
        terminating: the namespaces that are being deleted: nothing can be created there.
        webhook: a mutating admission webhook: what is to be stored goes through it.
    """

    def __init__(self, api: Api, store: Store) -> None:
        self.terminating = set[str]()
        self.webhook: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: body
        self._api = api
        self._store = store

    async def read(self, key: Key) -> Content | None:
        """The whole Secret."""
        async with self._api.call("get", "secrets", key):
            body = self._store.get(key)
        if body is None:
            return None
        data = {name: base64.b64decode(value) for name, value in body.get("data", {}).items()}
        return Content(SecretMetadata.parse(body), body["type"], data)

    async def inspect(self, key: Key) -> SecretMetadata | None:
        """Its metadata."""
        async with self._api.call("get", "secrets", key):
            body = self._store.get(key)
        return SecretMetadata.parse(body) if body else None

    async def create(self, key: Key, body: dict[str, Any]) -> SecretMetadata:
        """Create it."""
        async with self._api.call("create", "secrets", key):
            if key.namespace in self.terminating:
                raise NamespaceTerminatingError(key.namespace)
            created = self._store.create(key, self.webhook(body), FIELD_MANAGER)
        return SecretMetadata.parse(created)

    async def patch(self, key: Key, patch: dict[str, Any]) -> SecretMetadata:
        """Apply a merge patch."""
        async with self._api.call("patch", "secrets", key):
            metadata = patch["metadata"]
            before = self._store.require(key, metadata["uid"], metadata["resourceVersion"])
            after = merged(before, patch)
            if after["type"] != before["type"]:
                raise TargetError(Reason.TARGET_TYPE_MISMATCH, f"Secret {key} has another type")
            patched = self._store.replace(key, self.webhook(after), FIELD_MANAGER)
        return SecretMetadata.parse(patched)

    async def delete(self, secret: SecretMetadata) -> None:
        """Delete this very Secret."""
        async with self._api.call("delete", "secrets", secret.key):
            self._store.require(secret.key, secret.uid, secret.resource_version)
            self._store.delete(secret.key)

    async def list_metadata(self, namespace: str | None) -> AsyncIterator[tuple[list[SecretMetadata], str]]:
        """All Secrets, as they are when the first page is asked for."""
        listed, version = self._store.in_namespace(namespace), self._store.version()
        for start in range(0, max(len(listed), 1), _PAGE):
            async with self._api.call("list", "secrets", Key(namespace or "", "")):
                page = [SecretMetadata.parse(body) for body in listed[start : start + _PAGE]]
            yield page, version


class SimulatedResources:
    """The controller's `ResourceStore`."""

    def __init__(self, api: Api, store: Store) -> None:
        self._api = api
        self._store = store

    async def fetch(self, key: Key) -> dict[str, Any] | None:
        """The resource."""
        async with self._api.call("get", "clientcredentialtokens", key):
            return self._store.get(key)

    async def publish(self, key: Key, uid: str, resource_version: str, status: dict[str, Any]) -> dict[str, Any]:
        """Replace the status."""
        async with self._api.call("patch", "clientcredentialtokens/status", key):
            before = self._store.require(key, uid, resource_version)
            return self._store.replace(key, {**before, "status": status}, FIELD_MANAGER)

    async def list_all(self, namespace: str | None) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """All resources, as they are when the first page is asked for."""
        listed, version = self._store.in_namespace(namespace), self._store.version()
        for start in range(0, max(len(listed), 1), _PAGE):
            async with self._api.call("list", "clientcredentialtokens", Key(namespace or "", "")):
                page = listed[start : start + _PAGE]
            yield page, version
