"""MSAL, used for one token at a time."""

import logging
from collections.abc import Mapping
from typing import Any

import msal

from tokensync.clock import Clock
from tokensync.credentials.assertion import sign_assertion
from tokensync.credentials.pair import KeyPair
from tokensync.identity.conversation import Conversation
from tokensync.identity.entra import authority
from tokensync.identity.failures import unusable
from tokensync.resource.spec import Spec

# It logs bodies of answers, tokens included, when it cannot read them.
logging.getLogger("msal").setLevel(logging.CRITICAL)


class _NothingCached(msal.TokenCache):  # type: ignore[misc]  # MSAL has no types
    """Remembers nothing: the target Secret is the cache. MSAL's own, shared, would hand out old tokens."""

    def add(self, event: object, now: object = None) -> None:
        """Forget the token."""


def request_token(conversation: Conversation, spec: Spec, pair: KeyPair, clock: Clock) -> Mapping[str, Any]:
    """Let MSAL request a token, and return the answer's members. Blocks; every call signs anew and asks the provider.

    A fresh application each time costs 0.1 ms. One that lives longer repeats its assertion's `jti`, and its errors.

    Raises:
        TokenSyncError: what the conversation and the signing raise, and `ProviderResponseInvalid` for what MSAL cannot
            use.
    """

    def sign(context: Mapping[str, str]) -> str:
        return sign_assertion(pair, client_id=spec.client_id, audience=context["token_endpoint"], now=clock.now())

    try:
        application = msal.ConfidentialClientApplication(
            spec.client_id,
            authority=authority(spec).url,
            client_credential={"client_assertion": sign},
            http_client=conversation,
            token_cache=_NothingCached(),
            instance_discovery=False,  # asks another host, after errors too
            azure_region=False,  # or MSAL_FORCE_REGION decides
        )
        answer: Mapping[str, Any] = application.acquire_token_for_client(list(spec.scopes))
    except (ValueError, TypeError):
        answer = {}
    if not answer:
        raise unusable(authority(spec), "what MSAL cannot use")
    return answer
