"""Values that tests of decisions start from: all is well, until a test says what is not.

The resource writes the Secret `graph-token`; the token in it was issued at `ISSUED_AT` and lives for an hour.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from support.simulated_secret import SimulatedSecret
from support.token_source import CLIENT, SCOPE, SHA1, SHA256, TENANT
from tokensync.clock import rfc3339
from tokensync.errors import Reason
from tokensync.resource.names import API_VERSION, KIND, RENEW_REQUESTED_AT
from tokensync.resource.spec import ClientCredentialToken
from tokensync.resource.status import CredentialStatus, Status, TokenTimes
from tokensync.rotation.attempts import Attempts, Failure
from tokensync.rotation.observation import Observation
from tokensync.rotation.schedule import Margins, Schedule, plan
from tokensync.target.fingerprint import AcquiredFor
from tokensync.target.metadata import SecretMetadata
from tokensync.target.ownership import Ownership, ownership
from tokensync.target.stored import StoredToken, read_stored
from tokensync.target.writes import Issue, create_body
from tokensync.token import AccessToken

ISSUED_AT = datetime(2026, 11, 23, 13, 45, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOON_AFTER = ISSUED_AT + timedelta(minutes=1)
"""Nothing is due yet."""
UID = "5a3f1d8e-7d0b-4f6c-9f39-0c7b1f0f2a11"
SECRET_UID = "secret"
MARGINS = Margins(propagation=timedelta(seconds=120), clock_skew=timedelta(seconds=60))
"""The operator's default settings."""


def make_resource(
    *,
    name: str = "graph",
    uid: str = UID,
    generation: int = 1,
    renew_request: str | None = None,
    target: dict[str, Any] | None = None,
    **spec: Any,
) -> ClientCredentialToken:
    """A resource; `target` is added to its target, and `spec` to its spec, both in JSON's names."""
    metadata = {
        "name": name,
        "namespace": "reports",
        "uid": uid,
        "resourceVersion": "1",
        "generation": generation,
        "creationTimestamp": rfc3339(ISSUED_AT),
        "annotations": {RENEW_REQUESTED_AT: renew_request} if renew_request is not None else {},
    }
    wanted = {
        "provider": {"entra": {"tenantId": TENANT}},
        "clientId": CLIENT,
        "scopes": [SCOPE],
        "credential": {"certificate": {"secretRef": {"name": "graph-client-certificate"}}},
        "target": {"name": "graph-token", **(target or {})},
        **spec,
    }
    return ClientCredentialToken.parse({"metadata": metadata, "spec": wanted})


def make_token(value: str = "token-1", *, issued_at: datetime = ISSUED_AT, lifetime: timedelta = HOUR) -> AccessToken:
    """A token as the provider issued it."""
    return AccessToken(value, "Bearer", SCOPE, issued_at, issued_at + lifetime)


def make_issue(resource: ClientCredentialToken, token: AccessToken | None = None, *, thumbprint: str = SHA256) -> Issue:
    """A token for that resource, which answers whatever renewal it asks for."""
    return Issue(token or make_token(), AcquiredFor.of(resource.spec, thumbprint), resource.renew_request)


def make_credential(**changes: Any) -> CredentialStatus:
    """A certificate that is valid for a year."""
    credential = CredentialStatus(
        kind="Certificate",
        thumbprint_sha1=SHA1,
        thumbprint_sha256=SHA256,
        not_after=ISSUED_AT + timedelta(days=365),
        secret_resource_version="1",
    )
    return credential.model_copy(update=changes)


def make_secret(resource: ClientCredentialToken | None = None, issue: Issue | None = None) -> SimulatedSecret:
    """The target as we created it."""
    resource = resource or make_resource()
    return SimulatedSecret.created(create_body(resource, issue or make_issue(resource)), at=ISSUED_AT, uid=SECRET_UID)


