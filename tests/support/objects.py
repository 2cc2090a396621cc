"""The namespaced objects of one kind, as JSON."""

from typing import Any

from kubernetes.client.exceptions import NotFoundException

from support.rest import JSON_PATCH, MERGE_PATCH, Rest

Json = dict[str, Any]


class Objects:
    """The objects of one kind. Whatever the API server refuses is raised as the client's `ApiException`."""

    def __init__(self, rest: Rest, group_path: str, plural: str) -> None:
        """Say which.

        Args:
            rest: who asks.
            group_path: `/api/v1`, or `/apis/GROUP/VERSION`.
            plural: the kind's name in paths.
        """
        self._rest = rest
        self._group_path = group_path
        self._plural = plural

    def create(self, namespace: str, body: Json) -> Json:
        """Create one; `apiVersion` and `kind` may be left out."""
        created: Json = self._rest.request("POST", self._path(namespace), body)
        return created

    def get(self, namespace: str, name: str) -> Json:
        """Read one."""
        found: Json = self._rest.request("GET", self._path(namespace, name))
        return found

    def find(self, namespace: str, name: str) -> Json | None:
        """Read one if it exists."""
        try:
            return self.get(namespace, name)
        except NotFoundException:
            return None

    def all(self, namespace: str) -> list[Json]:
        """Read all of a namespace."""
        found: list[Json] = self._rest.request("GET", self._path(namespace))["items"]
        return found

    def patch(self, namespace: str, name: str, patch: Json | list[Json], *, subresource: str = "") -> Json:
        """Change one: by merge patch, or by JSON patch if it is a list of operations."""
        content_type = JSON_PATCH if isinstance(patch, list) else MERGE_PATCH
        path = self._path(namespace, name, subresource)
        changed: Json = self._rest.request("PATCH", path, patch, content_type=content_type)
        return changed

    def replace(self, namespace: str, name: str, body: Json, *, subresource: str = "") -> Json:
        """Put another in its place, as `kubectl replace` does."""
        changed: Json = self._rest.request("PUT", self._path(namespace, name, subresource), body)
        return changed

    def delete(self, namespace: str, name: str, *, propagation: str = "Background") -> None:
        """Delete one; `propagation` is `Background`, `Foreground` or `Orphan`."""
        self._rest.request("DELETE", self._path(namespace, name), {"propagationPolicy": propagation})

    def delete_all(self, namespace: str) -> None:
        """Delete all of a namespace."""
        self._rest.request("DELETE", self._path(namespace))

    def _path(self, namespace: str, *parts: str) -> str:
        return "/".join([self._group_path, "namespaces", namespace, self._plural, *filter(None, parts)])
