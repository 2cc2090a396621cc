"""MSAL, used for one token at a time."""

import logging
from collections.abc import Mapping
from typing import Any

import msal
from msal.oauth2cli import Client

from tokensync.clock import Clock
from tokensync.credentials.proof import Proof
from tokensync.identity import authentication
from tokensync.identity.authority import authority, metadata_address
from tokensync.identity.conversation import Conversation
from tokensync.identity.failures import unusable
from tokensync.identity.parameters import form_parameters
from tokensync.resource.spec import Spec

# It logs bodies of answers, tokens included, when it cannot read them.
logging.getLogger("msal").setLevel(logging.CRITICAL)


class _NothingCached(msal.TokenCache):  # type: ignore[misc]  # MSAL has no types
    """Remembers nothing: the target Secret is the cache. MSAL's own fails over a lifetime that is no number."""

    def add(self, event: object, now: object = None) -> None:
        """Forget the token."""


def request_token(conversation: Conversation, spec: Spec, proof: Proof, clock: Clock) -> Mapping[str, Any]:
    """Let MSAL request a token, and return the answer's members. Blocks; every call signs anew and asks the provider.

    A fresh application each time costs 0.1 ms. One that lives longer repeats its assertion's `jti`, and its errors.

    Raises:
        TokenSyncError: what the conversation and the signing raise, and `ProviderResponseInvalid` for what MSAL cannot
            use.
    """
    by_application = spec.provider.entra and not authentication.is_in_header(spec)
    request = _request_by_application if by_application else _request_by_client
    try:
        answer = request(conversation, spec, proof, clock)
    except (ValueError, TypeError):
        answer = {}
    if not answer:
        raise unusable(authority(spec), "what MSAL cannot use")
    return answer


def _request_by_application(conversation: Conversation, spec: Spec, proof: Proof, clock: Clock) -> Mapping[str, Any]:
    application = msal.ConfidentialClientApplication(
        spec.client_id,
        authority=authority(spec).url,
        client_credential=authentication.for_application(conversation, spec, proof, clock),
        http_client=conversation,
        token_cache=_NothingCached(),
        instance_discovery=False,  # asks another host, after errors too
        azure_region=False,  # or MSAL_FORCE_REGION decides
    )
    answer: Mapping[str, Any] = application.acquire_token_for_client(list(spec.scopes))
    return answer


def _request_by_client(conversation: Conversation, spec: Spec, proof: Proof, clock: Clock) -> Mapping[str, Any]:
    """With the OAuth 2.0 client under MSAL's applications, which refuse issuers without a path and know one way for a secret."""
    client = Client(
        {"token_endpoint": _token_endpoint(conversation, spec)},
        spec.client_id,
        http_client=conversation,
        **authentication.for_client(conversation, spec, proof, clock),
    )
    scope = " ".join(spec.scopes) or None
    answer: Mapping[str, Any] = client.obtain_token_for_client(scope, data=form_parameters(spec))
    return answer


def _token_endpoint(conversation: Conversation, spec: Spec) -> str:
    if spec.provider.oauth2:
        return spec.provider.oauth2.token_endpoint
    metadata = conversation.discover(metadata_address(spec))
    if spec.provider.entra:
        metadata.require_own_token_endpoint()
    else:
        metadata.require_issuer(spec.provider)
    return metadata.token_endpoint
