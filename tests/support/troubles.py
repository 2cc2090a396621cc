"""What can be wrong with a resource and all that it names, and what the user is told of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from support.certificates import ClientCertificate, make_certificate
from support.der import pfx
from support.objects import Json
from support.service_accounts import AUDIENCE
from support.stage import Stage
from tokensync.clock import rfc3339
from tokensync.errors import Reason


@dataclass(frozen=True)
class Case:
    """Something that is wrong.

    Attributes:
        reason: of the conditions.
        says: parts of their message: what is wrong and where, and what to do. `{name}` is the case's.
        spec: arranges it, and gives what the resource's spec has for it.
        stalled: whether only a person can mend it, so that `Stalled` says so at once.
        credential: the status of `CredentialValid`.
    """

    reason: Reason
    says: tuple[str, ...]
    spec: Callable[[Stage, str], Json]
    stalled: bool = False
    credential: Literal["True", "False", "Unknown"] = "True"


def broken(reason: Reason, *says: str, spec: Callable[[Stage, str], Json], stalled: bool = True) -> Case:
    """A case of a credential that cannot be used."""
    return Case(reason, says, spec, stalled=stalled, credential="False")


def encrypted(certificate: ClientCertificate) -> bytes:
    """The certificate's key under a password."""
    password = BestAvailableEncryption(b"a password")
    return certificate.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, password)


NOW = datetime.now(UTC).replace(microsecond=0)
PAST, SOON = NOW - timedelta(hours=2), NOW + timedelta(hours=1)

ENDLESS = 2_000_000_000
"""Iterations that take minutes."""

