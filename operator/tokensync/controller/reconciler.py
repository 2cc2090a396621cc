"""One resource, from what is seen to what is written: observe, decide, act, report.

Everything that can happen to a token comes through `Reconciler.reconcile`; it returns when to look again.
"""

import itertools
import secrets as randomness
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from tokensync.clock import Clock
from tokensync.controller.announcer import Announcer
from tokensync.controller.authorities import Authorities
from tokensync.controller.clearance import Clearance
from tokensync.controller.federation import Federation
from tokensync.controller.inventory import Inventory, Record
from tokensync.controller.keyring import Keyring
from tokensync.controller.lateness import Lateness
from tokensync.controller.limits import Limits
from tokensync.controller.memory import Memory
from tokensync.controller.openings import NotOpenedYetError
from tokensync.controller.ports import Leadership, ResourceStore, SecretStore, TokenSource
from tokensync.controller.publication import Publication
from tokensync.controller.purchase import Purchase
from tokensync.controller.renewal import GoingAwayError, Renewal, where
from tokensync.errors import (
    ConflictError,
    NotLeadingError,
    ProviderAnswer,
    ProviderError,
    Reason,
    SpecError,
    TargetError,
    TokenSyncError,
)
from tokensync.resource.spec import ClientCredentialToken, Key
from tokensync.resource.status import Attempt, Status
from tokensync.rotation.decide import (
    Acquire,
    Decision,
    DropPrevious,
    Keep,
    Relabel,
    Sweep,
    decide,
    meanwhile,
)
from tokensync.rotation.observation import Observation
from tokensync.rotation.schedule import Margins
from tokensync.target.ownership import Ownership, ownership
from tokensync.target.stored import StoredToken, read_stored

_LOOKS = 6
"""A conflict is settled by looking again, at once; so many in a row are left for later."""
_SOON = timedelta(seconds=5)
_UNLESS_WOKEN = timedelta(minutes=1)
_AFTER_A_DEFECT = timedelta(minutes=1)

log = structlog.get_logger("tokensync")


