"""Tokens of an OpenID provider that is not ours are kept fresh, by each way to prove who the client is."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from support.certificates import ClientCertificate, make_certificate
from support.control_plane import ControlPlane
from support.objects import Json
from support.oidc_provider import Client, OidcProvider, jwk_of
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.waiting import eventually

LIFETIME = timedelta(seconds=10)
MARGINS = timedelta(seconds=1 + 1)
"""Propagation and clock skew of `quick_settings`: whatever is renewed later than this before its end is late."""

LIFETIMES = 3
SECRET = "a+b/c:d&e=f% g"

AUDIENCE = "api://AzureADTokenExchange"
"""One that every installation allows, for itself and in its admission policy."""


@dataclass
class Reader:
    """Reads one target again and again, and verifies each token that it finds there.

    Attributes:
        worst: the shortest time that a token it read was valid yet; negative if it read an expired one.
        missed: how often there was no token.
        issued: when each token was issued, in order.
    """

    provider: OidcProvider
    scenario: Scenario
    secret: str
    worst: timedelta = timedelta.max
    missed: int = 0
    issued: list[datetime] = field(default_factory=list)
    _ends: dict[str, datetime] = field(default_factory=dict, repr=False)

    def read(self) -> None:
        """Read the target once."""
        held = self.scenario.token(self.secret)
        if held is None:
            self.missed += 1
            return
        if held.value not in self._ends:
            self._note(held.value, held.expires_at)
        self.worst = min(self.worst, self._ends[held.value] - datetime.now(UTC))

    @property
    def seen(self) -> timedelta:
        """From the first token to the last."""
        return self.issued[-1] - self.issued[0] if self.issued else timedelta(0)

    def _note(self, value: str, told: datetime) -> None:
        claims = self.provider.verify(value)
        end = datetime.fromtimestamp(claims["exp"], UTC)
        assert abs(told - end) < LIFETIME / 3, "what stands beside the token is not its expiry"
        self._ends[value] = end
        self.issued.append(datetime.fromtimestamp(claims["iat"], UTC))


class Cast:
    """Resources and their clients, by the resource's name."""

    def __init__(self, provider: OidcProvider, scenario: Scenario) -> None:
        self._provider = provider
        self._scenario = scenario
        self.clients: dict[str, Client] = {}

    def add(self, name: str, client: Client, credential: Json, provider: Json) -> None:
        """Register a client, and create its resource."""
        self.clients[name] = self._provider.register(client)
        self._scenario.create(
            name, provider=provider, clientId=client.client_id, scopes=["read"], credential=credential
        )

    def add_certified(
        self,
        name: str,
        certificate: ClientCertificate,
        provider: Json,
        *,
        lifetime: timedelta = LIFETIME,
        **form: str,
    ) -> None:
        """One that signs; `form` is how."""
        self._scenario.put_certificate(certificate, name=name)
        client = Client.with_keys(_new_id(name), [jwk_of(certificate)], lifetime=lifetime.seconds)
        self.add(name, client, {"certificate": {"secretRef": {"name": name}, **form}}, provider)

    def add_secretive(self, name: str, provider: Json) -> None:
        """One that sends a secret in a header."""
        self._scenario.cluster.create_secret(self._scenario.namespace, name, {"secret": SECRET.encode()})
        client = Client.with_secret(_new_id(name), SECRET, lifetime=LIFETIME.seconds)
        form = {"secretKeyRef": {"name": name, "key": "secret"}, "method": "Basic"}
        self.add(name, client, {"clientSecret": form}, provider)

    def add_federated(self, name: str, cluster: ControlPlane, provider: Json) -> None:
        """One that shows a token of a ServiceAccount, which the provider verifies with the API server's keys."""
        namespace = self._scenario.namespace
        cluster.admin.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})
        client = Client.federated(
            _new_id(name),
            issuer=_raw(cluster, "/.well-known/openid-configuration")["issuer"],
            subject=f"system:serviceaccount:{namespace}:{name}",
            audience=AUDIENCE,
            jwks=_raw(cluster, "/openid/v1/jwks"),
            lifetime=LIFETIME.seconds,
        )
        self.add(name, client, {"serviceAccount": {"name": name, "audience": AUDIENCE}}, provider)


