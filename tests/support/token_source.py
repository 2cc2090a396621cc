"""What tests of token requests need: specs, key pairs, and a look at everything that an error carries."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from support.certificates import ClientCertificate, make_certificate
from support.entra import FakeEntra
from tokensync.clock import SystemClock
from tokensync.credentials.pair import KeyPair
from tokensync.identity.asked import Asked, Offered
from tokensync.identity.source import MsalTokenSource
from tokensync.resource.spec import Spec
from tokensync.resource.status import CredentialKind
from tokensync.telemetry.metrics import Metrics

TENANT = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"
CLIENT = "535fb089-9ff3-47b6-9bfb-4f1264799865"
SCOPE = "https://graph.microsoft.com/.default"
SHA1 = "A1" * 20
SHA256 = "B2" * 32

ASKED = Asked(
    provider="entra",
    host="login.microsoftonline.com",
    realm=TENANT,
    field="spec.provider.entra",
    client_id=CLIENT,
    scope=SCOPE,
    offered=Offered(CredentialKind.CERTIFICATE, thumbprint_sha1=SHA1, thumbprint_sha256=SHA256),
)

CERTIFICATE: Mapping[str, Any] = {"certificate": {"secretRef": {"name": "graph-client-certificate"}}}


def make_spec(
    *,
    client_id: str = CLIENT,
    scope: str = SCOPE,
    tenant_id: str = TENANT,
    credential: Mapping[str, Any] = CERTIFICATE,
    **entra: Any,
) -> Spec:
    """A resource's spec; `entra` are further fields of its provider."""
    provider = {"entra": {"tenantId": tenant_id, **entra}}
    return spec_for(provider, client_id=client_id, scopes=[scope], credential=credential)


def spec_for(provider: Mapping[str, Any], *, credential: Mapping[str, Any] = CERTIFICATE, **fields: Any) -> Spec:
    """A resource's spec with any provider; `fields` are its further ones, as JSON has them or in Python's spelling."""
    return Spec.model_validate(
        {
            "client_id": CLIENT,
            **fields,
            "provider": provider,
            "credential": credential,
            "target": {"name": "graph-token"},
        }
    )


def make_pair(certificate: ClientCertificate) -> KeyPair:
    """A certificate as it is after it was read from its Secret."""
    return KeyPair.of(certificate.private_key, [certificate.certificate])


def register(entra: FakeEntra, tenant_id: str | None = None) -> tuple[Spec, KeyPair]:
    """Register a new application with a new certificate, and return what it acquires tokens with.

    Args:
        entra: where.
        tenant_id: in which tenant; the first one unless told.
    """
    certificate = make_certificate()
    application = entra.register(certificates=[certificate.certificate_pem], tenant_id=tenant_id)
    spec = spec_at(entra, client_id=application.client_id, tenant_id=tenant_id or entra.tenant_id)
    return spec, make_pair(certificate)


def spec_at(entra: FakeEntra, **fields: Any) -> Spec:
    """A resource's spec of an application at a fake Entra."""
    return make_spec(**{"tenant_id": entra.tenant_id, "authorityHost": entra.host, **fields})


class Server(Protocol):
    """A provider that runs beside the tests."""

    @property
    def host(self) -> str:
        """Its host and port."""
        ...

    def write_ca(self, path: Path) -> Path:
        """Write the authority that it is verified with to a file, and return that."""
        ...


@asynccontextmanager
async def token_source_for(server: Server, **settings: Any) -> AsyncIterator[MsalTokenSource]:
    """A token source that trusts a provider and may ask it, unless other settings are given. Closed in the end."""
    with TemporaryDirectory() as folder:
        defaults: dict[str, Any] = {
            "clock": SystemClock(),
            "allowed_hosts": [server.host],
            "ca_bundle": server.write_ca(Path(folder) / "ca.pem"),
            "proxy": None,
            "requests_per_second": None,
            "threads": 8,
            "metrics": Metrics("1.2.3"),
        }
        source = MsalTokenSource(**{**defaults, **settings})
    try:
        yield source
    finally:
        await source.close()


def everything_in(error: BaseException) -> str:
    """All texts and values that lead from an error: its own, its notes, and those of every error that it hangs on."""
    return "\n".join(f"{each!s} {each!r} {each.args!r} {vars(each)!r}" for each in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    yield error
    for linked in (error.__cause__, error.__context__):
        if linked is not None:
            yield from _chain(linked)
