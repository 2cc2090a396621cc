"""docs/providers.md shows what is sent for each kind of provider, and README.md which parameters there are."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from support.authorization_server import AuthorizationServer, authorization_server
from support.certificates import make_certificate
from support.internet import internet
from support.token_source import make_pair, token_source_for
from tokensync.controller.federation import Federation
from tokensync.credentials.proof import ClientSecret, FederatedToken, Proof
from tokensync.errors import SpecError
from tokensync.identity.authority import parse_endpoint
from tokensync.identity.entra import AUTHORITY_HOSTS
from tokensync.identity.hosts import AllowList
from tokensync.resource.credential import Credential
from tokensync.resource.spec import ClientCredentialToken, Spec
from tokensync.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "providers.md").read_text()
*RESOURCES, VALUES = [
    yaml.safe_load(each) for each in re.findall(r"^```yaml\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
]
REQUESTS = re.findall(r"^```text\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = list(zip(RESOURCES, REQUESTS, strict=True))
ENTRIES = re.findall(r"^\| `([^`]+)` \| `(https:[^`]+)` \| `(https:[^`]+)` \|$", PAGE, re.MULTILINE)
SECRET = "it's a+secret"
HIDDEN = {"client_assertion", "client_secret"}


def spec_of(example: dict[str, Any]) -> Spec:
    """The example's spec, without what only a cluster can tell."""
    return ClientCredentialToken.parse({**example, "metadata": {**example["metadata"], "uid": "1"}}).spec


def proof_for(credential: Credential) -> Proof:
    """One of the kind that the example has."""
    if credential.certificate:
        return make_pair(make_certificate())
    if credential.client_secret:
        return ClientSecret(SECRET, "version-1")
    return FederatedToken("header.claims.signature", "system:serviceaccount:shop:orders", "the-provider")


def wire(server: AuthorizationServer, origin: str) -> str:
    """The requests that a server got, as the page writes them."""
    lines = []
    for request in server.requests:
        lines.append(f"{request.method} {origin}{request.path}")
        if request.authorization:
            lines.append(f"Authorization: {request.authorization.partition(' ')[0]} …")
        lines += [f"{name}={'…' if name in HIDDEN else value}" for name, value in sorted(request.form)]
    return "\n".join([*lines, ""])


def document(spec: Spec, shown: str) -> dict[str, str]:
    """The discovery document that leads to the token endpoint of the page."""
    posted = re.search(r"^POST (.+)$", shown, re.MULTILINE)
    assert posted
    issuer = spec.provider.oidc.issuer if spec.provider.oidc else posted[1].replace("/oauth2/v2.0/token", "/v2.0")
    return {"issuer": issuer, "token_endpoint": posted[1]}


@pytest.mark.parametrize(("example", "shown"), EXAMPLES)
async def test_what_the_page_shows_is_on_the_wire(example: dict[str, Any], shown: str) -> None:
    """Address by address and parameter by parameter, with the settings that the page has."""
    spec = spec_of(example)
    address = urlsplit(shown.split()[1])
    async with (
        authorization_server(name=str(address.hostname)) as server,
        internet(int(server.host.rpartition(":")[2])) as (proxy, _),
        token_source_for(server, allowed_hosts=VALUES["allowedHosts"], proxy=proxy) as source,
    ):
        server.metadata = document(spec, shown)
        source.check(spec)
        await source.acquire(spec, proof_for(spec.credential))
        assert wire(server, f"https://{address.netloc}") == shown


def test_there_is_an_example_of_everything() -> None:
    """Each kind of provider and of credential, both ways of a client secret, with and without scopes."""
    specs = [spec_of(example) for example in RESOURCES]
    assert {spec.provider.kind for spec in specs} == {"entra", "oidc", "oauth2"}
    assert {kind for example in RESOURCES for kind in example["spec"]["credential"]} == {
        "certificate",
        "clientSecret",
        "serviceAccount",
    }
    assert {bool(spec.scopes) for spec in specs} == {True, False}
    assert "Authorization: Basic …" in PAGE


def test_the_page_has_the_host_of_each_cloud() -> None:
    """In the order of the clouds."""
    rows = re.findall(r"^\| `(\w+)`(?:, the default)? \| `(login\.[\w.]+)` \|$", PAGE, re.MULTILINE)
    assert rows == [(cloud.value, host) for cloud, host in AUTHORITY_HOSTS.items()]


def test_the_settings_of_the_page_are_settings() -> None:
    """And allow the audiences that its examples need."""
    settings = Settings(allowed_hosts=VALUES["allowedHosts"], allowed_audiences=VALUES["allowedAudiences"])
    federation = Federation(None, settings.allowed_audiences)  # type: ignore[arg-type]  # nobody is asked
    assert [federation.refusal(spec_of(example)) for example in RESOURCES] == [None] * len(RESOURCES)


@pytest.mark.parametrize(("entry", "covered", "other"), ENTRIES)
def test_an_entry_allows_what_the_page_says(entry: str, covered: str, other: str) -> None:
    """And not what stands beside it."""
    assert entry in VALUES["allowedHosts"]
    AllowList([entry]).require(parse_endpoint(covered))
    with pytest.raises(SpecError, match="HostNotAllowed"):
        AllowList([entry]).require(parse_endpoint(other))


def test_the_readme_names_every_parameter() -> None:
    """Those of the protocol; the others are `spec.parameters`."""
    tables = re.findall(r"^\| parameter \|.*\n(?:\|.*\n)+", (ROOT / "README.md").read_text(), re.MULTILINE)
    named = {name for table in tables for name in re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)}
    sent = {name for shown in REQUESTS for name in re.findall(r"^(\w+)=", shown, re.MULTILINE)}
    assert named == sent - {name for example in RESOURCES for name in example["spec"].get("parameters", ())}
