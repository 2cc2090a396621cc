"""The Lease by which replicas agree which of them works (coordination.k8s.io/v1)."""

from datetime import datetime
from typing import Any, NamedTuple

from tokensync.cluster.api import Api, Collection, Verb
from tokensync.cluster.refusals import NotFoundError
from tokensync.resource.names import FIELD_MANAGER
from tokensync.resource.spec import Key

LEASES = Collection("/apis/coordination.k8s.io/v1", "leases")

_MERGE_PATCH = "application/merge-patch+json"
_BY_US = {"fieldManager": FIELD_MANAGER}


class Lease(NamedTuple):
    """What a Lease says.

    Attributes:
        holder: the identity of who works; empty if nobody does.
        transitions: how often the holder has changed.
        resource_version: changes with each renewal.
    """

    holder: str
    transitions: int
    resource_version: str

    @classmethod
    def parse(cls, body: dict[str, Any]) -> "Lease":
        """Read the API server's JSON."""
        spec = body.get("spec") or {}
        return cls(
            spec.get("holderIdentity") or "", spec.get("leaseTransitions") or 0, body["metadata"]["resourceVersion"]
        )


class ClusterLease:
    """One Lease, as the controller's `LeaseStore`."""

    def __init__(self, api: Api, key: Key) -> None:
        self._api = api
        self._key = key

    def __str__(self) -> str:
        return str(self._key)

    async def read(self) -> Lease | None:
        """What it says; None if there is none."""
        try:
            return Lease.parse(await self._api.call(Verb.GET, LEASES, self._key.namespace, self._key.name))
        except NotFoundError:
            return None

    async def write(self, known: Lease | None, *, holder: str, seconds: int, now: datetime) -> Lease:
        """Name the holder, or renew; of the Lease as it was last seen, or a new one (None).

        Raises:
            ConflictError: it is another by now, and nothing was written.
        """
        moment = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # MicroTime
        spec = {"holderIdentity": holder, "leaseDurationSeconds": seconds, "renewTime": moment}
        if known is None or known.holder != holder:
            spec |= {"acquireTime": moment, "leaseTransitions": known.transitions + 1 if known else 0}
        metadata = {"name": self._key.name}
        if known:
            metadata["resourceVersion"] = known.resource_version
        answer = await self._api.call(
            Verb.PATCH if known else Verb.CREATE,
            LEASES,
            self._key.namespace,
            self._key.name,
            query=_BY_US,
            body={"metadata": metadata, "spec": spec},
            content_type=_MERGE_PATCH if known else "application/json",
        )
        return Lease.parse(answer)
