"""What a resource's own bundle is good for: its provider's certificate, and nothing and nobody else's."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import trustme

from support.certificates import make_certificate
from support.entra import Endpoint, FakeEntra
from support.entra.faults import Hang
from support.token_source import make_pair, register, spec_at, token_source_for
from support.waiting import eventually
from tokensync.errors import ProviderError, Reason
from tokensync.identity.source import MsalTokenSource
from tokensync.identity.trust import trust_only


@pytest.fixture
def entra() -> Iterator[FakeEntra]:
    """A provider of its own for each test."""
    with FakeEntra() as running:
        yield running


@pytest.fixture
async def source(entra: FakeEntra) -> AsyncIterator[MsalTokenSource]:
    """May ask it, and does not trust it."""
    async with token_source_for(entra, ca_bundle=None) as opened:
        yield opened


def pem_of(*authorities: trustme.CA) -> str:
    return "\n".join(authority.cert_pem.bytes().decode() for authority in authorities)


def connections_to(entra: FakeEntra) -> int:
    port = int(entra.host.rpartition(":")[2])
    return sum(bool(each.raddr) and each.raddr.port == port for each in psutil.Process().net_connections("tcp"))


async def test_a_bundle_is_enough(entra: FakeEntra, source: MsalTokenSource) -> None:
    """The operator itself need not trust the authority, before and after."""
    spec, pair = register(entra)
    for _ in range(2):
        await source.acquire(spec, pair, authorities=entra.ca_pem.decode())
        with pytest.raises(ProviderError, match="ProviderUntrusted"):
            await source.acquire(spec, pair)
    assert (entra.token_requests, entra.discovery_requests) == (2, 1)


async def test_a_bundle_replaces_what_the_operator_trusts(entra: FakeEntra) -> None:
    """Nothing is sent where only the operator's authorities would do, and the message says what to put where."""
    spec, pair = register(entra)
    async with token_source_for(entra) as source:
        await source.acquire(spec, pair)
        with pytest.raises(ProviderError) as caught:
            await source.acquire(spec, pair, authorities=pem_of(trustme.CA()))
    assert (entra.token_requests, entra.discovery_requests) == (1, 1)
    assert caught.value.reason is Reason.PROVIDER_UNTRUSTED
    assert caught.value.text == (
        f"the certificate of {entra.host} cannot be verified (unable to get local issuer certificate): if {entra.host} is "
        "what it should be, put the authority that issued its certificate into the bundle that spec.provider's "
        "caBundleRef names: nothing else is trusted beside that"
    )


async def test_only_who_trusts_the_same_shares_connections_and_discovery(entra: FakeEntra) -> None:
    """Three who trust the operator's authorities, three with a bundle, three with another that does as well."""
    one = entra.ca_pem.decode()
    other = f"{one}\n{pem_of(trustme.CA())}"
    spec, pair = register(entra)
    async with token_source_for(entra) as source:
        for authorities in ("", one, other) * 3:
            await source.acquire(spec, pair, authorities=authorities)
        assert (entra.token_requests, entra.discovery_requests) == (9, 3)
        assert connections_to(entra) == 3
    assert connections_to(entra) == 0


@pytest.mark.parametrize("endpoint", list(Endpoint))
async def test_closing_ends_what_is_under_way(entra: FakeEntra, endpoint: Endpoint) -> None:
    """With a bundle as without."""
    spec, pair = register(entra)
    with entra.failing(Hang(), endpoint=endpoint):
        async with asyncio.timeout(5), token_source_for(entra, ca_bundle=None) as source:
            task = asyncio.create_task(source.acquire(spec, pair, authorities=entra.ca_pem.decode()))

            def arrived() -> int:
                return entra.discovery_requests if endpoint is Endpoint.DISCOVERY else entra.token_requests

            await asyncio.to_thread(eventually, arrived, 5, "the request arrived")
        await asyncio.wait([task])
    assert task.cancelled()
    assert connections_to(entra) == 0


@pytest.mark.parametrize("trusted", ["root", "intermediate", "leaf"])
async def test_each_certificate_of_a_bundle_is_an_authority(trusted: str) -> None:
    """A root, an intermediate below one that is not there, or the server's very own."""
    root = trustme.CA()
    intermediate = root.create_child_ca()
    leaf = intermediate.issue_cert("localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(tls)
    pems = {"root": root.cert_pem, "intermediate": intermediate.cert_pem, "leaf": leaf.cert_chain_pems[0]}
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        context = trust_only(pems[trusted].bytes().decode())
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        writer.close()


def test_no_authority_of_the_system_is_trusted_beside_a_bundle() -> None:
    """And certificates and host names are verified as strictly."""
    context = trust_only(pem_of(trustme.CA()))
    assert len(context.get_ca_certs()) == 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_nothing_is_no_bundle() -> None:
    """The system's authorities do not take its place."""
    with pytest.raises(ValueError, match="no authorities"):
        trust_only("")


async def test_a_name_is_verified_with_a_bundle_too(tmp_path: Path) -> None:
    """However good the authority is, and whoever names it."""
    ca = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("login.example.com").configure_cert(tls)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=tls)
    with FakeEntra() as entra:
        async with server:
            host = f"localhost:{server.sockets[0].getsockname()[1]}"
            async with token_source_for(
                entra, allowed_hosts=[host], ca_bundle=entra.write_ca(tmp_path / "ca.pem")
            ) as source:
                spec, pair = spec_at(entra, authorityHost=host), make_pair(make_certificate())
                with pytest.raises(ProviderError, match="Hostname mismatch"):
                    await source.acquire(spec, pair, authorities=pem_of(ca))
