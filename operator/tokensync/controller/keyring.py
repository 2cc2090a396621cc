"""The credentials in use: each Secret is read once for each of its versions, and parsed once.

Keys live here, in memory, for as long as a resource names their Secret; a renewal reads nothing. What is encrypted waits
for its turn to be opened, and its resource with it. Tokens of ServiceAccounts are requested anew each time, and never kept.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

from tokensync.clock import Clock
from tokensync.controller.federation import Federation
from tokensync.controller.inventory import Inventory
from tokensync.controller.openings import Openings
from tokensync.controller.ports import SecretContent, SecretStore
from tokensync.controller.sources import must_be_a_source
from tokensync.credentials.client_secret import read_client_secret
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.pem import read_pair
from tokensync.credentials.proof import ClientSecret, Proof
from tokensync.credentials.use import check_use
from tokensync.errors import PASSES_BY_ITSELF, CredentialError, Reason, TokenSyncError
from tokensync.resource.credential import (
    CertificateCredential,
    ClientSecretCredential,
    Credential,
    ServiceAccountCredential,
)
from tokensync.resource.spec import ClientCredentialToken, Key
from tokensync.resource.status import ConditionType, CredentialKind, CredentialStatus, Status
from tokensync.target.metadata import SecretMetadata

Form = CertificateCredential | ClientSecretCredential
"""How a Secret is read."""


class Finding(NamedTuple):
    """What is known of a credential.

    Attributes:
        reported: how it is reported, as last read well.
        error: what is wrong with it, if anything.
        fingerprint: of what would be offered first; empty where that is not known, or new each time.
    """

    reported: CredentialStatus | None
    error: TokenSyncError | None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class _Entry:
    resource_version: str
    proof: KeyPair | ClientSecret | None
    error: CredentialError | None


class Keyring:
    """What is read from Secrets to prove who a client is, by the Secret and by how it is read.

    Methods that read raise NotOpenedYetError where something encrypted has to be opened first.
    """

    def __init__(self, secrets: SecretStore, inventory: Inventory, federation: Federation, clock: Clock) -> None:
        self._secrets = secrets
        self._inventory = inventory
        self._federation = federation
        self._openings = Openings(self._load, inventory, clock)
        self._entries: dict[Key, dict[Form, _Entry]] = {}
        self._locks: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    def wakes(self, wake: Callable[[Iterable[Key]], None]) -> None:
        """Have this told of the resources whose credential was opened."""
        self._openings.wake = wake

    async def open_in_turn(self) -> None:
        """Open what is encrypted, one after the other, until cancelled."""
        await self._openings.work()

    async def look(self, resource: ClientCredentialToken, status: Status, now: datetime) -> Finding:
        """Tell what a resource's credential is now, without reading what was read before.

        Args:
            resource: whose credential.
            status: its status: a Secret of the version that it found usable, for this spec, is not read again.
            now: the wall clock.
        """
        form, known = resource.spec.credential.chosen, status.credential
        if isinstance(form, ServiceAccountCredential):
            return Finding(
                CredentialStatus(kind=CredentialKind.SERVICE_ACCOUNT), self._federation.refusal(resource.spec)
            )
        if known and self._is_unchanged(resource, known, now) and _found_usable(status, resource.metadata.generation):
            return Finding(known, None, self._fingerprint(resource, known))
        try:
            entry = await self._entry(resource.credential_keys[0], form)
        except TokenSyncError as error:
            return Finding(known, error)
        if entry.proof is None:
            return Finding(known, entry.error)
        reported = self._report(resource, entry, entry.proof, known)
        return Finding(reported, _fault(entry.proof, resource, now), entry.proof.fingerprint)

    async def proofs(self, resource: ClientCredentialToken, now: datetime) -> tuple[Proof, ...]:
        """What to prove the client with: the first, and the one to fall back to if there is one that can be used now.

        A ServiceAccount's token is requested now: whoever asks for it is about to use it.

        Raises:
            CredentialError: if there is no first that can be used.
            ClusterError: if it cannot be read.
            SpecError: if a ServiceAccount's token may not be requested for that audience.
        """
        form = resource.spec.credential.chosen
        if isinstance(form, ServiceAccountCredential):
            return (await self._federation.proof(resource, form),)
        first, *others = resource.credential_keys
        proof = _usable(await self._entry(first, form), resource)
        return (proof, *[each for key in others if (each := await self._fallback(key, form, resource, now))])

    def forget_unused(self, secret: Key) -> None:
        """Drop the keys of a Secret that no resource names any more."""
        if not self._inventory.users_of(secret):
            self._entries.pop(secret, None)
            self._locks.pop(secret, None)
            self._openings.forget(secret)

    def forget_form(self, secret: Key, credential: Credential) -> None:
        """Drop what was read in a way in which one resource reads it no longer; others who do, read it again."""
        form = credential.chosen
        if not isinstance(form, ServiceAccountCredential):
            self._entries.get(secret, {}).pop(form, None)
            self._openings.forget(secret)

    def _version(self, secret: Key) -> str | None:
        seen = self._inventory.secret(secret)
        return seen.resource_version if seen else None

    def _versions(self, resource: ClientCredentialToken) -> tuple[str | None, str | None]:
        first, *others = (self._version(key) for key in resource.credential_keys)
        return first, others[0] if others else None

    def _is_unchanged(self, resource: ClientCredentialToken, known: CredentialStatus, now: datetime) -> bool:
        in_time = known.not_after is None or now < known.not_after
        versions = (known.secret_resource_version, known.fallback_secret_resource_version)
        return in_time and self._versions(resource) == versions

    def _fingerprint(self, resource: ClientCredentialToken, known: CredentialStatus) -> str:
        if known.thumbprint_sha256:
            return known.thumbprint_sha256
        seen = self._inventory.secret(resource.credential_keys[0])
        return _fingerprint(seen) if seen else ""

    def _report(
        self,
        resource: ClientCredentialToken,
        entry: _Entry,
        proof: KeyPair | ClientSecret,
        known: CredentialStatus | None,
    ) -> CredentialStatus:
        """A pair that is the same in another version of its Secret is reported as before: touching it writes nothing."""
        _, fallback = self._versions(resource)
        if isinstance(proof, ClientSecret):
            return CredentialStatus(kind=CredentialKind.CLIENT_SECRET, secret_resource_version=entry.resource_version)
        if known and known.thumbprint_sha256 == proof.thumbprint_sha256:
            return known.model_copy(update={"fallback_secret_resource_version": fallback})
        return CredentialStatus(
            kind=CredentialKind.CERTIFICATE,
            thumbprint_sha1=proof.thumbprint_sha1,
            thumbprint_sha256=proof.thumbprint_sha256,
            not_after=proof.not_after,
            secret_resource_version=entry.resource_version,
            fallback_secret_resource_version=fallback,
        )

    async def _fallback(self, secret: Key, form: Form, resource: ClientCredentialToken, now: datetime) -> Proof | None:
        """What to fall back to; None if there is nothing usable, as when a rollover is over and its Secret gone."""
        if self._inventory.secret(secret) is None:
            return None
        try:
            proof = (await self._entry(secret, form)).proof
        except TokenSyncError:  # nobody may need it
            return None
        return proof if proof and not _fault(proof, resource, now) else None

    async def _entry(self, secret: Key, form: Form) -> _Entry:
        async with self._locks[secret]:
            entry = self._entries.get(secret, {}).get(form)
            if entry and self._version(secret) == entry.resource_version:
                return entry
            if isinstance(form, CertificateCredential) and form.is_encrypted:
                self._openings.require(secret, form)
            return await self._load(secret, form)

    async def _load(self, secret: Key, form: Form) -> _Entry:
        """Read a Secret, and keep what is in it or what is wrong with it; what may pass by itself is raised."""
        content = await self._secrets.read(secret)
        if content is None:
            raise _absent(secret, form)
        self._inventory.learn_secret(content.metadata)
        version = content.metadata.resource_version
        try:
            entry = _Entry(version, await self._parse(secret, form, content), None)
        except CredentialError as error:
            if error.reason in PASSES_BY_ITSELF:
                raise
            entry = _Entry(version, None, error.with_traceback(None))  # whose frames hold what was read
        self._entries.setdefault(secret, {})[form] = entry
        self.forget_unused(secret)
        return entry

    async def _parse(self, secret: Key, form: Form, content: SecretContent) -> KeyPair | ClientSecret:
        must_be_a_source(content)
        if isinstance(form, ClientSecretCredential):
            fingerprint = _fingerprint(content.metadata)
            return read_client_secret(content.data, form.secret_key_ref, secret=str(secret), fingerprint=fingerprint)
        read = partial(read_pair, content.data, form, secret=str(secret))
        return await asyncio.to_thread(read) if form.is_encrypted else read()


def _absent(secret: Key, form: Form) -> CredentialError:
    if isinstance(form, ClientSecretCredential):
        remedy = (
            f'create it with the key "{form.secret_key_ref.key}", or correct credential.clientSecret.secretKeyRef.name'
        )
    else:
        keys = (form.pkcs12_key,) if form.pkcs12_key else (form.certificate_key, form.private_key_key)
        remedy = f"create it with the keys {' and '.join(keys)}, or correct credential.certificate.secretRef.name"
    return CredentialError(Reason.CREDENTIAL_NOT_FOUND, f"Secret {secret} does not exist", remedy=remedy)


def _fingerprint(secret: SecretMetadata) -> str:
    return f"{secret.uid}.{secret.resource_version}"


def _found_usable(status: Status, generation: int) -> bool:
    condition = status.condition(ConditionType.CREDENTIAL_VALID)
    return bool(condition and condition.status == "True" and condition.observed_generation == generation)


def _usable(entry: _Entry, resource: ClientCredentialToken) -> Proof:
    if entry.proof is None:
        error = entry.error or CredentialError(Reason.CREDENTIAL_NOT_FOUND, "no proof")
        raise error.with_traceback(None)  # it is raised again and again, and would grow
    check_use(entry.proof, resource.spec)
    return entry.proof


def _fault(proof: KeyPair | ClientSecret, resource: ClientCredentialToken, now: datetime) -> CredentialError | None:
    try:
        check_use(proof, resource.spec)
        if isinstance(proof, KeyPair):
            proof.check_validity(now)
    except CredentialError as error:
        return error
    return None
