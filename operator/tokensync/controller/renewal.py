"""Getting a token and writing it: everything that a decision can ask for, done once."""

from collections.abc import Sequence

import structlog

from tokensync.clock import Clock, rfc3339, to_milliseconds
from tokensync.controller.inventory import Inventory, Record
from tokensync.controller.keyring import Keyring
from tokensync.controller.lateness import Lateness
from tokensync.controller.memory import Memory
from tokensync.controller.ports import Leadership, ResourceStore, SecretStore, TokenSource
from tokensync.errors import ConflictError, NamespaceTerminatingError, Reason
from tokensync.resource.spec import Key
from tokensync.resource.status import Attempt
from tokensync.rotation.decide import REPAIRS, Violation
from tokensync.rotation.observation import Observation
from tokensync.rotation.schedule import plan
from tokensync.target.metadata import SecretMetadata
from tokensync.target.ownership import Ownership
from tokensync.target.writes import Issue, create_body, relabel_patch, renew_patch

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
        keyring: Keyring,
        secrets: SecretStore,
        resources: ResourceStore,
        source: TokenSource,
        leadership: Leadership,
        lateness: Lateness,
        clock: Clock,
    ) -> None:
        self._inventory = inventory
        self._keyring = keyring
        self._secrets = secrets
        self._resources = resources
        self._source = source
        self._leadership = leadership
        self._lateness = lateness
        self._clock = clock
        self._terminating: set[str] = set()

    async def acquire(self, record: Record, seen: Observation, because: Violation, memory: Memory) -> None:
        """Get a token, unless one was bought and not written, and write it into the target."""
        if seen.whose is Ownership.ABSENT:
            await self._must_exist(record, memory)
        issue = self._unwritten(seen, memory) or await self._buy(seen, memory)
        self._must_be_current(record)
        written = await self._write(seen, issue)
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

    def _unwritten(self, seen: Observation, memory: Memory) -> Issue | None:
        """The token that was bought and could not be written, if it still answers what is asked and is not yet due."""
        issue = memory.bought
        if issue is None or issue.acquired_for != seen.acquired_for:
            return None
        due = plan(
            issue.token.issued_at,
            issue.token.expires_at,
            renewal=seen.resource.spec.renewal,
            margins=seen.margins,
            uid=seen.resource.metadata.uid,
        ).renew_at
        return issue if seen.now < due else None

    async def _buy(self, seen: Observation, memory: Memory) -> Issue:
        pair = await self._keyring.pair(seen.resource)
        self._leadership.require()
        token = await self._source.acquire(seen.resource.spec, pair)
        memory.bought = Issue(token, seen.acquired_for, seen.resource.renew_request)
        return memory.bought

    async def _write(self, seen: Observation, issue: Issue) -> SecretMetadata:
        key = seen.resource.target_key
        if seen.secret:
            adopting = seen.whose is Ownership.ADOPTABLE
            return await self._secrets.patch(key, renew_patch(seen.resource, seen.secret, issue, adopting=adopting))
        try:
            return await self._secrets.create(key, create_body(seen.resource, issue))
        except NamespaceTerminatingError:
            self._stop(key.namespace)
            raise

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
        memory.attempt = Attempt(time=now, reason=Reason.RENEWED)
        memory.attempts = memory.attempts.succeeded()
        if repaired:
            memory.attempts = memory.attempts.repaired(now)
        if issue.renewed_for and issue.renewed_for != memory.handled_request:
            memory.handled(issue.renewed_for, now)


def where(key: Key) -> dict[str, str]:
    """The log's words for a resource."""
    return {"namespace": key.namespace, "name": key.name}
