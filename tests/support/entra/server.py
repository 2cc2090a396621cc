"""The fake provider as tests, demo and benchmarks use it."""

import ssl
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from support.entra.assertion import AssertionVerifier
from support.entra.bystander import Bystander
from support.entra.directory import Application, Directory, FederatedCredential, Tenant
from support.entra.endpoints import Endpoints
from support.entra.faults import Fault
from support.entra.grant import Grant
from support.entra.journal import Journal, TokenRequest
from support.entra.listener import ADDRESS, Listener
from support.entra.loop_thread import LoopThread
from support.entra.metadata import Addresses
from support.entra.switchboard import Endpoint, Switchboard
from support.entra.tokens import IssuedToken
from tokensync.clock import Clock, SystemClock


class FakeEntra:
    """A strict Microsoft Entra ID, over TLS, in a thread of its own.

    Everything here may be used from any thread while it runs. It has one tenant from the start.

    Attributes:
        lifetime: of tokens issued from now on: what `expires_in` tells, in whole seconds.
        clock_offset: how far the provider's clock is ahead of ours.
        tenant_id: of the first tenant.
        domain: of the first tenant.
        ca_pem: the certificate authority that clients have to trust; nobody else's certificates come from it.
    """

    def __init__(
        self,
        lifetime: timedelta = timedelta(hours=1),
        clock: Clock | None = None,
        *,
        address: str = ADDRESS,
        padded_thumbprints: bool = False,
    ) -> None:
        """Prepare it; `start`, or `with`, opens the port.

        Args:
            lifetime: of tokens.
            clock: the provider's; the machine's unless told.
            address: this machine's, where it listens; the loopback one unless told.
            padded_thumbprints: take `x5t` as MSAL writes it when it signs by itself. RFC 7515 forbids it, Entra takes it.
        """
        self.lifetime = lifetime
        self.clock_offset = timedelta()
        self.tenant_id = str(uuid.uuid4())
        self.domain = f"fake-{self.tenant_id[:8]}.onmicrosoft.com"
        self._address = address
        self._name = "localhost" if address == ADDRESS else address
        self._clock = clock or SystemClock()
        self._ca = trustme.CA()
        self.ca_pem = self._ca.cert_pem.bytes()
        self._directory = Directory()
        self._journal = Journal()
        self._verifier = AssertionVerifier(padded_thumbprints=padded_thumbprints)
        self.add_tenant(self.tenant_id, self.domain)

    def start(self) -> Self:
        """Open the port."""
        self._thread = LoopThread("fake-entra")
        tls = self._tls()
        self._bystander = Bystander(tls)
        self._switchboard = Switchboard(self._bystander.origin, self._thread.call)
        self._listener = Listener(lambda: self._endpoints().application(), tls, self._address)
        self._thread.run(self._bystander.listener.open())
        self._thread.run(self._listener.open())
        return self

    def stop(self) -> None:
        """Close the port and cut what is under way."""
        self._thread.run(self._listener.close())
        self._thread.run(self._bystander.listener.close())
        self._thread.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """The authority host, `host:port`; the same for as long as it lives."""
        return f"{self._name}:{self._listener.port}"

    def now(self) -> datetime:
        """The provider's time."""
        return self._clock.now() + self.clock_offset

    def write_ca(self, path: Path) -> Path:
        """Write `ca_pem` to a file."""
        path.write_bytes(self.ca_pem)
        return path

    def add_tenant(self, tenant_id: str, domain: str) -> None:
        """Add another tenant, that knows Microsoft Graph and no application."""
        self._directory.add(Tenant(tenant_id, domain))

    def add_resource(self, resource: str, *, tenant_id: str | None = None) -> None:
        """Let tokens be had for another resource, of the first tenant unless told."""
        self._tenant(tenant_id).resources.add(resource)

    def register(
        self,
        client_id: str | None = None,
        certificates: Iterable[bytes] = (),
        *,
        client_secrets: Iterable[str] = (),
        federated: Iterable[FederatedCredential] = (),
        tenant_id: str | None = None,
    ) -> Application:
        """Register an application.

        Args:
            client_id: a new one unless told.
            certificates: the first of each PEM is registered.
            client_secrets: values that never expire; `Application.add_client_secret` takes others.
            federated: whose tokens it takes for its own assertions: `FederatedCredential(issuer, subject, audience, jwks)`.
            tenant_id: the first tenant unless told.
        """
        application = Application(client_id or str(uuid.uuid4()), federated=list(federated))
        for pem in certificates:
            application.add_certificate(pem)
        for value in client_secrets:
            application.add_client_secret(value)
        return self._tenant(tenant_id).register(application)

    def failing(
        self, fault: Fault, *, endpoint: Endpoint = Endpoint.TOKEN, times: int | None = None
    ) -> AbstractContextManager[None]:
        """Let something go wrong within the block, with every request or with the next few."""
        return self._switchboard.failing(fault, endpoint, times)

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Cut all connections and refuse new ones within the block."""
        self._thread.run(self._listener.close())
        try:
            yield
        finally:
            self._thread.run(self._listener.open())

    @property
    def requests(self) -> list[TokenRequest]:
        """Requests for tokens, by arrival, good or not."""
        return self._journal.requests

    @property
    def token_requests(self) -> int:
        """How many of them there were."""
        return len(self.requests)

    @property
    def discovery_requests(self) -> int:
        """How often a tenant's metadata was asked for."""
        return self._journal.discovery_requests

    @property
    def issued(self) -> list[IssuedToken]:
        """All tokens handed out, in order."""
        return self._journal.issued

    @property
    def assertions(self) -> list[str]:
        """All assertions received, in order, good or not."""
        return self._journal.assertions

    @property
    def redirects_followed(self) -> int:
        """How many requests the host got that `Redirected` points at. A client that is right makes none."""
        return self._bystander.requests

    def _tenant(self, tenant_id: str | None) -> Tenant:
        tenant = self._directory.find(tenant_id or self.tenant_id)
        if tenant is None:
            raise LookupError(f"no tenant {tenant_id}")
        return tenant

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(self._name, self._address).configure_cert(context)
        return context

    def _endpoints(self) -> Endpoints:
        addresses = Addresses(self.host)
        return Endpoints(
            directory=self._directory,
            grant=Grant(self._verifier, addresses, lambda: self.lifetime),
            addresses=addresses,
            journal=self._journal,
            switchboard=self._switchboard,
            now=self.now,
        )
