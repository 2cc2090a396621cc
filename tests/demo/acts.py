"""The acts. Each does something, verifies what comes of it, and returns that in a few words.

The first line of an act's docstring is its title, and the rest is told when it begins.
"""

import time
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus

import yaml

from demo import claims
from demo.sightings import Hole, Sighting
from demo.stage import LIFETIME, RESOURCE, TARGET, Stage
from support.certificates import ClientCertificate, make_certificate
from support.cluster import encoded
from support.entra.faults import server_error
from support.scenario import CERTIFICATE_SECRET

FIRST_TOKEN, NEW_KEY = 5.0, 5.0
"""Seconds that may pass to a first token, and to one by a new key; kubectl's own are among them."""

LOW = 5.0
"""Seconds left of the last good token when the provider comes back."""


def first_token(stage: Stage) -> str:
    """The first token.

    A user creates the Secret of a certificate, and applies one resource.
    """
    stage.kubectl("create", "-f", "-", stdin=_tls_secret(stage.scenario.certificate))
    manifest = yaml.safe_dump(stage.scenario.body(RESOURCE), sort_keys=False)
    began = time.monotonic()
    stage.kubectl("apply", "-f", "-", stdin=manifest, show_stdin=True)
    token = stage.wait_for_token(lambda _: True, f"a token in Secret {TARGET}")
    seconds = token.first - began
    stage.verify(
        f"the provider's token is in Secret {TARGET}, after {seconds:.1f} s",
        seconds <= FIRST_TOKEN,
        expected=f"a first token within {FIRST_TOKEN:g} s",
        seen=f"one after {seconds:.1f} s",
    )
    claims.verify_schedule(stage)
    stage.kubectl("get", "cct")
    return f"after {seconds:.1f} s"


def two_renewals(stage: Stage) -> str:
    """Renewal before expiry, twice.

    Nobody does anything.
    """
    mark, requests, first = stage.audit.mark(), stage.entra.token_requests, stage.sampler.sightings[-1].number
    left = [claims.await_renewal(stage, number) for number in (first, first + 1)]
    asked = stage.entra.token_requests - requests
    calls = Counter(
        "/".join(filter(None, (f"{call.verb} {call.resource}", call.subresource)))
        for call in stage.audit.calls(mark)
        if call.verb != "watch"
    )
    stage.verify(
        "each: 1 token request; 2 API writes and 0 reads in the audit log",
        asked == len(left) and calls == {"patch secrets": 2, "patch clientcredentialtokens/status": 2},
        seen=f"{asked} token requests, {dict(calls)}",
    )
    stage.figures["API writes for each renewal"] = f"{calls.total() / len(left):g} (Secret, status), and no read"
    return f"with {' and '.join(f'{seconds:.1f}' for seconds in left)} s left"


def certificate_replaced(stage: Stage) -> str:
    """The certificate is replaced.

    The new one has a key of its own. From now on the provider knows only that.
    """
    application, old, new = stage.scenario.application, stage.scenario.certificate, make_certificate(fresh=True)
    application.add_certificate(new.certificate_pem)
    began = time.monotonic()
    stage.kubectl("replace", "-f", "-", stdin=_tls_secret(new))
    application.remove_certificate(old.thumbprint_sha256)
    stage.timeline.say(f"the provider revoked {old.thumbprint_sha1}")
    thumbprint = new.thumbprint_sha256
    token = stage.wait_for_token(lambda seen: seen.issued.thumbprint == thumbprint, "a token by the new key")
    seconds = token.first - began
    stage.verify(
        f"a token by the new key is in the Secret, after {seconds:.1f} s",
        seconds <= NEW_KEY,
        expected=f"a token by the new key within {NEW_KEY:g} s",
        seen=f"one after {seconds:.1f} s",
    )
    return f"a token by the new key after {seconds:.1f} s"


def target_deleted(stage: Stage) -> str:
    """The target is deleted.

    The operator writes a new Secret.
    """
    before = stage.sampler.sightings[-1]
    with stage.sampler.expecting(Hole.ABSENT):
        stage.kubectl("delete", "secret", TARGET, "--wait=false")
        token = stage.wait_for_token(lambda seen: seen.uid != before.uid, f"another Secret {TARGET}")
    return claims.verify_repair(stage, token)


def target_edited(stage: Stage) -> str:
    """The target is edited.

    The operator replaces what somebody wrote into it.
    """
    before = stage.sampler.sightings[-1].number
    with stage.sampler.expecting(Hole.EDITED):
        stage.kubectl("patch", "secret", TARGET, "-p", '{"stringData":{"token":"mine"}}')
        token = stage.wait_for_token(lambda seen: seen.number > before, f"a token in Secret {TARGET} again")
    return claims.verify_repair(stage, token)


def provider_down(stage: Stage) -> str:
    """The provider is down.

    It answers every request for a token with 503, until the last good token has five seconds left.
    """
    last, earlier = stage.sampler.sightings[-1], stage.entra.token_requests
    stage.timeline.say(f"token {last.number} is due to be renewed in {last.left - (last.left_when_due or 0.0):.1f} s")
    with stage.entra.failing(server_error()):
        _await_low(stage, last)
        refused = stage.entra.requests[earlier:]
        claims.verify_attempts(stage, [request.time for request in refused])
        claims.verify_last_good(stage, last)
    stage.timeline.say("the provider is back")
    back = time.monotonic()
    token = stage.wait_for_token(lambda seen: seen.number > last.number, "a token once the provider is back")
    left = last.left_at(token.first)
    stage.verify(
        f"renewed by itself {token.first - back:.1f} s later, with {left:.1f} s left of token {last.number}",
        left > 0,
        seen=f"the last good token ended {-left:.1f} s before",
    )
    return f"{len(refused)} attempts failed, the next one had {left:.1f} s left"


def everything_adds_up(stage: Stage) -> str:
    """What was counted adds up.

    The provider's books are compared with what was seen in the Secret.
    """
    requests, issued = stage.entra.requests, stage.entra.issued
    failed = [request for request in requests if request.status != HTTPStatus.OK]
    unexpected = Counter(request.status for request in failed if request.status != HTTPStatus.SERVICE_UNAVAILABLE)
    stage.verify(
        f"{len(issued)} tokens were issued, and each one was seen in the Secret",
        len(issued) == len(stage.sampler.sightings),
        seen=f"{len(stage.sampler.sightings)} in the Secret",
    )
    stage.verify(
        f"{len(requests)} requests; none failed but the {len(failed)} while the provider was down",
        len(requests) == len(issued) + len(failed) and not unexpected,
        seen=f"others that were answered with {dict(unexpected)}",
    )
    return f"{len(requests)} token requests, {len(issued)} tokens"


ACTS: tuple[Callable[[Stage], str], ...] = (
    first_token,
    two_renewals,
    certificate_replaced,
    target_deleted,
    target_edited,
    provider_down,
    everything_adds_up,
)


def _tls_secret(certificate: ClientCertificate) -> str:
    """The manifest that `kubectl create secret tls` makes."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": CERTIFICATE_SECRET},
            "data": encoded(certificate.secret_data()),
        }
    )


def _await_low(stage: Stage, last: Sighting) -> None:
    """Wait until a token is low, and tell of each request for a new one."""
    told = stage.entra.token_requests

    def low() -> bool:
        nonlocal told
        for _ in stage.entra.requests[told:]:
            told += 1
            stage.timeline.event(f"a token is asked for in vain; the last good one has {last.left:.1f} s left")
        return last.left <= LOW

    stage.wait(low, f"{LOW:g} s left of token {last.number}", patience=LIFETIME)
