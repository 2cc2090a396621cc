"""What the user is told: the conditions of a resource, from the same observation that the decision was made of."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from tokensync.clock import rfc3339
from tokensync.errors import NEEDS_A_PERSON_AT_ONCE, NEEDS_A_PERSON_IF_IT_LASTS, Reason, TokenSyncError
from tokensync.resource.status import Condition, ConditionStatus, ConditionType, CredentialKind, Status, cut
from tokensync.rotation.attempts import Failure
from tokensync.rotation.decide import PATIENCE, Blocked, Decision, Suspended, Wait
from tokensync.rotation.forecast import in_words, stage
from tokensync.rotation.observation import Observation
from tokensync.rotation.scopes import missing_scopes


class Verdict(NamedTuple):
    """One condition without its type and times."""

    status: ConditionStatus
    reason: Reason
    message: str


LISTED = 1024
"""Characters of a list in a message, so that what follows it is not cut off."""

_ACQUIRING = Verdict("Unknown", Reason.ACQUIRING, "The first token is under way")


def conditions(seen: Observation, decision: Decision) -> tuple[Condition, ...]:
    """The conditions as they are now; those that keep their status get their transition time back in the status."""
    verdicts = [(kind, judge(seen, decision)) for kind, judge in _JUDGES]
    stalled = _stalled(seen, decision, [verdict for _, verdict in verdicts])
    if stalled:
        verdicts.append((ConditionType.STALLED, stalled))
    return tuple(
        Condition(
            type=kind,
            status=verdict.status,
            reason=verdict.reason,
            message=verdict.message,
            observed_generation=seen.resource.metadata.generation,
            last_transition_time=seen.now,
        )
        for kind, verdict in verdicts
    )


def unreadable(error: TokenSyncError, before: Status, generation: int, now: datetime) -> tuple[Condition, ...]:
    """The conditions of a resource that could not even be looked at. A token that was good, and lives yet, is good."""
    told = {
        kind: Condition(
            type=kind,
            status=status,
            reason=error.reason,
            message=error.text,
            observed_generation=generation,
            last_transition_time=now,
        )
        for kind, status in _UNREADABLE
        if kind is not ConditionType.STALLED or error.reason in NEEDS_A_PERSON_AT_ONCE
    }
    ready = before.condition(ConditionType.READY)
    was_ready = ready is not None and ready.status == "True" and ready.observed_generation == generation
    if ready and was_ready and before.token and now < before.token.expires_at:
        told[ConditionType.READY] = ready
    return tuple(told.values())


def _ready(seen: Observation, decision: Decision) -> Verdict:
    secret = f"Secret {seen.resource.spec.target.name}"
    if seen.stored and seen.usable:
        expiry = rfc3339(seen.stored.expires_at)
        return Verdict("True", Reason.TOKEN_VALID, f"{secret} holds a token that is valid until {expiry}")
    trouble = _trouble(seen, decision)
    if trouble and trouble.reason is not Reason.SUSPENDED:
        return trouble
    going_on = _SUSPENDED if trouble else "A new one is under way"
    if seen.stored and seen.stored.expires_at <= seen.now:
        expiry = rfc3339(seen.stored.expires_at)
        return Verdict("False", Reason.TOKEN_EXPIRED, f"The token in {secret} expired at {expiry}. {going_on}")
    return trouble or Verdict("False", Reason.ACQUIRING, f"A token for {secret} is under way")


def _renewal_succeeded(seen: Observation, decision: Decision) -> Verdict:
    trouble = _trouble(seen, decision)
    if trouble:
        return trouble._replace(status="Unknown") if trouble.reason is Reason.SUSPENDED else trouble
    missing = missing_scopes(seen)
    if missing:
        return _narrowed(seen, missing)
    if seen.stored:
        issued = f"The token was issued at {rfc3339(seen.stored.issued_at)}"
        return Verdict("True", Reason.RENEWED, f"{issued}. {seen.remark}" if seen.remark else issued)
    return _ACQUIRING


def _credential_valid(seen: Observation, _: Decision) -> Verdict:
    if seen.credential_error:
        return Verdict("False", seen.credential_error.reason, seen.credential_error.text)
    credential = seen.credential
    if credential is None:
        return Verdict("Unknown", Reason.ACQUIRING, "The credential was not read yet")
    failure = _failure(seen)
    if credential.kind is CredentialKind.SERVICE_ACCOUNT and failure and failure.of_credential:  # nobody watches it
        return Verdict("False", failure.reason, failure.text)
    if credential.not_after is None:
        return Verdict("True", Reason.CREDENTIAL_USABLE, _ENDLESS[credential.kind])
    told = _forecast(seen, f"The certificate with SHA-1 thumbprint {credential.thumbprint_sha1}", credential.not_after)
    return told._replace(message=f"{told.message}. {seen.remark}") if seen.remark else told


def _forecast(seen: Observation, what: str, not_after: datetime) -> Verdict:
    """The message is another one in each stage, which is what an Event is made of; within a stage it stays."""
    within = stage(not_after, seen.now)
    if within is None:
        return Verdict("True", Reason.CREDENTIAL_USABLE, f"{what} is valid until {rfc3339(not_after)}")
    secret = seen.resource.credential_keys[0]
    return Verdict(
        "True",
        Reason.CREDENTIAL_EXPIRES_SOON,
        f"{what} expires within {in_words(within)}, at {rfc3339(not_after)}: "
        f"register a new one and put it into Secret {secret}",
    )


def _narrowed(seen: Observation, missing: Sequence[str]) -> Verdict:
    client = seen.resource.spec.client_id
    return Verdict(
        "True",
        Reason.SCOPE_NARROWED,
        f"The token lacks scopes that were asked for ({cut(', '.join(missing), LISTED)}): "
        f"have the provider allow them to client {client}, or take them out of spec.scopes",
    )


def _gap_free(seen: Observation, _: Decision) -> Verdict:
    schedule = seen.schedule
    if schedule is None:
        return Verdict("Unknown", Reason.ACQUIRING, "The lifetime is known when the first token is there")
    if schedule.gap_free:
        return Verdict("True", Reason.ROOM_ENOUGH, f"Room for {schedule.arithmetic}")
    return Verdict(
        "False",
        Reason.LIFETIME_TOO_SHORT,
        f"No room for {schedule.arithmetic}: ask the provider's administrator for a longer token lifetime, "
        "or shorten renewal.before or renewal.consumerHold",
    )


def _trouble(seen: Observation, decision: Decision) -> Verdict | None:
    """What stands in the way of the next token: what blocks it now, else what the last attempt failed of.

    What failed with other inputs says nothing of these; what others failed of who share the client does, where it is missed.
    """
    if isinstance(decision, Suspended):
        return Verdict("False", Reason.SUSPENDED, _SUSPENDED)
    if isinstance(decision, Blocked):
        return Verdict("False", decision.error.reason, decision.error.text)
    failure = _failure(seen) or (decision.failure if isinstance(decision, Wait) else None)
    return Verdict("False", failure.reason, failure.text) if failure else None


def _failure(seen: Observation) -> Failure | None:
    """What the last attempt with these inputs failed of."""
    return seen.attempts.last if seen.attempts.made_for == seen.inputs else None


def _stalled(seen: Observation, decision: Decision, verdicts: list[Verdict]) -> Verdict | None:
    """The first verdict that only a person can change."""
    since = seen.attempts.failing_since or (decision.failing_since if isinstance(decision, Wait) else None)
    lasts = since is not None and seen.now - since >= PATIENCE
    for verdict in verdicts:
        waited = verdict.reason in NEEDS_A_PERSON_IF_IT_LASTS and lasts
        if waited or verdict.reason in NEEDS_A_PERSON_AT_ONCE:
            return Verdict("True", verdict.reason, verdict.message)
    return None


_UNREADABLE: tuple[tuple[ConditionType, ConditionStatus], ...] = (
    (ConditionType.READY, "False"),
    (ConditionType.RENEWAL_SUCCEEDED, "False"),
    (ConditionType.CREDENTIAL_VALID, "Unknown"),
    (ConditionType.GAP_FREE, "Unknown"),
    (ConditionType.STALLED, "True"),
)
_ENDLESS = {
    CredentialKind.CLIENT_SECRET: "The client secret can be read; until when it is valid, only the provider knows",
    CredentialKind.SERVICE_ACCOUNT: "A token of the ServiceAccount is requested for each renewal",
}
_SUSPENDED = "Renewals are suspended: set suspend to false to go on"

_JUDGES: tuple[tuple[ConditionType, Callable[[Observation, Decision], Verdict]], ...] = (
    (ConditionType.READY, _ready),
    (ConditionType.RENEWAL_SUCCEEDED, _renewal_succeeded),
    (ConditionType.CREDENTIAL_VALID, _credential_valid),
    (ConditionType.GAP_FREE, _gap_free),
)
