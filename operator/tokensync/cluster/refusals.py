"""What a refusal of the API server means, and what to do about it. Pure: a call and an answer in, an error out.

The answers are Kubernetes' `Status` objects. Their messages are shown only where they are about rights, quotas or
admission: a message about an invalid field may quote the field's value.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

from tokensync.errors import ClusterError, ConflictError, NamespaceTerminatingError, Reason, TargetError
from tokensync.telemetry.masking import masked

_RBAC = re.compile(r'User ".*" cannot ')
_ADMISSION = re.compile(
    r"admission (webhook|policy)|ValidatingAdmissionPolicy|exceeded quota|denied the request|denied request"
)
_LONGEST_QUOTE = 512


class NotFoundError(Exception):
    """There is no such object."""


class Call(NamedTuple):
    """What was asked for, in the words of RBAC."""

    verb: str
    plural: str
    subresource: str | None
    namespace: str | None
    name: str | None

    @property
    def resource(self) -> str:
        """`secrets`, `clientcredentialtokens/status`."""
        return f"{self.plural}/{self.subresource}" if self.subresource else self.plural

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{where}"


def unavailable(call: Call, what: str) -> ClusterError:
    """No answer came."""
    return ClusterError(Reason.CLUSTER_UNAVAILABLE, f"the Kubernetes API did not answer {call} ({what})")


def refusal(call: Call, status: int, answer: Mapping[str, Any], retry_after: str = "") -> Exception:
    """The error that an answer with a status of 300 or more stands for."""
    if status == HTTPStatus.NOT_FOUND:
        return ConflictError(str(call)) if call.verb in {"patch", "delete"} else NotFoundError(str(call))
    if status == HTTPStatus.CONFLICT:
        return _namespace_terminating(call, answer) or ConflictError(str(call))
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return _invalid(call, answer)
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}:
        return _namespace_terminating(call, answer) or _forbidden(call, str(answer.get("message", "")))
    passes = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if not passes and call.verb in {"create", "patch"}:
        return _rejected(call, str(answer.get("message", "")))
    seconds = int(retry_after) if retry_after.isdecimal() else 0
    return ClusterError(
        Reason.CLUSTER_UNAVAILABLE,
        f"the Kubernetes API answered {call} with HTTP status {status}",
        retry_after=timedelta(seconds=seconds),
    )


def _invalid(call: Call, answer: Mapping[str, Any]) -> Exception:
    causes = {cause.get("field"): cause.get("reason") for cause in (answer.get("details") or {}).get("causes") or ()}
    text = str(answer.get("message", ""))
    secret = f"Secret {call.namespace}/{call.name}"
    if "metadata.uid" in causes or "test failed" in text or "testing path" in text:
        return ConflictError(str(call))
    if "type" in causes:
        return TargetError(
            Reason.TARGET_TYPE_MISMATCH,
            f"{secret} has another type than target.type, and a Secret's type cannot be changed",
            remedy="give target.name another name, or delete the Secret",
        )
    if "data" in causes and "immutable" in text:
        return TargetError(
            Reason.TARGET_IMMUTABLE,
            f"{secret} is immutable",
            remedy="delete the Secret, so that it is made anew, or give target.name another name",
        )
    if _ADMISSION.search(text):
        return _rejected(call, text)
    return _rejected(call, "it is invalid in " + ", ".join(sorted(f"{field} ({why})" for field, why in causes.items())))


def _forbidden(call: Call, text: str) -> Exception:
    if _RBAC.search(text) or not text:
        return ClusterError(
            Reason.FORBIDDEN,
            f"tokensync may not {call}",
            remedy=f'grant the operator\'s ServiceAccount the verb "{call.verb}" on the resource "{call.resource}"',
        )
    return _rejected(call, text)


def _rejected(call: Call, text: str) -> Exception:
    what = f"Secret {call.namespace}/{call.name}" if call.plural == "secrets" else f"{call}"
    return TargetError(
        Reason.TARGET_REJECTED,
        f"the cluster refused {what}: {_quote(text)}",
        remedy="change the quota or the admission policy that it names, or the target's labels and annotations",
    )


def _quote(text: str) -> str:
    """An admission policy may quote anything that it sees, also what was there before the write."""
    quote: str = masked(text)
    return quote[:_LONGEST_QUOTE]


def _namespace_terminating(call: Call, answer: Mapping[str, Any]) -> Exception | None:
    causes = (answer.get("details") or {}).get("causes") or ()
    terminating = any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
    return NamespaceTerminatingError(call.namespace or "") if terminating else None
