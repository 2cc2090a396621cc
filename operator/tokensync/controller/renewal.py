"""Getting a token and writing it: everything that a decision can ask for, done once."""

from collections.abc import Sequence

import structlog

from tokensync.clock import Clock, rfc3339, to_milliseconds
from tokensync.controller.inventory import Inventory, Record
from tokensync.controller.lateness import Lateness
from tokensync.controller.memory import Memory
from tokensync.controller.ports import ResourceStore, SecretStore
from tokensync.controller.purchase import Purchase
from tokensync.errors import ConflictError, NamespaceTerminatingError, Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import Attempt
from tokensync.rotation.decide import REPAIRS, Violation
from tokensync.rotation.observation import Observation
from tokensync.target.fingerprint import AcquiredFor
from tokensync.target.metadata import SecretMetadata
from tokensync.target.ownership import Ownership
from tokensync.target.previous import PreviousToken, previous_keys, token_in
from tokensync.target.writes import Issue, create_body, drop_previous_patch, relabel_patch, renew_patch

log = structlog.get_logger("tokensync")


class GoingAwayError(Exception):
    """The resource or its namespace is being deleted: nothing is restored, nobody is told."""


class Renewal:
    """Acquires, writes, repairs and sweeps, one resource at a time.

    Every method raises ConflictError where the cluster is not as it was observed, TokenSyncError where it or the provider
    refuses, and NotLeadingError where another replica may work.
    """

    def __init__(
        self,
        *,
        inventory: Inventory,
        purchase: Purchase,
        secrets: SecretStore,
        resources: ResourceStore,
        lateness: Lateness,
        clock: Clock,
    ) -> None:
        self._inventory = inventory
        self._purchase = purchase
        self._secrets = secrets
        self._resources = resources
        self._lateness = lateness
        self._clock = clock
        self._terminating: set[str] = set()

    async def acquire(self, record: Record, seen: Observation, because: Violation, memory: Memory) -> None:
        """Get a token, unless one was bought and not written, and write it into the target."""
        if seen.whose is Ownership.ABSENT:
            await self._must_exist(record, memory)
        try:
            issue = memory.unwritten(seen) or await self._buy(seen, memory)
            self._must_be_current(record)
            written = await self._write(seen, issue)
        except NamespaceTerminatingError:
            self._stop(record.key.namespace)
            raise
        repaired = because in REPAIRS and memory.was_in_order(seen.resource)
        self._lateness.renewed(record, seen.schedule)
        self._wrote(written, seen, memory)
        self._succeeded(issue, memory, repaired=repaired)
        log.info(
            "token renewed",
            **where(record.key),
            secret=written.key.name,
            because=because.value,
            expires_at=rfc3339(issue.token.expires_at),
        )
        if memory.remark:
            log.warning("previous certificate in use", **where(record.key), detail=memory.remark)

    async def relabel(self, seen: Observation, memory: Memory) -> None:
        """Bring labels, annotations and the owner reference of the target in order."""
        patch = relabel_patch(seen.resource, seen.secret) if seen.secret else None
        if patch is None:
            return
        written = await self._secrets.patch(seen.resource.target_key, patch)
        if memory.was_in_order(seen.resource):
            memory.attempts = memory.attempts.repaired(self._clock.now())
        self._wrote(written, seen, memory)
        log.info("target brought in order", **where(seen.resource.key), secret=written.key.name)

    async def drop_previous(self, seen: Observation) -> None:
        """Take the previous token out of the target.

        That is no news for the status: a target in another version than the status tells is judged by who changed
        which field, as after a crash.
        """
        if seen.secret is None:
            return
        patch = drop_previous_patch(seen.resource, seen.secret)
        self._inventory.put_secret(await self._secrets.patch(seen.resource.target_key, patch))
        log.info("previous token dropped", **where(seen.resource.key), secret=seen.secret.key.name)

    async def sweep(self, record: Record, secrets: Sequence[SecretMetadata]) -> None:
        """Delete former targets."""
        for secret in secrets:
            try:
                await self._secrets.delete(secret)
            except ConflictError:
                await self.refresh(secret.key)
                raise
            self._inventory.remove_secret(secret)
            log.info("former target deleted", **where(record.key), secret=secret.key.name)

    async def refresh(self, key: Key) -> None:
        """Read a Secret's metadata anew."""
        known = self._inventory.secret(key)
        secret = await self._secrets.inspect(key)
        if secret:
            self._inventory.put_secret(secret)
        elif known:
            self._inventory.remove_secret(known)

    def forget(self, uid: str) -> None:
        """Drop what is known of a resource that is gone."""
        self._terminating.discard(uid)

    async def _must_exist(self, record: Record, memory: Memory) -> None:
        """Make sure that a target which is missing may come back.

        The garbage collector is faster than the watch: a target that vanished is restored only for a resource that the
        API server still has.
        """
        if record.uid in self._terminating:
            raise GoingAwayError(f"namespace {record.key.namespace}")
        if memory.written is None or memory.written.name != record.target.name:
            return
        body = await self._resources.fetch(record.key)
        if body is None or body["metadata"]["uid"] != record.uid:
            self._inventory.remove_resource(record.key, record.uid)
            raise GoingAwayError(str(record.key))
        if "deletionTimestamp" in body["metadata"]:
            raise GoingAwayError(str(record.key))

    def _must_be_current(self, record: Record) -> None:
        known = self._inventory.resource(record.key)
        if known is None or known.deleting or (known.uid, known.generation) != (record.uid, record.generation):
            raise ConflictError(f"{record.key} changed while its token was asked for")

    async def _buy(self, seen: Observation, memory: Memory) -> Issue:
        bought = await self._purchase.buy(seen)
        acquired_for = AcquiredFor.of(seen.resource.spec, *bought.fingerprints)
        memory.bought, memory.remark = Issue(bought.token, acquired_for, seen.resource.renew_request), bought.remark
        return memory.bought

    async def _write(self, seen: Observation, issue: Issue) -> SecretMetadata:
        key = seen.resource.target_key
        if seen.secret:
            adopting = seen.whose is Ownership.ADOPTABLE
            previous = await self._previous(seen, seen.secret)
            patch = renew_patch(seen.resource, seen.secret, issue, adopting=adopting, previous=previous)
            return await self._secrets.patch(key, patch)
        return await self._secrets.create(key, create_body(seen.resource, issue))

    async def _previous(self, seen: Observation, secret: SecretMetadata) -> PreviousToken | None:
        """The token that the target holds, if it is to be kept, and known to be ours and valid for this spec.

        What is read may be newer than what is known; then the patch that follows, for the known version, is refused.
        """
        target, stored = seen.resource.spec.target, seen.stored
        if stored is None or not previous_keys(target) or not seen.usable or stored.issued_at > seen.now:
            return None
        if stored.expires_at <= self._clock.now():  # while its successor was asked for
            return None
        content = await self._secrets.read(secret.key)
        if content is None:
            raise ConflictError(f"Secret {secret.key} is gone since its next token was asked for")
        value = token_in(content.data, target)
        return PreviousToken(value, stored.expires_at) if value else None

    def _stop(self, namespace: str) -> None:
        """Nothing can be created there any more, so none of its resources asks for a token in vain."""
        self._terminating |= {record.uid for record in self._inventory.resources() if record.key.namespace == namespace}
        log.info("namespace is being deleted", namespace=namespace)

    def _wrote(self, written: SecretMetadata, seen: Observation, memory: Memory) -> None:
        self._inventory.put_secret(written)
        memory.wrote(written, seen.resource.metadata.generation)

    def _succeeded(self, issue: Issue, memory: Memory, *, repaired: bool) -> None:
        now = self._clock.now()
        memory.bought = None
        memory.granted = (issue.token.issued_at, issue.token.scope)
        memory.renewed_at = to_milliseconds(now)
        memory.attempt = Attempt(time=now, reason=Reason.RENEWED, message=memory.remark or None)
        memory.attempts = memory.attempts.succeeded()
        if repaired:
            memory.attempts = memory.attempts.repaired(now)
        if issue.renewed_for and issue.renewed_for != memory.handled_request:
            memory.handled(issue.renewed_for, now)


def where(key: Key) -> dict[str, str]:
    """The log's words for a resource."""
    return {"namespace": key.namespace, "name": key.name}