def _raw(cluster: ControlPlane, path: str) -> Json:
    document: Json = json.loads(cluster.kubectl("get", "--raw", path))
    return document


def _new_id(name: str) -> str:
    return f"{name}: {uuid.uuid4().hex[:8]}"


@pytest.fixture
def cast(oidc_provider: OidcProvider, scenario: Scenario, control_plane: ControlPlane) -> Cast:
    """Each credential, with each way to name the provider."""
    by_issuer = {"oidc": {"issuer": oidc_provider.issuer}}
    by_endpoint = {"oauth2": {"tokenEndpoint": oidc_provider.token_endpoint}}
    cast = Cast(oidc_provider, scenario)
    cast.add_certified("rs256", make_certificate(), by_issuer, algorithm="RS256", audience="Issuer")
    cast.add_certified("es256", make_certificate(key_type="ec"), by_endpoint)
    cast.add_secretive("basic", by_issuer)
    cast.add_federated("federated", control_plane, by_issuer)
    return cast


def test_a_reader_never_sees_a_gap(
    operator: StartOperator, oidc_provider: OidcProvider, scenario: Scenario, cast: Cast, tmp_path: Path
) -> None:
    """Over several lifetimes each Secret holds a valid token, and each renewal was one request that was granted."""
    ca = oidc_provider.write_ca(tmp_path / "ca.pem")
    operator(quick_settings(scenario.entra, ca, allowed_hosts=oidc_provider.host))
    readers = {name: Reader(oidc_provider, scenario, f"{name}-token") for name in cast.clients}
    for name in readers:
        scenario.wait_ready(name, timeout=30)
        assert scenario.condition("GapFree", name)["status"] == "True"

    def read() -> bool:
        for reader in readers.values():
            reader.read()
        return all(reader.seen > LIFETIMES * LIFETIME for reader in readers.values())

    eventually(read, 90, f"tokens of {LIFETIMES} lifetimes", explain=lambda: readers)

    for name, reader in readers.items():
        assert reader.missed == 0, name
        assert reader.worst > MARGINS, name
        assert all(later - earlier > LIFETIME / 3 - timedelta(seconds=1) for earlier, later in pairwise(reader.issued))
        assert scenario.condition("CredentialValid", name)["status"] == "True"
        requests = [each for each in oidc_provider.requests if each.client_id == cast.clients[name].client_id]
        assert {request.status for request in requests} == {200}
        assert len(requests) - len(reader.issued) <= 1, "a request whose token was never written"


def test_a_certificate_may_come_before_its_registration(
    operator: StartOperator, oidc_provider: OidcProvider, scenario: Scenario, tmp_path: Path
) -> None:
    """The token that works stays, the message names the thumbprint, and the new key is used once it is registered."""
    cast = Cast(oidc_provider, scenario)
    old, new = make_certificate(), make_certificate(fresh=True)
    cast.add_certified("rollover", old, {"oidc": {"issuer": oidc_provider.issuer}}, lifetime=2 * LIFETIME)
    ca = oidc_provider.write_ca(tmp_path / "ca.pem")
    operator(quick_settings(scenario.entra, ca, allowed_hosts=oidc_provider.host))
    scenario.wait_ready("rollover")
    scenario.put_certificate(new, name="rollover")
    refusal = scenario.wait_condition("RenewalSucceeded", "CredentialRejected", "rollover")
    assert new.thumbprint_sha1 in refusal["message"]
    held = scenario.token("rollover-token")
    assert held
    oidc_provider.verify(held.value)
    known = cast.clients["rollover"]
    both = [jwk_of(old), jwk_of(new)]
    oidc_provider.register(Client.with_keys(known.client_id, both, lifetime=LIFETIME.seconds))
    renewed = scenario.wait_renewed(held, "rollover-token", timeout=30)
    oidc_provider.verify(renewed.value)
    assert scenario.status("rollover")["credential"]["thumbprintSha1"] == new.thumbprint_sha1
