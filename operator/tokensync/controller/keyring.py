"""The credentials in use: each Secret is read once for each of its versions, and parsed once.

Keys live here, in memory, for as long as a resource names their Secret; a renewal reads nothing.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tokensync.controller.inventory import Inventory
from tokensync.controller.ports import SecretContent, SecretStore
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.pem import read_pair
from tokensync.errors import CredentialError, Reason, TokenSyncError
from tokensync.resource.names import OWNER_UID_LABEL
from tokensync.resource.spec import CertificateCredential, ClientCredentialToken, Key
from tokensync.resource.status import ConditionType, CredentialStatus, Status
from tokensync.target.metadata import SecretMetadata


class Finding(NamedTuple):
    """What is known of a credential: how it is reported (as last read well), and what is wrong with it, if anything."""

    reported: CredentialStatus | None
    error: TokenSyncError | None


@dataclass(frozen=True, slots=True)
class _Entry:
    resource_version: str
    pair: KeyPair | None
    error: CredentialError | None


class Keyring:
    """Certificates and their keys, by the Secret and the keys that hold them."""

    def __init__(self, secrets: SecretStore, inventory: Inventory) -> None:
        self._secrets = secrets
        self._inventory = inventory
        self._entries: dict[Key, dict[CertificateCredential, _Entry]] = {}
        self._locks: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def look(self, resource: ClientCredentialToken, status: Status, now: datetime) -> Finding:
        """Tell what a resource's credential is now, without reading what was read before.

        Args:
            resource: whose credential.
            status: its status: a Secret of the version that it found usable, for this spec, is not read again.
            now: the wall clock.
        """
        seen, known = self._inventory.secret(resource.credential_key), status.credential
        same = seen and known and seen.resource_version == known.secret_resource_version and now < known.not_after
        if same and _found_usable(status, resource.metadata.generation):
            return Finding(known, None)
        try:
            entry = await self._entry(resource)
        except TokenSyncError as error:
            return Finding(known, error)
        if entry.pair is None:
            return Finding(known, entry.error)
        return Finding(_report(entry, entry.pair, known), _time_fault(entry.pair, now))

    async def pair(self, resource: ClientCredentialToken) -> KeyPair:
        """The pair to sign with.

        Raises:
            CredentialError: if there is none that can be used.
            ClusterError: if it cannot be read.
        """
        entry = await self._entry(resource)
        if entry.pair is None:
            raise entry.error or CredentialError(Reason.CREDENTIAL_NOT_FOUND, "no pair")
        return entry.pair

    def forget_unused(self, secret: Key) -> None:
        """Drop the keys of a Secret that no resource names any more."""
        if not self._inventory.users_of(secret):
            self._entries.pop(secret, None)
            self._locks.pop(secret, None)

    async def _entry(self, resource: ClientCredentialToken) -> _Entry:
        secret = resource.credential_key
        certificate = resource.spec.credential.certificate
        async with self._locks[secret]:
            seen = self._inventory.secret(secret)
            entry = self._entries.get(secret, {}).get(certificate)
            if entry is None or seen is None or seen.resource_version != entry.resource_version:
                entry = await self._load(secret, certificate)
                self._entries.setdefault(secret, {})[certificate] = entry
            return entry

    async def _load(self, secret: Key, certificate: CertificateCredential) -> _Entry:
        content = await self._secrets.read(secret)
        if content is None:
            raise CredentialError(
                Reason.CREDENTIAL_NOT_FOUND,
                f"Secret {secret} does not exist",
                remedy=f"create it with the keys {certificate.certificate_key} and {certificate.private_key_key}, "
                "or correct credential.certificate.secretRef.name",
            )
        self._inventory.learn_secret(content.metadata)
        try:
            return _Entry(content.metadata.resource_version, _parse(secret, certificate, content), None)
        except CredentialError as error:
            return _Entry(content.metadata.resource_version, None, error)


def _parse(secret: Key, certificate: CertificateCredential, content: SecretContent) -> KeyPair:
    if _is_a_target(content.metadata):
        raise CredentialError(
            Reason.CREDENTIAL_SOURCE_REFUSED,
            f"Secret {secret} is the target of a ClientCredentialToken",
            remedy="put the certificate and its key into a Secret of their own",
        )
    return read_pair(
        content.data,
        certificate_key=certificate.certificate_key,
        private_key_key=certificate.private_key_key,
        secret=str(secret),
    )


def _is_a_target(secret: SecretMetadata) -> bool:
    return secret.controlled_by_token or OWNER_UID_LABEL in secret.labels


def _found_usable(status: Status, generation: int) -> bool:
    condition = status.condition(ConditionType.CREDENTIAL_VALID)
    return bool(condition and condition.status == "True" and condition.observed_generation == generation)


def _report(entry: _Entry, pair: KeyPair, known: CredentialStatus | None) -> CredentialStatus:
    """A pair that is the same in another version of its Secret is reported as before: touching it writes nothing."""
    if known and known.thumbprint_sha256 == pair.thumbprint_sha256:
        return known
    return CredentialStatus(
        kind="Certificate",
        thumbprint_sha1=pair.thumbprint_sha1,
        thumbprint_sha256=pair.thumbprint_sha256,
        not_after=pair.not_after,
        secret_resource_version=entry.resource_version,
    )


def _time_fault(pair: KeyPair, now: datetime) -> CredentialError | None:
    try:
        pair.check_validity(now)
    except CredentialError as error:
        return error
    return None
