"""Every kind of credential in an installation of the chart: from its Secret, or ServiceAccount, to a file in a pod."""

import json
import secrets

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from support.node import pods
from support.node.interface import PodCluster
from support.node.release import Release
from support.objects import Json
from support.scenario import Scenario
from support.service_accounts import federated_credential

PASSWORD = b"correct horse"
AUDIENCE = "api://reports.example"
TYPE = "reports.example/token"
ALLOWED = {"allowedAudiences": [AUDIENCE], "allowedSecretTypes": [TYPE]}
"""Neither is by default: the chart's values have to reach the operator and its policies."""
MODE = 0o600

TARGETS: dict[str, Json] = {
    "certificate": {"type": TYPE},
    "client-secret": {"format": {"netrc": {"machine": "api.example.com", "login": "reports"}}},
    "service-account": {"format": {"pgpass": {"host": "*", "database": "reports", "user": "reports"}}},
}

READ = """
import json, netrc, os, pathlib
pgpass = pathlib.Path("/tokens/service-account/.pgpass")
print(json.dumps({
    "tokens": {
        "certificate": pathlib.Path("/tokens/certificate/token").read_text(),
        "client-secret": netrc.netrc("/tokens/client-secret/.netrc").authenticators("api.example.com")[2],
        "service-account": pgpass.read_text().rstrip("\\n").rpartition(":")[2],
    },
    "mode": pgpass.stat().st_mode & 0o777,
    "owned": pgpass.stat().st_uid == os.getuid(),
}))
"""
"""Prints the tokens, as whoever uses the files gets them, and what libpq looks at before it reads one."""


@pytest.fixture
def credentials(scenario: Scenario, pod_cluster: PodCluster) -> dict[str, Json]:
    """One of each kind: what it needs is in the namespace, and the application has it registered."""
    application, certificate = scenario.application, scenario.certificate
    sealed = serialize_key_and_certificates(
        None, certificate.private_key, certificate.certificate, None, BestAvailableEncryption(PASSWORD)
    )
    scenario.cluster.create_secret(scenario.namespace, "pfx", {"client.pfx": sealed, "password": PASSWORD})

    value = secrets.token_urlsafe(30)
    application.add_client_secret(value)
    scenario.cluster.create_secret(scenario.namespace, "client-secret", {"secret": value.encode()})

    account = "reporter"
    application.federated.append(federated_credential(pod_cluster.kubectl, scenario.namespace, account, AUDIENCE))
    scenario.cluster.service_accounts.create(scenario.namespace, {"metadata": {"name": account}})

    return {
        "certificate": {
            "certificate": {"secretRef": {"name": "pfx"}, "pkcs12Key": "client.pfx", "passwordKey": "password"}
        },
        "client-secret": {"clientSecret": {"secretKeyRef": {"name": "client-secret", "key": "secret"}}},
        "service-account": {"serviceAccount": {"name": account, "audience": AUDIENCE}},
    }


def reader(image: str) -> Json:
    """A pod that mounts all targets, as root: to nobody else a file of a Secret can belong."""
    as_root = {**pods.RESTRICTED, "runAsNonRoot": False, "runAsUser": 0}
    mounts = [{"name": name, "mountPath": f"/tokens/{name}"} for name in TARGETS]
    pod = pods.python_pod(
        "reader", image, "import signal; signal.pause()", securityContext=as_root, volumeMounts=mounts
    )
    pod["spec"]["volumes"] = [
        {"name": name, "secret": {"secretName": f"{name}-token", "defaultMode": MODE}} for name in TARGETS
    ]
    return pod


def test_every_credential_gets_a_token_that_a_pod_reads(
    release: Release, scenario: Scenario, credentials: dict[str, Json], pod_cluster: PodCluster, image: str
) -> None:
    """Where nothing can be written an encrypted file is opened as well, and the policies let through what is needed."""
    release.install(ALLOWED)
    for name, credential in credentials.items():
        scenario.create(name, credential=credential, target=TARGETS[name])
    for name in credentials:
        scenario.wait_ready(name, timeout=60)
    pods.start(pod_cluster, scenario.namespace, reader(image))

    where = f"--namespace={scenario.namespace}"
    read = json.loads(pod_cluster.kubectl("exec", where, "reader", "--", "python", "-c", READ))

    kinds = {name: scenario.status(name)["credential"]["kind"] for name in credentials}
    assert kinds == {"certificate": "Certificate", "client-secret": "ClientSecret", "service-account": "ServiceAccount"}
    assert sorted(read["tokens"].values()) == sorted(token.value for token in scenario.entra.issued)
    assert len(set(read["tokens"].values())) == len(TARGETS)
    assert (read["mode"], read["owned"]) == (MODE, True)
    assert "ValidatingAdmissionPolicyBinding" in {each["kind"] for each in release.objects()}
