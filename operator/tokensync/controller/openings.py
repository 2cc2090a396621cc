"""Encrypted credentials, one after the other: the file says how long opening it takes, up to seconds of a processor.

No worker waits for that. Who needs one is told to come back, and woken when it is there. A few are opened at once, never two
of one namespace, and the namespaces take turns: so many files that take long delay those of others by little.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn

from tokensync.clock import Clock
from tokensync.controller.ending import is_to_end
from tokensync.controller.inventory import Inventory
from tokensync.errors import ClusterError
from tokensync.resource.credential import CertificateCredential
from tokensync.resource.spec import Key

TOLD_SECONDS = 2.0
"""For so long a failure is that of all who need the same; after it they may have it tried again."""
FIRST_RETRY_SECONDS = 10.0
LONGEST_RETRY_SECONDS = 900.0


class NotOpenedYetError(Exception):
    """An encrypted credential waits for its turn: who needs it is woken, and decides anew."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """What a credential could not be opened or read for, which may pass.

    Attributes:
        error: what was raised.
        traceback: from where; each time that the error is raised again would add to it.
        version: of the Secret, None if there is none: another one is tried at once.
        times: how often in a row.
        until: when it may be tried again, on the monotonic clock.
    """

    error: Exception
    traceback: TracebackType | None
    version: str | None
    times: int
    until: float


class Openings:
    """What waits to be opened, by namespace, and what failed of it lately.

    Attributes:
        wake: what is told the resources whose credential was opened, or could not be.
    """

    def __init__(
        self, open_one: Callable[[Key, CertificateCredential], Awaitable[object]], inventory: Inventory, clock: Clock
    ) -> None:
        """Prepare; `open_one` reads and opens a Secret's credential, and keeps it.

        It raises what may pass by itself, and keeps what is wrong with the Secret.
        """
        self.wake: Callable[[Iterable[Key]], None] = lambda _: None
        self._open_one = open_one
        self._inventory = inventory
        self._clock = clock
        self._waiting: dict[str, dict[Key, CertificateCredential]] = {}
        self._busy: dict[str, Key] = {}
        self._changed = asyncio.Event()
        self._failures: dict[Key, dict[CertificateCredential, _Failure]] = {}

    def require(self, secret: Key, form: CertificateCredential) -> NoReturn:
        """Have a credential opened.

        Raises:
            NotOpenedYetError: if it has to wait for its turn.
            Exception: what it failed of lately, if that is to be tried again later.
        """
        failure = self._failure(secret, form)
        if failure and self._clock.monotonic() < failure.until:
            raise failure.error.with_traceback(failure.traceback)
        if self._busy.get(secret.namespace) != secret:  # else who needs it is woken when that ends, and may ask again
            self._waiting.setdefault(secret.namespace, {}).setdefault(secret, form)
            self._changed.set()
        raise NotOpenedYetError(str(secret))

    def forget(self, secret: Key) -> None:
        """Drop what a Secret failed of that no resource names any more."""
        self._failures.pop(secret, None)

    async def work(self) -> None:
        """Open one after the other until cancelled; others may do so at the same time."""
        while True:
            secret, form = await self._next()
            self._busy[secret.namespace] = secret
            try:
                await self._open(secret, form)
            except asyncio.CancelledError:
                if is_to_end():
                    raise
            finally:
                del self._busy[secret.namespace]
                self._changed.set()
            self.wake(self._inventory.users_of(secret))

    async def _next(self) -> tuple[Key, CertificateCredential]:
        while True:
            namespace = next((each for each in self._waiting if each not in self._busy), None)
            if namespace is not None:
                return self._take(namespace)
            self._changed.clear()
            await self._changed.wait()

    def _take(self, namespace: str) -> tuple[Key, CertificateCredential]:
        """The one that has waited longest there; the others wait behind those of other namespaces."""
        waiting = self._waiting.pop(namespace)
        secret = next(iter(waiting))
        form = waiting.pop(secret)
        if waiting:
            self._waiting[namespace] = waiting
        return secret, form

    async def _open(self, secret: Key, form: CertificateCredential) -> None:
        if not self._inventory.users_of(secret):
            return
        failure = None
        try:
            await self._open_one(secret, form)
        except Exception as error:  # noqa: BLE001  whoever needs the credential raises it
            failure = self._failed(secret, form, error)
        if failure and self._inventory.users_of(secret):
            self._failures.setdefault(secret, {})[form] = failure
        else:
            self.forget(secret)

    def _failed(self, secret: Key, form: CertificateCredential, error: Exception) -> _Failure:
        before = self._failure(secret, form)
        times = before.times + 1 if before else 1
        wait = min(FIRST_RETRY_SECONDS * 2 ** min(times - 1, 16), LONGEST_RETRY_SECONDS)
        if isinstance(error, ClusterError):
            wait = TOLD_SECONDS
        return _Failure(error, error.__traceback__, self._version(secret), times, self._clock.monotonic() + wait)

    def _failure(self, secret: Key, form: CertificateCredential) -> _Failure | None:
        """What this version of the Secret failed of."""
        failure = self._failures.get(secret, {}).get(form)
        return failure if failure and failure.version == self._version(secret) else None

    def _version(self, secret: Key) -> str | None:
        known = self._inventory.secret(secret)
        return known.resource_version if known else None
