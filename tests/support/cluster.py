"""What tests do in a cluster as its administrator."""

import base64
from collections.abc import Callable, Mapping
from http import HTTPStatus

from kubernetes.client.exceptions import ApiException, NotFoundException

from support.objects import Json, Objects
from support.rest import Rest
from support.waiting import eventually
from tokensync.resource.names import API_VERSION, PLURAL

NewNamespace = Callable[[], str]
"""Creates a namespace, and returns its name."""


class Cluster:
    """A cluster, seen by its administrator.

    Attributes:
        resources: ClientCredentialTokens.
        secrets: Secrets, values in base64 as the API has them.
        config_maps: ConfigMaps.
        service_accounts: ServiceAccounts.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self.resources = Objects(rest, f"/apis/{API_VERSION}", PLURAL)
        self.secrets = Objects(rest, "/api/v1", "secrets")
        self.config_maps = Objects(rest, "/api/v1", "configmaps")
        self.service_accounts = Objects(rest, "/api/v1", "serviceaccounts")

    def create_namespace(self) -> str:
        """Create a namespace with a name of its own."""
        created = self._rest.request("POST", "/api/v1/namespaces", {"metadata": {"generateName": "test-"}})
        return str(created["metadata"]["name"])

    def delete_namespace(self, name: str) -> None:
        """Delete a namespace, without waiting for its end."""
        self._rest.request("DELETE", f"/api/v1/namespaces/{name}")

    def abandon_namespace(self, name: str) -> None:
        """Delete a namespace whose test is over, if it did not do so itself: no operator of a later test sees its resources."""
        self.resources.delete_all(name)
        try:
            self.delete_namespace(name)
        except ApiException as error:
            if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                raise

    def wait_for_end_of_namespace(self, name: str, timeout: float = 30) -> None:
        """Wait until a namespace that was deleted is gone, with all that was in it."""
        eventually(lambda: not self._has_namespace(name), timeout, f"namespace {name} is gone")

    def _has_namespace(self, name: str) -> bool:
        try:
            self._rest.request("GET", f"/api/v1/namespaces/{name}")
        except NotFoundException:
            return False
        return True

    def create_secret(
        self,
        namespace: str,
        name: str,
        data: Mapping[str, bytes],
        *,
        kind: str = "Opaque",
        metadata: Json | None = None,
    ) -> Json:
        """Create a Secret; `kind` becomes its type, and `metadata` is what it has beside its name."""
        body = {"metadata": {"name": name} | (metadata or {}), "type": kind, "data": encoded(data)}
        return self.secrets.create(namespace, body)

    def secret_data(self, namespace: str, name: str) -> dict[str, bytes]:
        """What a Secret holds."""
        return decoded(self.secrets.get(namespace, name).get("data") or {})

    def events(self, namespace: str, name: str) -> list[Json]:
        """The events about the object of that name, of whatever kind."""
        found: list[Json] = self._rest.request(
            "GET", f"/api/v1/namespaces/{namespace}/events", query={"fieldSelector": f"involvedObject.name={name}"}
        )["items"]
        return found


def encoded(data: Mapping[str, bytes]) -> dict[str, str]:
    """The values of a Secret as the API takes them."""
    return {key: base64.b64encode(value).decode() for key, value in data.items()}


def decoded(data: Mapping[str, str]) -> dict[str, bytes]:
    """The values of a Secret as the API gives them, decoded."""
    return {key: base64.b64decode(value) for key, value in data.items()}


def condition(resource: Json, condition_type: str) -> Json | None:
    """The condition of that type in a resource's status, if it has one."""
    conditions: list[Json] = resource.get("status", {}).get("conditions", [])
    return next((entry for entry in conditions if entry["type"] == condition_type), None)
