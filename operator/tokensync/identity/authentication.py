"""How the client authenticates (RFC 6749, section 2.3; RFC 7521, section 4.2), as MSAL takes it."""

from collections.abc import Callable, Mapping
from typing import Any

from msal.oauth2cli import Client

from tokensync.clock import Clock
from tokensync.credentials.assertion import sign_assertion
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.proof import ClientSecret, FederatedToken, Proof
from tokensync.errors import Reason, SpecError
from tokensync.identity.conversation import Conversation
from tokensync.resource.credential import AssertionAudience, CertificateCredential, SecretTransport
from tokensync.resource.spec import Spec

Assert = Callable[[Mapping[str, str]], str]
"""MSAL calls it with `client_id` and `token_endpoint` when it wants an assertion."""


def is_in_header(spec: Spec) -> bool:
    """Whether a client secret is to be sent as `client_secret_basic`."""
    form = spec.credential.client_secret
    return form is not None and form.method is SecretTransport.BASIC


def for_application(conversation: Conversation, spec: Spec, proof: Proof, clock: Clock) -> str | dict[str, Assert]:
    """The `client_credential` of an MSAL application. A client secret goes into the body."""
    if isinstance(proof, ClientSecret):
        return proof.value
    return {"client_assertion": _assertion(conversation, spec, proof, clock)}


def for_client(conversation: Conversation, spec: Spec, proof: Proof, clock: Clock) -> dict[str, Any]:
    """The arguments of MSAL's OAuth 2.0 client that authenticate it."""
    if not isinstance(proof, ClientSecret):
        return {
            "client_assertion": _assertion(conversation, spec, proof, clock),
            "client_assertion_type": Client.CLIENT_ASSERTION_TYPE_JWT,
        }
    if is_in_header(spec):
        # The header names the client already. Named in the body too, some servers take it for a second way to
        # authenticate, of which there must be only one (RFC 6749, section 2.3).
        return {"client_secret": proof.value, "default_body": {"client_id": None}}
    return {"default_body": {"client_secret": proof.value}}


def _assertion(conversation: Conversation, spec: Spec, proof: KeyPair | FederatedToken, clock: Clock) -> Assert:
    if isinstance(proof, FederatedToken):
        return lambda _: proof.value
    form: CertificateCredential = spec.credential.certificate  # type: ignore[assignment]  # a pair comes from nothing else

    def sign(context: Mapping[str, str]) -> str:
        to_issuer = form.audience is AssertionAudience.ISSUER
        audience = _issuer(conversation, spec) if to_issuer else context["token_endpoint"]
        return sign_assertion(proof, form, client_id=spec.client_id, audience=audience, now=clock.now())

    return sign


def _issuer(conversation: Conversation, spec: Spec) -> str:
    metadata = conversation.metadata
    if metadata is None:
        raise SpecError(
            Reason.INVALID_SPEC,
            "a bare token endpoint has no issuer that an assertion could be addressed to",
            remedy="set spec.credential.certificate.audience to TokenEndpoint, or name the issuer in spec.provider.oidc",
        )
    metadata.require_issuer(spec.provider)
    return metadata.issuer
