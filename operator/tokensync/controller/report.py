"""The status of a resource, put together from one observation and what is remembered."""

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
        last_renewal_time=memory.renewed_at or (seen.stored.issued_at if seen.stored else None),
        last_attempt=memory.attempt,
        consecutive_failures=attempts.failures,
        next_attempt_time=attempts.not_before if failing else None,
        last_handled_renew_request=memory.handled_request,
    ).with_conditions(conditions(seen, decision))


def _token(seen: Observation) -> TokenTimes | None:
    schedule = seen.schedule
    if seen.stored is None or schedule is None:
        return None
    before = seen.status.token
    scope = (
        before.scope if before and before.issued_at == seen.stored.issued_at else " ".join(seen.resource.spec.scopes)
    )
    return TokenTimes(
        issued_at=seen.stored.issued_at, expires_at=seen.stored.expires_at, renew_at=schedule.renew_at, scope=scope
    )


def _target(seen: Observation, memory: Memory) -> TargetStatus | None:
    if seen.secret is None or seen.whose is not Ownership.OURS:
        return None
    version = memory.written_version(seen.secret) or seen.secret.resource_version
    return TargetStatus(name=seen.secret.key.name, uid=seen.secret.uid, resource_version=version)
