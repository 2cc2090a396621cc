"""What is known of the cluster: the resources, and the metadata of all Secrets that they could name.

Watch events, lists and the answers to our own writes all end here. None of them may undo a newer one, so each is taken
by its resourceVersion: they are numbers of one sequence, and a larger one is newer (Kubernetes says so since 1.35, and
etcd made it so before).
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json

from tokensync.clock import parse_rfc3339
from tokensync.controller.strangers import KnownSecrets
from tokensync.resource.spec import ClientCredentialToken, Key
from tokensync.resource.status import ConditionType, Status
from tokensync.target.metadata import SecretMetadata


@dataclass(frozen=True, slots=True)
class Record:
    """One resource. It is kept as JSON text, a fifth of what its models take, and read when it is reconciled.

    Attributes:
        deleting: it has a deletion timestamp: it is left alone.
        suspended: nothing but its status is written.
        ready: its status says so of this generation.
        expires_at: of the token that its status tells of.
        renew_at: of the same.
        credential_expires_at: of the credential that its status tells of.
    """

    key: Key
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    deleting: bool
    suspended: bool
    ready: bool
    target: Key
    credentials: tuple[Key, ...]
    expires_at: datetime | None
    renew_at: datetime | None
    credential_expires_at: datetime | None
    body: bytes

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Record":
        """Take what matters from a resource's JSON."""
        metadata = body["metadata"]
        spec = body.get("spec") or {}
        status = body.get("status") or {}
        key = Key(metadata["namespace"], metadata["name"])
        kept = {name: value for name, value in metadata.items() if name != "managedFields"}
        return cls(
            key=key,
            uid=metadata["uid"],
            resource_version=metadata["resourceVersion"],
            generation=metadata.get("generation", 0),
            created_at=parse_rfc3339(metadata["creationTimestamp"]),
            deleting="deletionTimestamp" in metadata,
            suspended=bool(spec.get("suspend")),
            ready=_is_ready(status, metadata.get("generation", 0)),
            target=Key(key.namespace, (spec.get("target") or {}).get("name", "")),
            credentials=tuple(Key(key.namespace, name) for name in _credentials(spec.get("credential") or {})),
            expires_at=_moment(status, "token", "expiresAt"),
            renew_at=_moment(status, "token", "renewAt"),
            credential_expires_at=_moment(status, "credential", "notAfter"),
            body=to_json({"metadata": kept, "spec": spec, "status": status}),
        )

    @property
    def status(self) -> Status:
        """What its status says."""
        return Status.parse(from_json(self.body)["status"])

    def read(self) -> tuple[ClientCredentialToken, Status]:
        """The resource and its status as models.

        Raises:
            SpecError: `InvalidSpec`, if the spec cannot be read.
        """
        body = from_json(self.body)
        return ClientCredentialToken.parse(body), Status.parse(body["status"])


