"""A token for a PKCS #12 file, which an operator in a process of its own has opened by another."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from support.cluster import encoded
from support.control_plane import ControlPlane
from support.leaks import Leaks
from support.objects import Json
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.written import everything_written
from tokensync.errors import Reason
from tokensync.resource.names import RENEW_REQUESTED_AT

SECRET = "client-pfx"
PASSWORD = "correct horse battery staple"
CREDENTIAL: Json = {
    "certificate": {"secretRef": {"name": SECRET}, "pkcs12Key": "client.pfx", "passwordKey": "password"}
}


@pytest.fixture
def file(scenario: Scenario) -> bytes:
    """The registered certificate and its key, encrypted."""
    scenario.entra.lifetime = timedelta(hours=1)
    client = scenario.certificate
    assert isinstance(client.private_key, rsa.RSAPrivateKey)
    encryption = BestAvailableEncryption(PASSWORD.encode())
    return serialize_key_and_certificates(None, client.private_key, client.certificate, None, encryption)


def test_an_encrypted_file_becomes_a_token(
    operator: StartOperator, scenario: Scenario, ca: Path, control_plane: ControlPlane, file: bytes
) -> None:
    """Once its password is right; the next token needs it opened again after a restart. Nobody sees the password."""
    process = operator(quick_settings(scenario.entra, ca))
    scenario.cluster.create_secret(scenario.namespace, SECRET, {"client.pfx": file, "password": b"guess"})
    scenario.create(credential=CREDENTIAL)
    scenario.wait_condition("CredentialValid", Reason.CREDENTIAL_PASSWORD_WRONG)
    scenario.cluster.secrets.patch(scenario.namespace, SECRET, {"data": encoded({"password": PASSWORD.encode()})})
    scenario.wait_ready()
    first = scenario.token()

    process.stop()
    process = operator(quick_settings(scenario.entra, ca))
    scenario.patch({"metadata": {"annotations": {RENEW_REQUESTED_AT: "now"}}})
    scenario.wait_renewed(first)

    leaks = Leaks({"password": PASSWORD})
    for place, text in everything_written(process, control_plane, scenario).items():
        assert leaks.find(text) == set(), place
