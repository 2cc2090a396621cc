"""Nothing leaves for a host that the administrator did not allow: a server that listens there receives no byte."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme

from support.certificates import make_certificate
from support.entra import FakeEntra
from support.token_source import CLIENT, SCOPE, TENANT, make_pair, token_source_for
from tokensync.credentials.proof import ClientSecret, Proof
from tokensync.errors import ProviderError, Reason, SpecError, TokenSyncError
from tokensync.resource.spec import Spec

NAME = "login.example.com"


@pytest.fixture(scope="module")
def entra() -> Iterator[FakeEntra]:
    """The provider that is allowed, where one is."""
    with FakeEntra() as running:
        yield running


class Server:
    """Listens on all addresses of this machine, and notes what comes.

    Attributes:
        port: where.
        visitors: how many connections there were; with TLS, how many that were set up.
        received: all bytes, without TLS.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.visitors = 0
        self.received = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read what comes first, and hang up."""
        self.visitors += 1
        self.received += await reader.read(65536)
        writer.close()


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server."""
    both = socket.has_dualstack_ipv6()
    listener = socket.create_server(
        ("::" if both else "0.0.0.0", 0),  # noqa: S104  every way to this machine is one that must not be gone
        family=socket.AF_INET6 if both else socket.AF_INET,
        dualstack_ipv6=both,
    )
    server = Server(listener.getsockname()[1])
    async with await asyncio.start_server(server.serve, sock=listener, ssl=tls):
        yield server


class Lookups:
    """The machine's DNS, in which one name has the addresses that a test gives it.

    Attributes:
        count: how often it was asked for that name.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
        self.count = 0
        self._addresses = addresses
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Look a name up."""
        if host != NAME:
            return self._real(host, port, *args, **kwargs)
        self.count += 1
        return [_answer(address, port) for address in self._addresses]


def _answer(address: str, port: int) -> tuple[Any, ...]:
    stream = socket.SOCK_STREAM, socket.IPPROTO_TCP, ""
    if ":" in address:
        return (socket.AF_INET6, *stream, (address, port, 0, 0))
    return (socket.AF_INET, *stream, (address, port))


def spec_of(provider: dict[str, Any]) -> Spec:
    return Spec.model_validate(
        {
            "provider": provider,
            "clientId": CLIENT,
            "scopes": [SCOPE],
            "credential": {"certificate": {"secretRef": {"name": "graph-client-certificate"}}},
            "target": {"name": "graph-token"},
        }
    )


def entra_at(host: str) -> Spec:
    return spec_of({"entra": {"tenantId": TENANT, "authorityHost": host}})


async def failure(
    entra: FakeEntra, spec: Spec, *, allowed: str, proof: Proof | None = None, **settings: Any
) -> TokenSyncError:
    """What an acquisition fails with."""
    async with token_source_for(entra, allowed_hosts=[allowed], **settings) as source:
        with pytest.raises(TokenSyncError) as caught:
            await source.acquire(spec, proof or make_pair(make_certificate()))
    return caught.value


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("proof", [None, ClientSecret("hunter2", "uid.1")], ids=["certificate", "client secret"])
@pytest.mark.parametrize(
    ("provider", "field"),
    [
        ({"entra": {"tenantId": TENANT, "authorityHost": "{host}"}}, "spec.provider.entra"),
        ({"oidc": {"issuer": "https://{host}/realms/a"}}, "spec.provider.oidc.issuer"),
        ({"oauth2": {"tokenEndpoint": "https://{host}/token"}}, "spec.provider.oauth2.tokenEndpoint"),
    ],
)
async def test_a_host_that_is_not_listed_receives_nothing(
    entra: FakeEntra, provider: dict[str, dict[str, str]], field: str, proof: Proof | None, host: str
) -> None:
    """Whatever names it, an address too, for which no name is looked up, and whatever would be sent.

    What is refused before it is tried names the field of the spec.
    """
    async with listening() as server:
        spec = spec_of(
            {
                kind: {name: value.replace("{host}", f"{host}:{server.port}") for name, value in fields.items()}
                for kind, fields in provider.items()
            }
        )
        error = await failure(entra, spec, allowed=entra.host, proof=proof)
        async with token_source_for(entra) as source:
            with pytest.raises(SpecError, match=f"setting allowed-hosts, or correct {field}$"):
                source.check(spec)
    assert error.reason is Reason.HOST_NOT_ALLOWED
    assert server.visitors == 0


HERE = ["127.0.0.1", "127.8.8.8", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"]  # noqa: S104  nothing is bound to it


@pytest.mark.parametrize("address", HERE)
async def test_a_name_under_a_pattern_does_not_lead_here(
    entra: FakeEntra, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Its DNS may say what it likes; it is asked once, so that there is no second answer to connect to."""
    lookups = Lookups(monkeypatch, address)
    async with listening() as server:
        host = f"{NAME}:{server.port}"
        error = await failure(entra, entra_at(host), allowed=f"*.example.com:{server.port}")
    assert (error.reason, server.visitors, lookups.count) == (Reason.HOST_NOT_ALLOWED, 0, 1)
    assert error.message.startswith(f"{host} resolves to loopback, link-local, multicast or metadata service addresses")


async def test_a_name_of_its_own_may_lead_here(entra: FakeEntra, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same name and address somebody comes: the servers above would have had visitors."""
    Lookups(monkeypatch, "127.0.0.1")
    async with listening() as server:
        host = f"{NAME}:{server.port}"
        error = await failure(entra, entra_at(host), allowed=host)
    assert isinstance(error, ProviderError)
    assert server.visitors
    assert server.received.startswith(b"\x16\x03")  # a TLS handshake


async def test_behind_a_proxy_names_are_not_looked_up(entra: FakeEntra, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy does that, and what it may connect to is its administrator's business; it may be on this machine."""
    lookups = Lookups(monkeypatch, "127.0.0.1")
    async with listening() as proxy:
        error = await failure(
            entra, entra_at(NAME), allowed="*.example.com", proxy=f"http://user:hunter2@localhost:{proxy.port}"
        )
    assert error.reason is Reason.PROVIDER_UNREACHABLE
    assert proxy.received.startswith(f"CONNECT {NAME}:443 HTTP/1.1\r\n".encode())
    assert lookups.count == 0


@pytest.mark.parametrize("proof", [None, ClientSecret("hunter2", "uid.1")], ids=["certificate", "client secret"])
@pytest.mark.parametrize("bundled", [True, False])
async def test_a_server_that_is_not_trusted_receives_nothing(
    entra: FakeEntra, proof: Proof | None, bundled: bool
) -> None:
    """The connection ends before anything is sent through it, whoever says what is trusted."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(tls)
    async with listening(tls) as server, token_source_for(entra, allowed_hosts=[f"localhost:{server.port}"]) as source:
        spec = spec_of({"oauth2": {"tokenEndpoint": f"https://localhost:{server.port}/token"}})
        with pytest.raises(ProviderError, match="ProviderUntrusted"):
            await source.acquire(
                spec,
                proof or make_pair(make_certificate()),
                authorities=entra.ca_pem.decode() if bundled else "",
            )
    assert server.visitors == 0
