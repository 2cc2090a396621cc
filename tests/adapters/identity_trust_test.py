"""Credentials travel over verified TLS only, whatever the environment says, and through a proxy unread."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from support.certificates import make_certificate
from support.entra import FakeEntra
from support.ports import free_port
from support.token_source import make_pair, register, spec_at, token_source_for
from tokensync.errors import ProviderError, Reason
from tokensync.identity.trust import trust

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server on the loopback address that hands each connection to a handler, as `localhost:port`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", free_port(), ssl=tls)
    async with server:
        yield f"localhost:{server.sockets[0].getsockname()[1]}"


async def hang_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Close at once."""


async def failure(host: str, ca_bundle: Path | None, *, authorities: str = "", **settings: object) -> ProviderError:
    """What an acquisition from a host fails with."""
    with FakeEntra() as entra:
        async with token_source_for(entra, allowed_hosts=[host], ca_bundle=ca_bundle, **settings) as source:
            spec, pair = spec_at(entra, authorityHost=host), make_pair(make_certificate())
            with pytest.raises(ProviderError) as caught:
                await source.acquire(spec, pair, authorities=authorities)
    return caught.value


def tls_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def ca() -> trustme.CA:
    """An authority."""
    return trustme.CA()


@pytest.fixture
def bundle(ca: trustme.CA, tmp_path: Path) -> Path:
    """Its certificate, in a file."""
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return path


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", None])
async def test_only_the_setting_adds_an_authority(
    variable: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables that other programs read add none; the message names the setting, and nothing was sent."""
    with FakeEntra() as entra:
        if variable:
            monkeypatch.setenv(variable, str(entra.write_ca(tmp_path / "ca.pem")))
        async with token_source_for(entra, ca_bundle=None) as source:
            with pytest.raises(ProviderError) as caught:
                await source.acquire(*register(entra))
        assert (entra.discovery_requests, entra.token_requests) == (0, 0)
    assert caught.value.reason is Reason.PROVIDER_UNTRUSTED
    assert caught.value.text == (
        f"the certificate of {entra.host} cannot be verified (unable to get local issuer certificate): if {entra.host} is "
        "what it should be, ask the administrator of tokensync to set ca-bundle to a PEM file with the authority that "
        "issued its certificate; for a server of your own, spec.provider has caBundleRef"
    )


async def test_no_variable_switches_verification_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even Python's own."""
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    with FakeEntra() as entra:
        assert (await failure(entra.host, None)).reason is Reason.PROVIDER_UNTRUSTED


async def test_a_certificate_for_another_name_is_not_trusted(ca: trustme.CA, bundle: Path) -> None:
    """However good its authority is."""
    async with listening(hang_up, tls_of(ca.issue_cert("login.example.com"))) as host:
        error = await failure(host, bundle)
    assert error.reason is Reason.PROVIDER_UNTRUSTED
    assert error.text == (
        f"the certificate of {host} cannot be verified (Hostname mismatch, certificate is not valid for 'localhost'): "
        f"correct spec.provider, or give {host} a certificate with its own name"
    )


async def test_an_expired_certificate_is_not_trusted(ca: trustme.CA, bundle: Path) -> None:
    """The person who runs that server can mend it, or the clock is wrong."""
    expired = ca.issue_cert("localhost", not_after=datetime.now(UTC) - timedelta(days=1))
    async with listening(hang_up, tls_of(expired)) as host:
        error = await failure(host, bundle)
    assert error.reason is Reason.PROVIDER_UNTRUSTED
    assert error.text == (
        f"the certificate of {host} cannot be verified (certificate has expired): renew the certificate of {host}, or "
        "correct the clock of the node that tokensync runs on"
    )


async def test_a_server_without_tls_is_told(bundle: Path) -> None:
    """Plain HTTP on an https port, as behind a balancer that is set up wrong."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with listening(plain) as host:
        error = await failure(host, bundle)
    assert (error.reason, error.message) == (
        Reason.PROVIDER_UNREACHABLE,
        f"{host} does not speak TLS as it is spoken here",
    )


@pytest.mark.parametrize(
    ("answer", "reason", "message"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", Reason.PROVIDER_RESPONSE_INVALID, "answered with something that is not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
            Reason.PROVIDER_RESPONSE_INVALID,
            "answered with something that is not HTTP",
        ),
        (b"", Reason.PROVIDER_UNREACHABLE, "broke the connection off before its answer was complete"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
            Reason.PROVIDER_UNREACHABLE,
            "broke the connection off before its answer was complete",
        ),
    ],
)
async def test_whatever_is_not_http_is_told(
    ca: trustme.CA, bundle: Path, *, answer: bytes, reason: Reason, message: str
) -> None:
    """Another protocol, a flood, an end too early."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with listening(speak, tls_of(ca.issue_cert("localhost"))) as host:
        error = await failure(host, bundle)
    assert (error.reason, error.message) == (reason, f"{host} {message}")


async def test_a_request_carries_nothing_that_others_left_behind(
    ca: trustme.CA, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cookie of an answer before, no password from `.netrc`; no wish for compression, and not what software is underneath."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login user password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    heads: list[bytes] = []

    async def mark(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 503 Busy\r\nSet-Cookie: mark=1\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    with FakeEntra() as entra:
        async with (
            listening(mark, tls_of(ca.issue_cert("localhost"))) as host,
            token_source_for(entra, allowed_hosts=[host], ca_bundle=bundle) as source,
        ):
            for _ in range(2):
                with pytest.raises(ProviderError, match="ProviderUnavailable"):
                    await source.acquire(spec_at(entra, authorityHost=host), make_pair(make_certificate()))
    assert [b"\r\nAccept-Encoding: identity\r\n" in head for head in heads] == [True, True]
    assert not [word for word in (b"cookie", b"authorization", b"aiohttp") if word in b"".join(heads).lower()]


class Tunnels:
    """A proxy that connects to localhost whatever it is asked for, and notes what it saw."""

    def __init__(self, status: str = "200 Connection established") -> None:
        self.status = status
        self.seen = bytearray()
        self.requests: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        writer.write(f"HTTP/1.1 {self.status}\r\n\r\n".encode())
        if not self.status.startswith("200"):
            return
        port = int(head.split()[1].rpartition(b":")[2])
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(self._pump(reader, inner_writer), self._pump(inner_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.seen += data
            writer.write(data)
            await writer.drain()
        writer.close()


@pytest.mark.parametrize("by_setting", [True, False])
async def test_a_proxy_only_carries(by_setting: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for a tunnel to the provider, and sees neither the assertion nor the token."""
    tunnels = Tunnels()
    with FakeEntra() as entra:
        async with listening(tunnels) as proxy:
            url = f"http://user:hunter2@{proxy}"
            monkeypatch.setenv("HTTPS_PROXY", url)
            monkeypatch.delenv("NO_PROXY", raising=False)
            monkeypatch.delenv("no_proxy", raising=False)
            async with token_source_for(entra, proxy=url if by_setting else None) as source:
                token = await source.acquire(*register(entra))
        assert tunnels.requests[0].startswith(f"CONNECT {entra.host} HTTP/1.1\r\n".encode())
        assert b"Proxy-Authorization: Basic" in tunnels.requests[0]
        assert entra.assertions[0].encode() not in tunnels.seen
    assert token.value.encode() not in tunnels.seen


async def test_behind_a_proxy_certificates_are_verified_too() -> None:
    """A proxy that answers in the provider's place is found out."""
    with FakeEntra() as entra:
        async with listening(Tunnels()) as proxy:
            error = await failure(entra.host, None, proxy=f"http://{proxy}")
    assert error.reason is Reason.PROVIDER_UNTRUSTED
    assert error.message.startswith(f"the certificate of {entra.host} cannot be verified")


async def test_behind_a_proxy_a_bundle_is_enough() -> None:
    """Of the resource's own."""
    with FakeEntra() as entra:
        async with (
            listening(Tunnels()) as proxy,
            token_source_for(entra, ca_bundle=None, proxy=f"http://{proxy}") as source,
        ):
            await source.acquire(*register(entra), authorities=entra.ca_pem.decode())
        assert entra.token_requests == 1


@pytest.mark.parametrize(
    ("bundled", "remedy"),
    [
        (False, "ask the administrator of tokensync to set ca-bundle to a PEM file with the authority that issued it"),
        (True, "put the authority that issued it into the bundle that spec.provider's caBundleRef names, beside the "),
    ],
)
async def test_a_proxy_whose_certificate_is_not_trusted_is_named(ca: trustme.CA, *, bundled: bool, remedy: str) -> None:
    """It, and not the provider: nothing was asked of that."""
    tunnels, authorities = Tunnels(), ca.cert_pem.bytes().decode() if bundled else ""
    async with listening(tunnels, tls_of(trustme.CA().issue_cert("localhost"))) as proxy:
        error = await failure("login.example.com", None, proxy=f"https://user:hunter2@{proxy}", authorities=authorities)
    assert error.reason is Reason.PROVIDER_UNTRUSTED
    assert error.message == (
        f"the certificate of the proxy {proxy} cannot be verified (unable to get local issuer certificate)"
    )
    assert error.remedy.startswith(remedy)
    assert tunnels.requests == []


async def test_a_proxy_that_refuses_is_named(bundle: Path) -> None:
    """Without its password."""
    async with listening(Tunnels("407 Proxy Authentication Required")) as proxy:
        error = await failure("login.example.com", bundle, proxy=f"http://user:hunter2@{proxy}")
    assert error.reason is Reason.PROVIDER_UNREACHABLE
    assert error.text == (
        f"the proxy {proxy} answered HTTP 407 when asked for a connection to login.example.com: let the proxy connect to "
        "login.example.com, or ask the administrator of tokensync to correct its setting proxy"
    )


@pytest.mark.parametrize(
    ("proxy", "problem"),
    [(f"localhost:{free_port()}", "refused the connection"), ("proxy.invalid:3128", "does not resolve to an address")],
)
async def test_a_proxy_that_is_not_there_is_named(bundle: Path, proxy: str, problem: str) -> None:
    """It, and not the provider, is what cannot be reached."""
    error = await failure("login.example.com", bundle, proxy=f"http://{proxy}")
    assert (error.reason, error.message) == (Reason.PROVIDER_UNREACHABLE, f"the proxy {proxy} {problem}")


def test_the_systems_authorities_stay_trusted_beside_the_bundle(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private provider beside Entra; and where the system has no authorities, there are still the usual ones."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    context = trust(bundle)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    names = {str(certificate["subject"]) for certificate in context.get_ca_certs()}
    assert any("trustme" in name for name in names)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    assert len(trust(bundle).get_ca_certs()) > 50


@pytest.mark.parametrize(("content", "why"), [("no PEM", "holds no certificate in PEM"), (None, "No such file")])
def test_a_bundle_that_cannot_be_used_is_refused_at_the_start(content: str | None, why: str, tmp_path: Path) -> None:
    """The message names file and setting."""
    path = tmp_path / "bundle.pem"
    if content:
        path.write_text(content)
    with pytest.raises(ValueError, match=why) as caught:
        trust(path)
    assert f"ca-bundle {path} cannot be used" in str(caught.value)
