"""The parser of answers, on any bytes: from an HTTP response over MSAL to a token, or to one of our errors.

An input is a letter that says what was asked and how, an HTTP status, headers each on a line, an empty line, and the body.
"""

import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from tokensync.clock import SystemClock
from tokensync.credentials.proof import ClientSecret
from tokensync.errors import SpecError, TokenSyncError
from tokensync.identity.acceptance import LONGEST_LIFETIME, accept
from tokensync.identity.application import request_token
from tokensync.identity.asked import Asked
from tokensync.identity.conversation import Conversation
from tokensync.identity.hosts import Address
from tokensync.identity.metadata import Metadata
from tokensync.identity.response import Response
from tokensync.resource.spec import Spec

CORPUS = Path(__file__).parent / "corpus" / "response"
SECRET = "what-was-sent-as-client-secret"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONGEST_TEXT = 4096

_HEAD = re.compile(rb"([a-z])([0-9]{3})\n((?:[^\n]*[^\n]\n)*)\n", re.DOTALL)
_PROOF = ClientSecret(SECRET, "version-1")
_CREDENTIAL = {"clientSecret": {"secretKeyRef": {"name": "fuzz", "key": "secret"}}}
_HOST = Address("idp.example", 443, "")


def _spec(provider: dict[str, Any], *scopes: str) -> Spec:
    return Spec.model_validate(
        {
            "provider": provider,
            "clientId": "fuzz",
            "scopes": scopes,
            "credential": _CREDENTIAL,
            "target": {"name": "fuzz"},
        }
    )


SPECS = {
    "e": _spec({"entra": {"tenantId": "6babcaad-604b-40ac-a9d7-9fd97c0b779f"}}, "https://graph.microsoft.com/.default"),
    "i": _spec({"oidc": {"issuer": "https://idp.example/op"}}, "a", "b"),
    "o": _spec({"oauth2": {"tokenEndpoint": "https://idp.example/token"}}),
}
"""By the first letter of an input; with `i` the answer is the discovery document too."""


class Answering:
    """The transport: sends nothing."""

    def __init__(self, response: Response) -> None:
        self._response = response

    async def send(self, *_request: object, **_more: object) -> Response:
        """The answer that is tried."""
        return self._response


class Answered(Conversation):
    """A conversation in which every question gets the same answer.

    Attributes:
        told: what the provider knows by now and must not be shown again; nothing until a token was asked for.
    """

    def __init__(self, spec: Spec, response: Response) -> None:
        nothing, transport = cast("Any", None), cast("Any", Answering(response))
        asked = Asked.of(spec, _PROOF)
        super().__init__(loop=nothing, transport=transport, discovery=nothing, asked=asked, begun_at=NOW)
        self._response = response
        self.told: tuple[str, ...] = ()

    def discover(self, address: Address) -> Metadata:
        """Read the answer as a discovery document; that of Entra is good, so that the token is asked for."""
        if self.asked.provider == "entra":
            endpoint = f"https://{self.asked.host}/token"
            return Metadata(address, f"https://{self.asked.host}/issuer", endpoint)
        return Metadata.read(self._read_metadata(self._response), address)

    def _wait_for(self, request: Callable[[], Coroutine[Any, Any, Any]], address: Address) -> Any:  # noqa: ARG002 - the real one's
        """Without an event loop: nothing here waits."""
        self.told = (SECRET,)
        try:
            request().send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("it waits")


def try_one(data: bytes) -> None:
    """Anything but a token that can be stored, or one of our own errors that can be shown, is a finding."""
    outcome_of(data)


def outcome_of(data: bytes) -> str:
    """`token`, or the reason of the error; empty for what is no input."""
    head = _HEAD.match(data)
    if head is None:
        return ""
    spec = SPECS.get(head[1].decode(), SPECS["o"])
    response = Response(int(head[2]), _headers(head[3]), data[head.end() :], NOW, NOW + timedelta(seconds=1))
    conversation = Answered(spec, response)
    try:
        answer = request_token(conversation, spec, _PROOF, SystemClock())
        token = accept(answer, asked=conversation.asked, sent_at=NOW)
    except TokenSyncError as error:
        _check_error(error, conversation.told)
        return error.reason
    if not (token.value.isascii() and token.value.isprintable() and " " not in token.value):
        raise AssertionError("a token that is not visible ASCII")
    if not timedelta(0) < token.lifetime <= LONGEST_LIFETIME:
        raise AssertionError(token.lifetime)
    _check_text(token.scope, conversation.told)
    return "token"


def _check_error(error: TokenSyncError, told: tuple[str, ...]) -> None:
    if error.__cause__ or error.__context__:
        raise AssertionError("an error that leads to another")
    if isinstance(error, SpecError):
        raise AssertionError(error.reason)  # noqa: TRY004 - a finding, whatever the type
    _check_text(f"{error.text} {vars(error)}", told)


def _check_text(text: str, told: tuple[str, ...]) -> None:
    if any(secret in text for secret in told) or not text.isprintable() or len(text) > 2 * LONGEST_TEXT:
        raise AssertionError("a text that cannot be shown")


def _headers(lines: bytes) -> dict[str, str]:
    pairs = (line.partition(b":")[::2] for line in lines.splitlines())
    return {name.decode("latin-1"): value.decode("latin-1").strip() for name, value in pairs}