class Inventory:
    """The resources and Secrets, and who names whom."""

    def __init__(self) -> None:
        self.filled = asyncio.Event()
        """Set once all Secrets were listed: before that nothing may be inferred from what is not here."""
        self._resources: dict[Key, Record] = {}
        self._secrets = KnownSecrets()
        self._gone: dict[Key, str] = {}
        self._untold: set[Key] = set()
        self._ended: set[str] | None = None
        self._uids: dict[str, Key] = {}
        self._users: defaultdict[Key, set[Key]] = defaultdict(set)
        self._owned: defaultdict[str, set[Key]] = defaultdict(set)

    def resource(self, key: Key) -> Record | None:
        """The resource, if there is one."""
        return self._resources.get(key)

    def secret(self, key: Key) -> SecretMetadata | None:
        """The Secret, if there is one."""
        return self._secrets.get(key)

    def resources(self) -> tuple[Record, ...]:
        """All resources. Safe in any thread."""
        return tuple(self._resources.values())

    def is_live(self, uid: str) -> bool:
        """Whether a resource with that uid exists."""
        return uid in self._uids

    def owned_by(self, uid: str) -> list[SecretMetadata]:
        """The Secrets whose controller reference is that uid."""
        return [secret for key in sorted(self._owned.get(uid, ())) if (secret := self._secrets.get(key))]

    def users_of(self, secret: Key) -> frozenset[Key]:
        """The resources that name the Secret, as target or as credential."""
        return frozenset(self._users.get(secret, ()))

    @contextlib.contextmanager
    def listing(self) -> Iterator[None]:
        """While a list is taken in: its pages are older than they come, and bring nothing back that ended meanwhile."""
        self._ended = set()
        try:
            yield
        finally:
            self._ended = None

    def is_target(self, secret: Key) -> bool:
        """Whether a resource names the Secret as its target."""
        return any(self._resources[key].target == secret for key in self._users.get(secret, ()))

    def knows_resource(self, key: Key, resource_version: str) -> bool:
        """Whether a resource is known as it was at that version, or later."""
        known = self._resources.get(key)
        return known is not None and not _newer(resource_version, known.resource_version)

    def put_resource(self, record: Record) -> bool:
        """Take in a resource; False if what is known is as new."""
        known = self._resources.get(record.key)
        if self._has_ended(record.uid) or (known and not _newer(record.resource_version, known.resource_version)):
            return False
        if known:
            self._unlink(known)
        self._resources[record.key] = record
        self._uids[record.uid] = record.key
        for secret in (record.target, *record.credentials):
            self._users[secret].add(record.key)
        return True

    def learn_resource(self, record: Record) -> None:
        """Take in the answer to a call; it does not bring back what the watch has shown to be gone meanwhile."""
        if record.key in self._resources:
            self.put_resource(record)

    def remove_resource(self, key: Key, uid: str) -> None:
        """Forget a resource that is gone; another one of the same name stays."""
        self._end(uid)
        known = self._resources.get(key)
        if known and known.uid == uid:
            self._unlink(known)
            del self._resources[key]

    def learn_secret(self, secret: SecretMetadata) -> None:
        """Take in a Secret that one resource has read: to the others its event is still news."""
        if self.put_secret(secret):
            self._untold.add(secret.key)

    def put_secret(self, secret: SecretMetadata) -> bool:
        """Take in a Secret; False if what is known is as new, and not only because somebody learned of it first."""
        if self._has_ended(secret.uid):
            return False
        known = self._secrets.get(secret.key)
        latest = known.resource_version if known else self._gone.get(secret.key, "")
        if latest and not _newer(secret.resource_version, latest):
            return secret.resource_version == latest and self._tell(secret.key)
        self._untold.discard(secret.key)
        self._disown(known)
        self._gone.pop(secret.key, None)
        self._secrets.put(secret)
        if secret.controlled_by_token:
            self._owned[secret.controller_uid].add(secret.key)
        return True

    def remove_secret(self, secret: SecretMetadata) -> None:
        """Forget a Secret that was gone at its version, unless a newer one is known."""
        key, version = secret.key, secret.resource_version
        self._end(secret.uid)
        known = self._secrets.get(key)
        if known and _newer(known.resource_version, version):
            return
        if key in self._users:  # an answer to a write of ours may still be on its way: it must not bring it back
            self._gone[key] = max(self._gone.get(key, "0"), version, key=int)
        self._disown(known)
        self._untold.discard(key)
        self._secrets.drop(key)

    def secrets_unseen_in(self, listed: set[Key], resource_version: str, namespace: str | None) -> list[SecretMetadata]:
        """The Secrets that a complete list no longer has, though it is newer than what is known of them."""
        unseen = [key for key in self._secrets if key not in listed and namespace in (None, key.namespace)]
        secrets = [secret for key in unseen if (secret := self._secrets.get(key))]
        return [secret for secret in secrets if not _newer(secret.resource_version, resource_version)]

    def resources_unseen_in(self, listed: set[Key], resource_version: str, namespace: str | None) -> list[Record]:
        """The resources that a complete list no longer has, though it is newer than what is known of them."""
        return [
            record
            for key, record in self._resources.items()
            if key not in listed
            and namespace in (None, key.namespace)
            and not _newer(record.resource_version, resource_version)
        ]

    def _unlink(self, record: Record) -> None:
        self._uids.pop(record.uid, None)
        for secret in (record.target, *record.credentials):
            users = self._users[secret]
            users.discard(record.key)
            if not users:
                del self._users[secret]
                self._gone.pop(secret, None)

    def _end(self, uid: str) -> None:
        if self._ended is not None:
            self._ended.add(uid)

    def _has_ended(self, uid: str) -> bool:
        return self._ended is not None and uid in self._ended

    def _tell(self, key: Key) -> bool:
        """True the first time that who names a Secret hears of what one of them has read."""
        untold = key in self._untold
        self._untold.discard(key)
        return untold

    def _disown(self, secret: SecretMetadata | None) -> None:
        if secret is None or secret.controller_uid not in self._owned:
            return
        owned = self._owned[secret.controller_uid]
        owned.discard(secret.key)
        if not owned:
            del self._owned[secret.controller_uid]


def _credentials(credential: dict[str, Any]) -> Iterator[str]:
    """The names of the Secrets that a spec proves itself with."""
    for kind, references in (("certificate", ("secretRef", "fallbackSecretRef")), ("clientSecret", ("secretKeyRef",))):
        chosen = credential.get(kind) or {}
        yield from (chosen[reference].get("name", "") for reference in references if chosen.get(reference))


def _moment(status: dict[str, Any], part: str, name: str) -> datetime | None:
    try:
        return parse_rfc3339(status[part][name])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _is_ready(status: dict[str, Any], generation: int) -> bool:
    wanted = {"type": ConditionType.READY, "status": "True", "observedGeneration": generation}
    return any(wanted.items() <= condition.items() for condition in status.get("conditions") or ())


def _newer(one: str, other: str) -> bool:
    return int(one) > int(other)