def make_metadata(
    *,
    name: str = "graph-token",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    owners: tuple[dict[str, Any], ...] = (),
) -> SecretMetadata:
    """What a watch shows of a Secret that somebody else made."""
    metadata = {
        "namespace": "reports",
        "name": name,
        "labels": labels,
        "annotations": annotations,
        "ownerReferences": list(owners),
    }
    return SimulatedSecret.created(
        {"metadata": metadata}, at=ISSUED_AT, manager="kubectl-create", uid=SECRET_UID
    ).seen()


def make_owner(uid: str = UID, *, kind: str = KIND, controller: bool = True) -> dict[str, Any]:
    """An owner reference."""
    return {"apiVersion": API_VERSION, "kind": kind, "name": "graph", "uid": uid, "controller": controller}


def make_stored(resource: ClientCredentialToken | None = None, **changes: Any) -> StoredToken:
    """What is known of the token in the target."""
    answers = AcquiredFor.of((resource or make_resource()).spec, SHA256)
    values = {
        "issued_at": ISSUED_AT,
        "expires_at": ISSUED_AT + HOUR,
        "acquired_for": answers,
        "renewed_for": "",
        "edited": False,
    }
    return StoredToken(**{**values, **changes})


def make_observation(resource: ClientCredentialToken | None = None, **changes: Any) -> Observation:
    """All is well a minute after the token was issued; `changes` are what is not."""
    resource = resource or make_resource()
    values = {
        "now": SOON_AFTER,
        "resource": resource,
        "status": Status(),
        "limit": None,
        "secret": make_secret(resource).seen(),
        "whose": Ownership.OURS,
        "stored": make_stored(resource),
        "granted": SCOPE,
        "credential": make_credential(),
        "credential_error": None,
        "attempts": Attempts(),
        "handled_request": None,
        "leftovers": (),
        "wanted_leftovers": (),
        "margins": MARGINS,
    }
    seen = {**values, **changes}
    credential: CredentialStatus | None = seen["credential"]
    known = {"fingerprint": (credential.thumbprint_sha256 or "") if credential else ""}
    return Observation(**{**known, **seen})


def make_failing(**changes: Any) -> Attempts:
    """The third attempt with the default inputs failed a minute ago; the next may start in five minutes."""
    attempts = Attempts(
        failures=3,
        last=Failure(Reason.PROVIDER_UNAVAILABLE, "503: wait"),
        failing_since=SOON_AFTER - timedelta(minutes=1),
        not_before=SOON_AFTER + timedelta(minutes=5),
        token_wanted=True,
        made_for=f"1:{SHA256}",
    )
    return replace(attempts, **changes)


def make_requesting(request: str = "now", **changes: Any) -> Observation:
    """Somebody asks for a renewal; else all is well."""
    return make_observation(make_resource(renew_request=request), **changes)


def make_schedule(
    lifetime: timedelta = HOUR, *, margins: Margins = MARGINS, uid: str = UID, **renewal: Any
) -> Schedule:
    """The times of a token that was issued at `ISSUED_AT`; `renewal` in JSON's names."""
    wishes = make_resource(renewal=renewal).spec.renewal
    return plan(ISSUED_AT, ISSUED_AT + lifetime, renewal=wishes, margins=margins, uid=uid)


def look_at(
    resource: ClientCredentialToken,
    secret: SimulatedSecret | None,
    *,
    written_version: str = "",
    reported: TokenTimes | None = None,
    is_live: Callable[[str], bool] = lambda _: False,
    **changes: Any,
) -> Observation:
    """What is seen of a resource and of its target; nothing is remembered unless `changes` say so."""
    metadata = secret.seen() if secret else None
    whose = ownership(metadata, resource, written_uid=SECRET_UID, is_live=is_live)
    stored = None
    if metadata and whose is Ownership.OURS:
        stored = read_stored(metadata, resource.spec, written_resource_version=written_version, reported=reported)
    return make_observation(resource, **{"secret": metadata, "whose": whose, "stored": stored, **changes})
