"""All Secrets by their keys, those that are none of our business in little room.

A cluster holds tens of thousands of them, any may be named by a resource one day, and then it has to be known that it is
there, and in which version: else a token would be bought for a target that is somebody else's.
"""

from collections.abc import Iterator

from tokensync.resource.spec import Key
from tokensync.target.metadata import SecretMetadata


class KnownSecrets:
    """A mapping. What has nothing but an identity is kept as a short text, a third of what the object takes."""

    def __init__(self) -> None:
        self._whole: dict[Key, SecretMetadata] = {}
        self._brief: dict[str, dict[str, bytes]] = {}

    def __iter__(self) -> Iterator[Key]:
        yield from self._whole
        for namespace, names in self._brief.items():
            for name in names:
                yield Key(namespace, name)

    def get(self, key: Key) -> SecretMetadata | None:
        """The Secret of that name, if it is known."""
        brief = self._brief.get(key.namespace, {}).get(key.name)
        return _unfold(key, brief) if brief else self._whole.get(key)

    def put(self, secret: SecretMetadata) -> None:
        """Take a Secret in, in place of the one of its name."""
        self.drop(secret.key)
        if _identity(secret) == secret:
            self._brief.setdefault(secret.key.namespace, {})[secret.key.name] = _fold(secret)
        else:
            self._whole[secret.key] = secret

    def drop(self, key: Key) -> None:
        """Forget the Secret of that name, if it is known."""
        self._whole.pop(key, None)
        names = self._brief.get(key.namespace)
        if names and names.pop(key.name, None) and not names:
            del self._brief[key.namespace]


def _identity(secret: SecretMetadata) -> SecretMetadata:
    return SecretMetadata(secret.key, secret.uid, secret.resource_version, secret.controller_uid)


def _fold(secret: SecretMetadata) -> bytes:
    return f"{secret.resource_version} {secret.uid} {secret.controller_uid}".encode()


def _unfold(key: Key, brief: bytes) -> SecretMetadata:
    resource_version, uid, controller_uid = brief.decode().split(" ", 2)
    return SecretMetadata(key, uid, resource_version, controller_uid)
