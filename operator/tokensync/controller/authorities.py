"""The authorities that a resource trusts for its provider alone: its bundle, read right before each token request.

It is neither watched nor kept: a renewal reads it once, and so finds it as it is then.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tokensync.controller.ports import ConfigMapStore, SecretStore
from tokensync.controller.sources import must_be_a_source
from tokensync.credentials.authorities import read_authorities, unusable_bundle
from tokensync.errors import CredentialError
from tokensync.resource.spec import ClientCredentialToken, Key

_NAMES_SHOWN = 5


class Authorities:
    """Finds bundles in the cluster's Secrets and ConfigMaps."""

    def __init__(self, secrets: SecretStore, config_maps: ConfigMapStore) -> None:
        self._secrets = secrets
        self._config_maps = config_maps

    async def trusted_by(self, resource: ClientCredentialToken) -> str:
        """The certificates, in PEM, that the provider's must come from; empty for what the operator trusts.

        Raises:
            ProviderError: `ProviderUntrusted`, if the resource names a bundle that is not there or cannot be used.
            CredentialError: `CredentialSourceRefused`, if it is in a Secret that must not be read for this.
            ClusterError: if it cannot be read.
        """
        ref = resource.spec.provider.ca_bundle_ref
        place = (ref.config_map_key_ref or ref.secret_key_ref) if ref else None
        if ref is None or place is None:
            return ""
        key = Key(resource.key.namespace, place.name)
        kind, field = ("ConfigMap", "configMapKeyRef") if ref.config_map_key_ref else ("Secret", "secretKeyRef")
        bundle = _Bundle(
            name=f"{kind} {key}",
            key=place.key,
            field=f"spec.provider.{resource.spec.provider.kind}.caBundleRef.{field}",
        )
        return bundle.read(await (self._config_maps.read(key) if ref.config_map_key_ref else self._secret(key)))

    async def _secret(self, key: Key) -> Mapping[str, bytes] | None:
        content = await self._secrets.read(key)
        if content is None:
            return None
        try:
            must_be_a_source(content)
        except CredentialError as error:
            remedy = "put the CA bundle into a ConfigMap, or into a Secret of its own"
            raise CredentialError(error.reason, error.message, remedy=remedy) from None
        return content.data


class _Bundle(NamedTuple):
    """Where a bundle is: in a key of an object that a field of the spec names."""

    name: str
    key: str
    field: str

    def read(self, data: Mapping[str, bytes] | None) -> str:
        """Take the authorities out of the object's keys; None if there is no such object."""
        if data is None:
            raise unusable_bundle(
                f"{self.name} does not exist",
                remedy=f'create it with the key "{self.key}", or correct {self.field}.name',
            )
        if self.key not in data:
            names = ", ".join(f'"{name}"' for name in sorted(data)[:_NAMES_SHOWN]) or "no keys at all"
            raise unusable_bundle(
                f'{self.name} has no key "{self.key}" for the CA bundle; it has {names}',
                remedy=f"put the authorities' certificates in PEM under that key, or correct {self.field}.key",
            )
        return read_authorities(data[self.key], where=f'key "{self.key}" of {self.name}')
