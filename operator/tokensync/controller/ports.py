"""What the controller needs of the world outside, as it wants it."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any, Protocol

from tokensync.credentials.pair import KeyPair
from tokensync.resource.spec import Key, Spec
from tokensync.target.metadata import SecretMetadata
from tokensync.token import AccessToken


class SecretContent(Protocol):
    """A Secret that was read."""

    @property
    def metadata(self) -> SecretMetadata:
        """Its metadata."""
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

    def take_turn(self, spec: Spec) -> timedelta:
        """How long the request budget makes this client wait. Zero if it may ask now, which takes its turn."""
        ...

    async def acquire(self, spec: Spec, pair: KeyPair) -> AccessToken:
        """Get a token. Raises ProviderError or SpecError."""
        ...
