"""Access tokens from identity providers, for the controller."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

from tokensync.clock import Clock
from tokensync.credentials.proof import Proof
from tokensync.errors import Reason, TokenSyncError
from tokensync.identity.acceptance import accept
from tokensync.identity.application import request_token
from tokensync.identity.asked import Asked
from tokensync.identity.authority import authority, authority_field
from tokensync.identity.budget import RequestBudget
from tokensync.identity.channels import Channel, Channels
from tokensync.identity.conversation import Conversation
from tokensync.identity.discovery import Discovery
from tokensync.identity.hosts import AllowList
from tokensync.identity.parameters import form_parameters
from tokensync.identity.proxies import Proxies
from tokensync.identity.transport import Transport
from tokensync.identity.trust import trust, trust_only
from tokensync.resource.spec import Spec
from tokensync.telemetry.metrics import Metrics
from tokensync.token import AccessToken


class MsalTokenSource:
    """Acquires tokens with MSAL, over shared connections. Used from one event loop.

    Args:
        clock: what time it is.
        allowed_hosts: `host[:port][/path prefix]`, `*.` for subdomains.
        ca_bundle: a PEM file with authorities that are trusted beside the system's.
        proxy: for all hosts; None for `HTTPS_PROXY` and `NO_PROXY`.
        requests_per_second: for each host and client; None for no limit.
        threads: acquisitions at once.
        metrics: count acquisitions.

    Raises:
        ValueError: for a host, file or proxy that cannot be used; the message names the setting.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        allowed_hosts: Sequence[str],
        ca_bundle: Path | None,
        proxy: str | None,
        requests_per_second: float | None,
        threads: int,
        metrics: Metrics,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._allowed = AllowList(allowed_hosts)
        self._budget = RequestBudget(requests_per_second, clock)
        self._proxies = Proxies(proxy)
        self._trusted = trust(ca_bundle)
        self._channels = Channels(self._open_channel)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="msal")
        self._conversations: set[Conversation] = set()

    def check(self, spec: Spec) -> None:
        """Refuse a resource whose tokens may not be requested here. Sends nothing.

        Raises:
            SpecError: `HostNotAllowed`, or `InvalidSpec`.
        """
        form_parameters(spec)
        self._allowed.require(authority(spec), authority_field(spec.provider))

    def endpoint(self, spec: Spec) -> str:
        """A name for where tokens come from, `login.microsoftonline.com/<tenant>`: what shares its fate has the same one.

        Raises:
            SpecError: `InvalidSpec`.
        """
        address = authority(spec)
        return f"{address.origin}{address.path}".removesuffix("/")

    def host(self, spec: Spec) -> str:
        """The host and port of the above, `login.microsoftonline.com`.

        Raises:
            SpecError: `InvalidSpec`.
        """
        return authority(spec).origin

    def take_turn(self, spec: Spec) -> timedelta:
        """How long the request budget asks this client to wait. Zero takes a slot: `acquire` is to follow at once.

        Raises:
            SpecError: `InvalidSpec`.
        """
        return self._budget.delay(authority(spec).origin, spec.client_id)

    async def acquire(self, spec: Spec, proof: Proof, *, authorities: str = "") -> AccessToken:
        """Request a token, proved with this. Always asks the provider; gives up after ten seconds.

        Args:
            spec: of the resource.
            proof: who the client is.
            authorities: certificates in PEM that the provider's must come from; empty for what the operator trusts.

        Raises:
            SpecError: `HostNotAllowed`, or `InvalidSpec`.
            ProviderError: if the provider refused, cannot be reached, or answered with what is no token.
        """
        with self._counted(spec):
            async with self._channels.use(authorities) as channel:
                return await self._acquire(spec, proof, channel)

    async def _acquire(self, spec: Spec, proof: Proof, channel: Channel) -> AccessToken:
        loop = asyncio.get_running_loop()
        asked = Asked.of(spec, proof)
        conversation = Conversation(
            loop=loop,
            transport=channel.transport,
            discovery=channel.discovery,
            asked=asked,
            begun_at=self._clock.now(),
        )
        self._conversations.add(conversation)
        try:
            answer = await loop.run_in_executor(self._threads, request_token, conversation, spec, proof, self._clock)
        finally:
            conversation.abort()
            self._conversations.discard(conversation)
        return accept(answer, asked=conversation.asked, sent_at=conversation.sent_at)

    async def close(self) -> None:
        """Cancel what is under way, and whoever waits for it, and close all connections."""
        for conversation in self._conversations:
            conversation.abort()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        await self._channels.close()

    def _open_channel(self, authorities: str) -> Channel:
        transport = Transport(
            clock=self._clock,
            allowed=self._allowed,
            trusted=trust_only(authorities) if authorities else self._trusted,
            bundled=bool(authorities),
            proxies=self._proxies,
            metrics=self._metrics,
        )
        return Channel(transport, Discovery(transport, self._clock))

    @contextlib.contextmanager
    def _counted(self, spec: Spec) -> Iterator[None]:
        """Count an acquisition when it ends, unless it was cancelled."""
        began = self._clock.monotonic()
        count = partial(self._metrics.count_acquisition, spec.provider.kind)
        try:
            yield
        except Exception as error:
            reason = error.reason if isinstance(error, TokenSyncError) else Reason.INTERNAL_ERROR
            count("failure", reason, self._clock.monotonic() - began)
            raise
        count("success", Reason.RENEWED, self._clock.monotonic() - began)
