"""A cluster: its API server, and what people and other controllers do in it, the garbage collector among them."""

import asyncio
import base64
import itertools
from collections.abc import Mapping
from typing import Any

from support.simulators.api import Api
from support.simulators.clock import true_time
from support.simulators.config_maps import SimulatedConfigMaps
from support.simulators.events import SimulatedEvents
from support.simulators.managed_fields import after_apply
from support.simulators.secrets import SimulatedResources, SimulatedSecrets
from support.simulators.service_accounts import SimulatedServiceAccounts
from support.simulators.store import Store, merged
from tokensync.resource.names import API_VERSION, KIND
from tokensync.resource.spec import Key

Json = dict[str, Any]


class SimulatedCluster:
    """What is in the cluster, and who may change it by hand.

    Attributes:
        api: the operator's calls.
        secrets: the controller's `SecretStore`.
        config_maps: the controller's `ConfigMapStore`.
        service_accounts: the controller's `ServiceAccounts`.
        resources: the controller's `ResourceStore`.
        events: the controller's `EventStore`.
        secret_store: all Secrets.
        resource_store: all resources.
        collects_after: seconds until the garbage collector looks at what lost its owner, or never had a living one.
    """

    def __init__(self) -> None:
        versions = itertools.count(1)
        self.api = Api()
        self.secret_store = Store(versions)
        self.resource_store = Store(versions)
        self.secrets = SimulatedSecrets(self.api, self.secret_store)
        self.config_maps = SimulatedConfigMaps(self.api)
        self.service_accounts = SimulatedServiceAccounts(self.api, self.secrets.terminating)
        self.resources = SimulatedResources(self.api, self.resource_store)
        self.events = SimulatedEvents(self.api)
        self.collects_after = 0.5
        self.secret_store.stored = self._look_at

    def add_resource(self, key: Key, spec: Json, annotations: Mapping[str, str] | None = None) -> Json:
        """Somebody creates a resource."""
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"annotations": dict(annotations or {})},
            "spec": spec,
            "status": {"observedGeneration": -1},
        }
        return self.resource_store.create(key, body, "kubectl")

    def change_resource(self, key: Key, patch: Json) -> Json:
        """Somebody patches a resource: spec, annotations or status."""
        return self._change(self.resource_store, key, patch, "kubectl")

    def delete_resource(self, key: Key) -> None:
        """Somebody deletes a resource; what it controls is collected."""
        gone = self.resource_store.delete(key)
        for body in self.secret_store:
            if gone["metadata"]["uid"] in _owners(body):
                self._look_at(Key(body["metadata"]["namespace"], body["metadata"]["name"]), body)

    def mark_resource_deleted(self, key: Key) -> None:
        """Somebody deletes a resource that a finalizer holds (as in a deletion in the foreground)."""
        self.change_resource(key, {"metadata": {"deletionTimestamp": true_time().strftime("%Y-%m-%dT%H:%M:%SZ")}})

    def add_secret(
        self,
        key: Key,
        data: Mapping[str, bytes],
        metadata: Json | None = None,
        *,
        secret_type: str = "Opaque",
    ) -> Json:
        """Somebody creates a Secret."""
        encoded = {name: base64.b64encode(value).decode() for name, value in data.items()}
        body = {"apiVersion": "v1", "kind": "Secret", "type": secret_type, "data": encoded, "metadata": metadata or {}}
        return self.secret_store.create(key, body, "kubectl-create")

    def change_secret(self, key: Key, patch: Json, manager: str = "kubectl-patch") -> Json:
        """Somebody patches a Secret."""
        return self._change(self.secret_store, key, patch, manager)

    def set_data(self, key: Key, data: Mapping[str, bytes], manager: str = "kubectl-patch") -> Json:
        """Somebody changes values of a Secret."""
        encoded = {name: base64.b64encode(value).decode() for name, value in data.items()}
        return self.change_secret(key, {"data": encoded}, manager)

    def apply_secret(self, key: Key, applied: Json, manager: str) -> Json:
        """Somebody applies to a Secret on the server's side, by force."""
        before = self.secret_store.get(key)
        assert before, f"{key} does not exist"
        after = merged(before, applied)
        entries = before["metadata"]["managedFields"]
        fields = after_apply(entries, before, after, applied, manager=manager, time=true_time())
        return self.secret_store.keep(key, merged(after, {"metadata": {"managedFields": fields}}))

    def rewrite_secret(self, key: Key, managed_fields: list[Json] | None = None) -> Json:
        """Somebody replaces a Secret unchanged, or only the record of who manages its fields."""
        body = self.secret_store.get(key)
        assert body, f"{key} does not exist"
        fields = body["metadata"]["managedFields"] if managed_fields is None else managed_fields
        return self.secret_store.keep(key, merged(body, {"metadata": {"managedFields": fields}}))

    def delete_secret(self, key: Key) -> None:
        """Somebody deletes a Secret."""
        self.secret_store.delete(key)

    def _change(self, store: Store, key: Key, patch: Json, manager: str) -> Json:
        before = store.get(key)
        assert before, f"{key} does not exist"
        return store.replace(key, merged(before, patch), manager)

    def _look_at(self, key: Key, body: Json) -> None:
        """Have the garbage collector look at a Secret that has an owner."""
        if _owners(body):
            asyncio.get_running_loop().call_later(self.collects_after, self._collect, key)

    def _collect(self, key: Key) -> None:
        body = self.secret_store.get(key)
        owners = _owners(body) if body else set()
        if owners and not owners & self.resource_store.uids():
            self.secret_store.delete(key)


def _owners(body: Json) -> set[str]:
    return {owner["uid"] for owner in body["metadata"].get("ownerReferences") or []}