CASES: dict[str, Case] = {
    # the credential
    "missing": broken(
        Reason.CREDENTIAL_NOT_FOUND,
        "Secret {namespace}/absent does not exist: create it with the keys tls.crt and tls.key, ",
        "or correct credential.certificate.secretRef.name",
        spec=lambda _, __: {"credential": {"certificate": {"secretRef": {"name": "absent"}}}},
        stalled=False,
    ),
    "key-missing": broken(
        Reason.CREDENTIAL_KEY_MISSING,
        'Secret {namespace}/{name} has no key "tls.key" for the private key; it has "tls.crt": ',
        "put the private key in PEM under that key, or name the key that holds it in ",
        "spec.credential.certificate.privateKeyKey",
        spec=lambda stage, name: stage.credential(name, {"tls.crt": stage.scenario.certificate.certificate_pem}),
    ),
    "not-pem": broken(
        Reason.CREDENTIAL_MALFORMED,
        'key "tls.crt" of Secret {namespace}/{name} is not PEM',
        "put the certificate in PEM there",
        spec=lambda stage, name: stage.altered(name, tls_crt=b"certificate"),
    ),
    "mismatch": broken(
        Reason.KEY_MISMATCH,
        'the private key in key "tls.key" of Secret {namespace}/{name} does not belong to the certificate with SHA-1 '
        'thumbprint {sha1} in key "tls.crt"',
        "put the private key there that the certificate was made for",
        spec=lambda stage, name: stage.altered(name, tls_key=make_certificate(fresh=True).private_key_pem),
    ),
    "expired": broken(
        Reason.CERTIFICATE_EXPIRED,
        f"the certificate with SHA-1 thumbprint {{sha1}} expired at {rfc3339(PAST)}: ",
        "register a new certificate on the application, and put it and its private key into the Secret",
        spec=lambda stage, name: stage.pair(name, make_certificate(not_after=PAST)),
    ),
    "not-yet-valid": broken(
        Reason.CERTIFICATE_NOT_YET_VALID,
        f"the certificate with SHA-1 thumbprint {{sha1}} is not valid before {rfc3339(SOON)}: ",
        "wait until then, or correct the clock of the node",
        spec=lambda stage, name: stage.pair(name, make_certificate(not_before=SOON)),
        stalled=False,
    ),
    "weak": broken(
        Reason.KEY_TOO_WEAK,
        'the private key in key "tls.key" of Secret {namespace}/{name} has 1024 bits, and at least 2048 are needed: ',
        "make an RSA key of 2048 to 4096 bits and a certificate for it, register the certificate on the application",
        spec=lambda stage, name: stage.pair(name, make_certificate(key_size=1024)),
    ),
    "elliptic": broken(
        Reason.KEY_UNSUPPORTED,
        "the key of the certificate with SHA-1 thumbprint {sha1} is EC P-256, ",
        "and Microsoft Entra ID accepts RSA keys only: make an RSA key of 2048 to 4096 bits and a certificate for it",
        spec=lambda stage, name: stage.pair(name, make_certificate(key_type="ec")),
    ),
    "encrypted": broken(
        Reason.CREDENTIAL_PASSWORD_REQUIRED,
        'the private key in key "tls.key" of Secret {namespace}/{name} is encrypted with a password, ',
        "and the spec names none: put the password into the same Secret, ",
        "and name that key in spec.credential.certificate.passwordKey",
        spec=lambda stage, name: stage.altered(name, tls_key=encrypted(stage.scenario.certificate)),
    ),
    "wrong-password": broken(
        Reason.CREDENTIAL_PASSWORD_WRONG,
        'key "password" of Secret {namespace}/{name}',
        spec=lambda stage, name: stage.sealed(
            name, {"tls.key": encrypted(stage.scenario.certificate), "password": b"another"}, passwordKey="password"
        ),
    ),
    "costly": broken(
        Reason.CREDENTIAL_MALFORMED,
        'key "client.pfx" of Secret {namespace}/{name} holds a PKCS #12 file that takes more than 5 s or ',
        "encrypt it anew with the usual number of them (openssl pkcs12 ",
        spec=lambda stage, name: stage.sealed(
            name, {"client.pfx": pfx(ENDLESS), "password": b"any"}, pkcs12Key="client.pfx", passwordKey="password"
        ),
    ),
    "a-target": broken(
        Reason.CREDENTIAL_SOURCE_REFUSED,
        "Secret {namespace}/{name} is the target of a ClientCredentialToken: ",
        "put the credential into a Secret of its own",
        spec=Stage.target_as_credential,
    ),
    "secret-missing": broken(
        Reason.CREDENTIAL_NOT_FOUND,
        'Secret {namespace}/absent does not exist: create it with the key "value", ',
        "or correct credential.clientSecret.secretKeyRef.name",
        spec=lambda _, __: {"credential": {"clientSecret": {"secretKeyRef": {"name": "absent", "key": "value"}}}},
        stalled=False,
    ),
    "secret-empty": broken(
        Reason.CREDENTIAL_MALFORMED,
        'key "value" of Secret {namespace}/{name} is no client secret: it is empty, ',
        "copy the value of the client secret (in Microsoft Entra ID not its Secret ID) into the Secret again",
        spec=lambda stage, name: stage.client_secret(name, b"\n"),
    ),
    "account-missing": broken(
        Reason.CREDENTIAL_NOT_FOUND,
        "ServiceAccount {namespace}/absent does not exist: create it, or correct credential.serviceAccount.name",
        spec=lambda _, __: {"credential": {"serviceAccount": {"name": "absent", "audience": AUDIENCE}}},
        stalled=False,
    ),
    "audience-not-allowed": broken(
        Reason.AUDIENCE_NOT_ALLOWED,
        "this installation does not allow tokens of ServiceAccounts for the audience api://elsewhere: ",
        "ask the administrator of tokensync to add it to the setting allowed-audiences, ",
        "or correct credential.serviceAccount.audience",
        spec=lambda _, __: {"credential": {"serviceAccount": {"name": "absent", "audience": "api://elsewhere"}}},
    ),
    # what the provider answers
    "wrong-tenant": Case(
        Reason.TENANT_UNKNOWN,
        (
            "{host} does not know tenant 6babcaad-604b-40ac-a9d7-9fd97c0b779f (AADSTS90002): ",
            "correct spec.provider.entra: tenantId is the directory (tenant) id or a domain of the tenant",
        ),
        lambda stage, _: stage.tenant("6babcaad-604b-40ac-a9d7-9fd97c0b779f"),
    ),
    "unknown-application": Case(
        Reason.CLIENT_UNKNOWN,
        (
            "{host} does not know application (client) id {client} in tenant {tenant} (AADSTS700016): ",
            "correct spec.clientId or spec.provider.entra.tenantId, or register the application in that tenant",
        ),
        Stage.unknown_application,
    ),
    "not-registered": Case(
        Reason.CREDENTIAL_REJECTED,
        (
            "{host} does not accept the certificate with thumbprint {sha1} (SHA-256 {sha256}) for application ",
            "application (client) id {client} (AADSTS700027): ",
            "register the certificate with thumbprint {sha1} on application {client}",
            "a new registration takes minutes to be known",
        ),
        Stage.unregistered,
    ),
    "wrong-scope": Case(
        Reason.SCOPE_REJECTED,
        (
            "{host} refuses scope https://unknown.example/.default for application (client) id {client}: AADSTS500011",
            "correct the resource in spec.scopes, or add its enterprise application to tenant {tenant}",
        ),
        lambda _, __: {"scopes": ["https://unknown.example/.default"]},
    ),
    "clock-off": Case(
        Reason.CLOCK_SKEWED,
        (
            "{host} finds the assertion expired or not yet valid: ",
            "this node's clock is about 1h behind its own (AADSTS700024): ",
            "synchronise the clock of the node that tokensync runs on",
        ),
        lambda stage, name: stage.at(name, stage.skewed),
    ),
    "blocked": Case(
        Reason.POLICY_BLOCKED,
        (
            "a policy at {host} blocks application (client) id {client}: AADSTS53003",
            "ask an administrator of tenant {tenant} to let application {client} sign in from this cluster's",
        ),
        lambda stage, name: stage.application(name, blocked_by_policy=True),
    ),
    "disabled": Case(
        Reason.POLICY_BLOCKED,
        ("AADSTS7000112", "ask an administrator of tenant {tenant} to enable application {client}"),
        lambda stage, name: stage.application(name, disabled=True),
    ),
    "throttled": Case(
        Reason.PROVIDER_THROTTLED,
        (
            "{host} asks for fewer requests of application (client) id {client}: AADSTS90055",
            "find out what else requests tokens for application {client}, ",
            "or ask the administrator of tokensync to set provider-requests-per-second",
        ),
        lambda stage, name: stage.at(name, stage.throttled),
    ),
    # the way to it
    "unreachable": Case(
        Reason.PROVIDER_UNREACHABLE,
        (
            "{host} refused the connection: ",
            "check name resolution, network policies and firewalls between this cluster and {host}",
        ),
        lambda stage, name: stage.at(name, stage.absent),
    ),
    "untrusted": Case(
        Reason.PROVIDER_UNTRUSTED,
        (
            "the certificate of {host} cannot be verified (unable to get local issuer certificate): ",
            "ask the administrator of tokensync to set ca-bundle to a PEM file with the authority that issued",
        ),
        lambda stage, name: stage.at(name, stage.untrusted),
    ),
    # limits of the installation
    "host-not-allowed": Case(
        Reason.HOST_NOT_ALLOWED,
        (
            "this installation does not allow tokens to be requested from {host}/",
            "ask the administrator of tokensync to add {host} to its setting allowed-hosts",
        ),
        lambda stage, name: stage.at(name, stage.not_allowed),
        stalled=True,
    ),
    "type-not-allowed": Case(
        Reason.TARGET_TYPE_NOT_ALLOWED,
        (
            "target.type may not be example.com/token: this installation does not allow Secrets of that type: ",
            "make it Opaque, kubernetes.io/basic-auth or kubernetes.io/dockerconfigjson, ",
            "to add it to the setting allowed-secret-types",
        ),
        lambda _, name: {"target": {"name": f"{name}-token", "type": "example.com/token"}},
        stalled=True,
    ),
    "metadata-not-allowed": Case(
        Reason.METADATA_NOT_ALLOWED,
        (
            "target.annotations may not hold replicator.v1.mittwald.de/replicate-to: ",
            "this installation denies names that start with replicator.v1.mittwald.de/: ",
            "remove it, or ask the administrator to change the setting denied-metadata",
        ),
        lambda _, name: {
            "target": {"name": f"{name}-token", "annotations": {"replicator.v1.mittwald.de/replicate-to": "*"}}
        },
        stalled=True,
    ),
    # the target
    "not-owned": Case(
        Reason.TARGET_NOT_OWNED,
        (
            "Secret {namespace}/{name}-token exists and was not made by tokensync: ",
            "give target.name another name; or, if the Secret may be overwritten, ",
            "annotate it with tokensync.dev/adoptable-by={name} and set target.adopt to true",
        ),
        Stage.existing,
        stalled=True,
    ),
    "other-type": Case(
        Reason.TARGET_TYPE_MISMATCH,
        (
            "Secret {namespace}/{name}-token has another type than target.type, and a Secret's type cannot be changed: ",
            "give target.name another name, or delete the Secret",
        ),
        lambda stage, name: stage.existing(name, adopt=True, kind="kubernetes.io/basic-auth"),
        stalled=True,
    ),
    "immutable": Case(
        Reason.TARGET_IMMUTABLE,
        (
            "Secret {namespace}/{name}-token is immutable: ",
            "delete the Secret, so that it is made anew, or give target.name another name",
        ),
        lambda stage, name: stage.existing(name, adopt=True, immutable=True),
        stalled=True,
    ),
}