class Reconciler:
    """Brings one resource at a time in order; many at once, but never one twice at once."""

    def __init__(
        self,
        *,
        inventory: Inventory,
        secrets: SecretStore,
        resources: ResourceStore,
        source: TokenSource,
        federation: Federation,
        authorities: Authorities,
        leadership: Leadership,
        announcer: Announcer,
        lateness: Lateness,
        clock: Clock,
        margins: Margins,
        limits: Limits,
    ) -> None:
        self._inventory = inventory
        self._resources = resources
        self._source = source
        self._federation = federation
        self._announcer = announcer
        self._clock = clock
        self._margins = margins
        self._limits = limits
        self._keyring = Keyring(secrets, inventory, federation, clock)
        self._publication = Publication(inventory=inventory, resources=resources, announcer=announcer, clock=clock)
        self._clearance = Clearance(self._keyring, source, clock)
        purchase = Purchase(
            keyring=self._keyring,
            authorities=authorities,
            source=source,
            leadership=leadership,
            clearance=self._clearance,
            clock=clock,
        )
        self._renewal = Renewal(
            inventory=inventory,
            purchase=purchase,
            secrets=secrets,
            resources=resources,
            lateness=lateness,
            clock=clock,
        )
        self._memories: dict[Key, Memory] = {}

    def memory(self, key: Key) -> Memory | None:
        """What is remembered of a resource, if anything."""
        return self._memories.get(key)

    def wakes(self, wake: Callable[[Iterable[Key]], None]) -> None:
        """Have this told of the resources that wait for others, when they may go on."""
        self._clearance.wake = wake
        self._keyring.wakes(wake)

    async def open_credentials(self) -> None:
        """Open encrypted credentials for those who wait for them, one after the other, until cancelled."""
        await self._keyring.open_in_turn()

    def forget(self) -> None:
        """Remember nothing: another replica may have worked meanwhile."""
        self._clearance.forget()
        for key in tuple(self._memories):
            self._forget(key)

    async def reconcile(self, key: Key) -> datetime | None:
        """Bring one resource in order, and tell when to look again; None if nothing is left to do.

        Raises nothing: a defect of ours must not end the work on everything else.
        """
        try:
            return await self._settle(key)
        except Exception as error:  # noqa: BLE001
            await self._admit(key, _defect(error))
            return self._clock.now() + _AFTER_A_DEFECT

    async def _settle(self, key: Key) -> datetime | None:
        """Look again, at once, as long as the cluster is not as it was observed."""
        for _ in range(_LOOKS):
            record = self._inventory.resource(key)
            if record is None:
                self._forget(key)
                return None
            if record.deleting:
                return None
            try:
                return await self._bring_in_order(record, self._recall(record))
            except (GoingAwayError, NotLeadingError):
                return None
            except NotOpenedYetError:
                return self._clock.now() + _UNLESS_WOKEN
            except ConflictError:
                if not await self._look_again(record):
                    break
            finally:
                self._clearance.landed(key)
        return self._clock.now() + _SOON

    async def _bring_in_order(self, record: Record, memory: Memory) -> datetime | None:
        try:
            resource, status = record.read()
        except SpecError as error:
            return await self._publication.refuse(record, error)
        for looks in itertools.count(1):
            seen = await self._observe(resource, status, memory)
            decision = decide(seen)
            if isinstance(decision, Acquire):
                decision = await self._clearance.ask(seen, decision.because, memory)
            decision = meanwhile(seen, decision)
            if looks > _LOOKS or not await self._act(record, seen, decision, memory):
                break
            if looks == _LOOKS:
                self._failed(seen, _unsettled(resource), memory, token_wanted=False)
        if isinstance(decision, Keep) and memory.attempts.failures:  # what failed is not wanted any more
            memory.attempts = memory.attempts.succeeded()
            seen = replace(seen, attempts=memory.attempts)
        return await self._publication.publish(record, seen, decision, memory)

    # observe

    async def _observe(self, resource: ClientCredentialToken, status: Status, memory: Memory) -> Observation:
        self._use_credential(resource, memory)
        if not memory.was_in_order(resource):
            memory.attempts = memory.attempts.at_peace()
        memory.request_seen_at(resource.renew_request, self._clock.now())
        limit = self._limit(resource, memory)
        finding = await self._keyring.look(resource, status, self._clock.now())
        if limit is None:
            memory.attempts = self._clearance.relieve(resource, finding.fingerprint, memory.attempts)
        secret = self._inventory.secret(resource.target_key)
        whose = ownership(
            secret,
            resource,
            written_uid=memory.written.uid if memory.written else "",
            is_live=self._inventory.is_live,
        )
        stored: StoredToken | None = None
        if secret and whose is Ownership.OURS:
            version = memory.written_version(secret)
            stored = read_stored(secret, resource.spec, written_resource_version=version, reported=status.token)
        owned = self._inventory.owned_by(resource.metadata.uid)
        leftovers = tuple(other for other in owned if other.key != resource.target_key)
        return Observation(
            now=self._clock.now(),
            resource=resource,
            status=status,
            limit=limit,
            secret=secret,
            whose=whose,
            stored=stored,
            granted=memory.granted_scope(stored, status),
            credential=finding.reported,
            credential_error=finding.error,
            fingerprint=finding.fingerprint,
            attempts=memory.attempts,
            handled_request=memory.handled_request,
            leftovers=leftovers,
            wanted_leftovers=tuple(other for other in leftovers if self._inventory.is_target(other.key)),
            margins=self._margins,
            remark=memory.remark_on(stored),
        )

    def _use_credential(self, resource: ClientCredentialToken, memory: Memory) -> None:
        before, memory.credentials = memory.credentials, resource.credential_keys
        read_as, memory.credential = memory.credential, resource.spec.credential
        for secret in before:
            self._keyring.forget_unused(secret)
            if read_as and read_as != memory.credential:
                self._keyring.forget_form(secret, read_as)

    def _limit(self, resource: ClientCredentialToken, memory: Memory) -> SpecError | None:
        try:
            self._source.check(resource.spec)
            memory.endpoint = self._source.endpoint(resource.spec)
        except SpecError as error:
            return error
        return self._federation.refusal(resource.spec) or self._limits.refusal(resource.spec.target)

    # act

    async def _act(self, record: Record, seen: Observation, decision: Decision, memory: Memory) -> bool:
        """Do what was decided; True if there is something new to look at."""
        try:
            match decision:
                case Acquire(because):
                    await self._renewal.acquire(record, seen, because, memory)
                case Relabel():
                    await self._renewal.relabel(seen, memory)
                case DropPrevious():
                    await self._renewal.drop_previous(seen)
                case Sweep(secrets):
                    await self._renewal.sweep(record, secrets)
                case _:
                    return False
        except (ConflictError, GoingAwayError, NotLeadingError, NotOpenedYetError):
            raise
        except TokenSyncError as error:
            self._failed(seen, error, memory, token_wanted=isinstance(decision, Acquire))
        except Exception as error:  # noqa: BLE001  counts as a failed attempt: what is stored stays good
            self._failed(seen, _defect(error), memory, token_wanted=isinstance(decision, Acquire))
        return True

    def _failed(self, seen: Observation, error: TokenSyncError, memory: Memory, *, token_wanted: bool) -> None:
        now = self._clock.now()
        trouble = self._clearance.trouble_of(seen, error) if token_wanted else None
        memory.attempts = memory.attempts.failed(
            error,
            now=now,
            schedule=seen.schedule,
            made_for=seen.inputs,
            token_wanted=token_wanted,
            chance=randomness.randbelow(1 << 30) / (1 << 30),
            wait=trouble.wait if trouble else None,
            since=trouble.since if trouble else None,
        )
        if token_wanted and seen.open_request:
            memory.handled(seen.open_request, now)
        answer = error.answer if isinstance(error, ProviderError) else ProviderAnswer()
        memory.attempt = Attempt(
            time=now,
            reason=error.reason,
            message=error.text,
            error_code=answer.error_code or None,
            correlation_id=answer.correlation_id or None,
            trace_id=answer.trace_id or None,
            http_status=answer.http_status,
        )
        log.warning(
            "attempt failed",
            **where(seen.resource.key),
            reason=error.reason.value,
            detail=error.text,
            failures=memory.attempts.failures,
        )

    # housekeeping

    async def _admit(self, key: Key, defect: TokenSyncError) -> None:
        """Say what went wrong with us, if saying so is not what goes wrong."""
        record = self._inventory.resource(key)
        try:
            if record:
                await self._publication.refuse(record, defect)
        except Exception as error:  # noqa: BLE001
            _defect(error)

    def _recall(self, record: Record) -> Memory:
        memory = self._memories.get(record.key)
        if memory is None or memory.uid != record.uid:
            self._forget(record.key)
            memory = self._memories[record.key] = Memory.recall(record.uid, record.credentials, record.status)
        return memory

    def _forget(self, key: Key) -> None:
        memory = self._memories.pop(key, None)
        if memory:
            self._renewal.forget(memory.uid)
            self._announcer.forget(memory.uid)
            for secret in memory.credentials:
                self._keyring.forget_unused(secret)

    async def _look_again(self, record: Record) -> bool:
        """Read what a conflict said is not as it was known; False if that cannot be read now."""
        try:
            await self._renewal.refresh(record.target)
            body = await self._resources.fetch(record.key)
        except TokenSyncError as error:
            log.warning("cannot look again", **where(record.key), reason=error.reason.value, detail=error.text)
            return False
        if body is None:
            self._inventory.remove_resource(record.key, record.uid)
        else:
            self._inventory.learn_resource(Record.of(body))
        return True


def _unsettled(resource: ClientCredentialToken) -> TargetError:
    return TargetError(
        Reason.TARGET_CONTESTED,
        f"Secret {resource.target_key} is not as it was written, each time it is written",
        remedy="look for an admission webhook or a controller that changes it, and exempt the Secret from it",
    )


def _defect(error: Exception) -> TokenSyncError:
    """An unexpected exception, logged by type and place: its text may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.name} ({frame.filename.rpartition('/')[2]}:{frame.lineno})" for frame in frames]
    log.error("defect", error=type(error).__name__, at=" < ".join(reversed(places)))
    return TokenSyncError(
        Reason.INTERNAL_ERROR,
        f"a defect of tokensync ({type(error).__name__})",
        remedy="report it with the log line that says defect; it is tried again",
    )
