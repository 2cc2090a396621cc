"""The status of a resource, put together from one observation and what is remembered."""

from datetime import datetime

from tokensync.controller.memory import Memory
from tokensync.resource.status import Status, TargetStatus, TokenTimes
from tokensync.rotation.conditions import conditions
from tokensync.rotation.decide import Decision
from tokensync.rotation.observation import Observation
from tokensync.target.ownership import Ownership


def report(seen: Observation, decision: Decision, memory: Memory) -> Status:
    """The status as it should be now. Equal inputs give an equal status, so that a restart writes nothing."""
    attempts = memory.attempts
    failing = attempts.failures > 0
    return Status(
        observed_generation=seen.resource.metadata.generation,
        conditions=seen.status.conditions,
        token=_token(seen),
        credential=seen.credential,
        target=_target(seen, memory),
        last_renewal_time=_renewed_at(seen, memory),
        last_attempt=memory.attempt,
        consecutive_failures=attempts.failures,
        next_attempt_time=attempts.not_before if failing else None,
        last_handled_renew_request=_handled_request(seen, memory),
    ).with_conditions(conditions(seen, decision))


def _renewed_at(seen: Observation, memory: Memory) -> datetime | None:
    """When a token was last written: as it is remembered, unless a crash came before the status that tells of it."""
    issued_at = seen.stored.issued_at if seen.stored else None
    return max((moment for moment in (memory.renewed_at, issued_at) if moment), default=None)


def _handled_request(seen: Observation, memory: Memory) -> str | None:
    """The last renew request that was answered or tried; the stored token answers one that a crash kept from here."""
    request = seen.resource.renew_request
    answered = bool(request) and seen.stored is not None and seen.stored.renewed_for == request
    return request if answered else memory.handled_request


def _token(seen: Observation) -> TokenTimes | None:
    """The scope is what was granted, as far as anybody remembers; else what was asked for."""
    schedule = seen.schedule
    if seen.stored is None or schedule is None:
        return None
    return TokenTimes(
        issued_at=seen.stored.issued_at,
        expires_at=seen.stored.expires_at,
        renew_at=schedule.renew_at,
        scope=seen.granted if seen.granted is not None else " ".join(seen.resource.spec.scopes),
    )


def _target(seen: Observation, memory: Memory) -> TargetStatus | None:
    if seen.secret is None or seen.whose is not Ownership.OURS:
        return None
    version = memory.written_version(seen.secret) or seen.secret.resource_version
    return TargetStatus(name=seen.secret.key.name, uid=seen.secret.uid, resource_version=version)
