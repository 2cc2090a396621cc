"""What the controller needs of the world outside, as it wants it."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from tokensync.credentials.proof import Proof
from tokensync.resource.spec import Key, Spec
from tokensync.rotation.transitions import Transition
from tokensync.target.metadata import SecretMetadata
from tokensync.token import AccessToken


class SecretContent(Protocol):
    """A Secret that was read."""

    @property
    def metadata(self) -> SecretMetadata:
        """Its metadata."""
        ...

    @property
    def type(self) -> str:
        """What it is for, as in `kubernetes.io/tls`."""
        ...

    @property
    def data(self) -> Mapping[str, bytes]:
        """The decoded bytes of its keys."""
        ...


class SecretStore(Protocol):
    """The cluster's Secrets. Every method raises ClusterError or TargetError when it is refused or not answered."""

    async def read(self, key: Key) -> SecretContent | None:
        """The whole Secret; None if there is none."""
        ...

    async def inspect(self, key: Key) -> SecretMetadata | None:
        """Its metadata; None if there is none."""
        ...

    async def create(self, key: Key, body: dict[str, Any]) -> SecretMetadata:
        """Create it. Raises ConflictError if it exists."""
        ...

    async def patch(self, key: Key, patch: dict[str, Any]) -> SecretMetadata:
        """Apply a merge patch. Raises ConflictError if it is another Secret than the patch was made for."""
        ...

    async def delete(self, secret: SecretMetadata) -> None:
        """Delete this very Secret. Raises ConflictError if it is another by now."""
        ...

    def list_metadata(self, namespace: str | None) -> AsyncIterator[tuple[list[SecretMetadata], str]]:
        """Pages of all Secrets, each with the list's resourceVersion."""
        ...


class ConfigMapStore(Protocol):
    """The cluster's ConfigMaps. Every method raises ClusterError when it is refused or not answered."""

    async def read(self, key: Key) -> Mapping[str, bytes] | None:
        """Its keys and their bytes; None if there is none."""
        ...


class ServiceAccounts(Protocol):
    """The cluster's ServiceAccounts. Every method raises ClusterError when it is refused or not answered."""

    async def request_token(self, key: Key, audience: str) -> str | None:
        """A new token of a ServiceAccount, for this audience; None if there is no such ServiceAccount."""
        ...

    async def accepts(self, token: str) -> bool:
        """Whether the API server takes a token for a credential of its own."""
        ...


class ResourceStore(Protocol):
    """The cluster's resources. Every method raises ClusterError when it is refused or not answered."""

    async def fetch(self, key: Key) -> dict[str, Any] | None:
        """The resource's JSON; None if there is none."""
        ...

    async def publish(self, key: Key, uid: str, resource_version: str, status: dict[str, Any]) -> dict[str, Any]:
        """Replace the status. Raises ConflictError if the resource is another by now."""
        ...

    def list_all(self, namespace: str | None) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """Pages of all resources, each with the list's resourceVersion."""
        ...


class TokenSource(Protocol):
    """Where tokens come from."""

    def check(self, spec: Spec) -> None:
        """Raise SpecError if a credential must not be sent where the spec says; asks nobody."""
        ...

    def endpoint(self, spec: Spec) -> str:
        """The token endpoint's name: who shares it shares its slowness."""
        ...

    def host(self, spec: Spec) -> str:
        """The token endpoint's host: what it asks of a client, as by `Retry-After`, it asks of all that client's requests."""
        ...

    def take_turn(self, spec: Spec) -> timedelta:
        """How long the request budget makes this client wait. Zero if it may ask now, which takes its turn."""
        ...

    async def acquire(self, spec: Spec, proof: Proof, *, authorities: str = "") -> AccessToken:
        """Get a token from a provider whose certificate comes from these (PEM); empty for those trusted anyway.

        Raises ProviderError or SpecError.
        """
        ...


class EventStore(Protocol):
    """The cluster's Events."""

    async def create(self, key: Key, uid: str, resource_version: str, transition: Transition, at: datetime) -> None:
        """Tell of a resource, as it was at that version, what happened to it. Raises what the stores above raise."""
        ...


class Lease(Protocol):
    """What a Lease says."""

    @property
    def holder(self) -> str:
        """The identity of who works; empty if nobody does."""
        ...

    @property
    def transitions(self) -> int:
        """How often the holder has changed."""
        ...

    @property
    def resource_version(self) -> str:
        """Changes with each renewal."""
        ...


class LeaseStore(Protocol):
    """One Lease. Every method raises ClusterError or TargetError when it is refused or not answered."""

    async def read(self) -> Lease | None:
        """What it says; None if there is none."""
        ...

    async def write(self, known: Any, *, holder: str, seconds: int, now: datetime) -> Lease:
        """Name the holder, or renew. Raises ConflictError if it is not as it was known (None: absent)."""
        ...


class Leadership(Protocol):
    """Whether this replica works."""

    @property
    def leading(self) -> bool:
        """Whether it may work, now."""
        ...

    def require(self) -> None:
        """Raise NotLeadingError unless it may work, now."""
        ...

    def terms(self) -> AsyncIterator[bool]:
        """Each time that it begins to work: True if another one may have worked since it did last."""
        ...
