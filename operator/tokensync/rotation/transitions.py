"""What is worth an Event: the difference between two statuses that somebody who looks at the resource wants to hear of.

A state is announced when it begins and when it ends, not while it lasts. Of several conditions that turn for one cause
the most telling one speaks. What the user asked for (a first token, a routine renewal, a suspension, another spec) is
no news, nor is anything in a namespace that is being deleted: no Event can be created there.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from tokensync.clock import rfc3339
from tokensync.errors import Reason
from tokensync.resource.status import Condition, ConditionStatus, ConditionType, Status

_NO_NEWS = {Reason.ACQUIRING, Reason.SUSPENDED, Reason.NAMESPACE_TERMINATING}


class Transition(NamedTuple):
    """One Event, without the object that it is about.

    Attributes:
        type: `Warning` where somebody may have to do something.
        reason: why; as in conditions.
        action: what was being done, a verb in UpperCamelCase.
        note: for people: a condition's message, perhaps with a sentence before it.
    """

    type: Literal["Normal", "Warning"]
    reason: Reason
    action: str
    note: str


class _Finding(NamedTuple):
    """A transition, and its cause: the reason of the condition that turned."""

    cause: Reason
    transition: Transition


def transitions(before: Status, after: Status) -> tuple[Transition, ...]:
    """What happened between two statuses of a resource, the most telling first; no two for one cause."""
    told = dict[Reason | None, Transition]()
    for judge in _JUDGES:
        finding = judge(before, after)
        if finding:
            cause, transition = finding
            told.setdefault(cause if transition.type == "Warning" else None, transition)  # what is well is said once
    return tuple(told.values())


def _token_lost(before: Status, after: Status) -> _Finding | None:
    """Nobody can use the target any more. The condition names what keeps the next token from coming."""
    ready = _turned(ConditionType.READY, before, after)
    if ready is None or ready.status == "True" or not _was(ConditionType.READY, {"True"}, before):
        return None
    token = after.token
    expired = token is not None and token.expires_at <= ready.last_transition_time
    if token is None or not expired or ready.reason is Reason.TOKEN_EXPIRED:
        return _warning("Provide", ready)
    note = f"The token expired at {rfc3339(token.expires_at)}. {ready.message}"
    return _Finding(ready.reason, Transition("Warning", Reason.TOKEN_EXPIRED, "Provide", note))


def _credential_in_trouble(before: Status, after: Status) -> _Finding | None:
    """One that is about to expire is told of in each stage; another that does so, too, is what there was before."""
    valid = _turned(ConditionType.CREDENTIAL_VALID, before, after)
    if valid is None and _content(before) == _content(after):
        valid = _reworded(ConditionType.CREDENTIAL_VALID, Reason.CREDENTIAL_EXPIRES_SOON, before, after)
    troubled = valid and (valid.status == "False" or valid.reason is Reason.CREDENTIAL_EXPIRES_SOON)
    return _warning("CheckCredential", valid) if valid and troubled else None


def _renewal_failed(before: Status, after: Status) -> _Finding | None:
    renewed = _turned(ConditionType.RENEWAL_SUCCEEDED, before, after)
    return _warning("Renew", renewed) if renewed and renewed.status == "False" else None


def _previous_in_use(before: Status, after: Status) -> _Finding | None:
    """The provider took the previous certificate, and a person has to register the one that it did not know."""
    remark = _remark(after)
    if not remark or remark == _remark(before):
        return None
    return _Finding(Reason.CREDENTIAL_REJECTED, Transition("Warning", Reason.CREDENTIAL_REJECTED, "Renew", remark))


def _scope_narrowed(before: Status, after: Status) -> _Finding | None:
    """The token is good for less than was asked for, or for less than before."""
    narrowed = _turned(ConditionType.RENEWAL_SUCCEEDED, before, after) or _reworded(
        ConditionType.RENEWAL_SUCCEEDED, Reason.SCOPE_NARROWED, before, after
    )
    return _warning("Renew", narrowed) if narrowed and narrowed.reason is Reason.SCOPE_NARROWED else None


def _no_room(before: Status, after: Status) -> _Finding | None:
    free = _turned(ConditionType.GAP_FREE, before, after)
    return _warning("Plan", free) if free and free.status == "False" else None


def _person_needed(before: Status, after: Status) -> _Finding | None:
    """What was told when it began has lasted too long."""
    stalled = _turned(ConditionType.STALLED, before, after)
    if stalled is None:
        return None
    note = f"A person is needed. {stalled.message}"
    return _Finding(stalled.reason, Transition("Warning", stalled.reason, "CallPerson", note))


def _token_regained(before: Status, after: Status) -> _Finding | None:
    return _regained(ConditionType.READY, "Provide", before, after)


def _renewal_recovered(before: Status, after: Status) -> _Finding | None:
    """It works again, or grants all again."""
    renewed = _turned(ConditionType.RENEWAL_SUCCEEDED, before, after)
    if renewed is None or renewed.reason is not Reason.RENEWED:
        return None
    was = before.condition(ConditionType.RENEWAL_SUCCEEDED)
    narrowed = was is not None and was.reason is Reason.SCOPE_NARROWED
    return _normal("Renew", renewed) if narrowed or _was(ConditionType.RENEWAL_SUCCEEDED, {"False"}, before) else None


def _new_one_accepted(before: Status, after: Status) -> _Finding | None:
    """The previous certificate is not needed any more."""
    attempt, renewed = after.last_attempt, after.condition(ConditionType.RENEWAL_SUCCEEDED)
    over = _remark(before) and attempt is not None and attempt.reason is Reason.RENEWED and not attempt.message
    return _normal("Renew", renewed) if over and renewed and renewed.reason is Reason.RENEWED else None


def _credential_regained(before: Status, after: Status) -> _Finding | None:
    """It can be used again, or one that was about to expire was replaced."""
    valid = _turned(ConditionType.CREDENTIAL_VALID, before, after)
    if valid is None or valid.reason is not Reason.CREDENTIAL_USABLE:
        return None
    known = _was(ConditionType.CREDENTIAL_VALID, {"True", "False"}, before)
    return _normal("CheckCredential", valid) if known else None


_JUDGES: tuple[Callable[[Status, Status], _Finding | None], ...] = (
    _token_lost,
    _credential_in_trouble,
    _renewal_failed,
    _previous_in_use,
    _scope_narrowed,
    _no_room,
    _person_needed,
    _token_regained,
    _renewal_recovered,
    _new_one_accepted,
    _credential_regained,
)


def _turned(kind: ConditionType, before: Status, after: Status) -> Condition | None:
    """The condition as it is now, if it is another than before and that is news."""
    was, now = before.condition(kind), after.condition(kind)
    if now is None or now.reason in _NO_NEWS:
        return None
    return None if was and (was.status, was.reason) == (now.status, now.reason) else now


def _reworded(kind: ConditionType, reason: Reason, before: Status, after: Status) -> Condition | None:
    """The condition as it is now, if it says something else for this same reason."""
    was, now = before.condition(kind), after.condition(kind)
    same = was is not None and now is not None and was.reason is now.reason is reason
    return now if same and was and now and was.message != now.message else None


def _content(status: Status) -> str | None:
    """What tells the credential from another one, whatever was done to its Secret."""
    return status.credential.content if status.credential else None


def _remark(status: Status) -> str:
    """What there was to say of the last token, though it could be had; empty for nothing."""
    attempt = status.last_attempt
    return attempt.message or "" if attempt and attempt.reason is Reason.RENEWED else ""


def _was(kind: ConditionType, statuses: set[ConditionStatus], before: Status) -> bool:
    was = before.condition(kind)
    return was is not None and was.status in statuses and was.reason not in _NO_NEWS


def _regained(kind: ConditionType, action: str, before: Status, after: Status) -> _Finding | None:
    now = _turned(kind, before, after)
    return _normal(action, now) if now and now.status == "True" and _was(kind, {"False"}, before) else None


def _warning(action: str, condition: Condition) -> _Finding:
    return _Finding(condition.reason, Transition("Warning", condition.reason, action, condition.message))


def _normal(action: str, condition: Condition) -> _Finding:
    return _Finding(condition.reason, Transition("Normal", condition.reason, action, condition.message))
