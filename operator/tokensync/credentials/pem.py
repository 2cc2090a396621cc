"""A Secret's entries become a certificate and the private key that belongs to it."""

from collections.abc import Mapping
from dataclasses import replace

from cryptography.x509 import Certificate

from tokensync.credentials import pkcs12
from tokensync.credentials.certificates import chain_of, read_certificates, thumbprint
from tokensync.credentials.entry import Entry, Part, find_entry
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.password import Password, read_password
from tokensync.credentials.private_key import PrivateKey, read_private_key
from tokensync.credentials.untrusted import result_or_none
from tokensync.errors import CredentialError, Reason
from tokensync.resource.credential import CertificateCredential


def read_pair(data: Mapping[str, bytes], form: CertificateCredential, *, secret: str) -> KeyPair:
    """Read a certificate, its chain and its private key, whatever bytes are given.

    All of them may stand in one entry, in any order: of several certificates the first with the private key's public
    key counts. Blocks for seconds, perhaps, where something is encrypted; a password for what is not is passed over.

    Args:
        data: the Secret's keys and their decoded bytes.
        form: which of them hold what, and how.
        secret: namespace and name of the Secret, for messages.

    Raises:
        CredentialError: nothing else, on any bytes. `CredentialKeyMissing`, `CredentialMalformed`,
            `CredentialPasswordRequired`, `CredentialPasswordWrong`, `KeyUnsupported`, `KeyTooWeak` or `KeyMismatch`;
            or `InternalError`, if something encrypted could not be opened, and may be later.
    """
    password = read_password(data, form, secret=secret)
    certificate_entry, private_key_entry = _entries(data, form, password, secret)
    certificates = read_certificates(certificate_entry)
    private_key = read_private_key(private_key_entry, password)
    leaf = _first_with(private_key, certificates)
    if leaf is None:
        raise _mismatch(private_key_entry, certificate_entry, certificates)
    return KeyPair.of(private_key, chain_of(leaf, certificates))


def _entries(
    data: Mapping[str, bytes], form: CertificateCredential, password: Password, secret: str
) -> tuple[Entry, Entry]:
    """Where certificates and private key stand in PEM."""
    if form.pkcs12_key:
        file = find_entry(data, form.pkcs12_key, part=Part.PKCS12, secret=secret, most_bytes=pkcs12.MOST_BYTES)
        opened = pkcs12.open_pkcs12(file, password)
        return replace(opened, part=Part.CERTIFICATE), replace(opened, part=Part.PRIVATE_KEY)
    return (
        find_entry(data, form.certificate_key, part=Part.CERTIFICATE, secret=secret),
        find_entry(data, form.private_key_key, part=Part.PRIVATE_KEY, secret=secret),
    )


def _first_with(private_key: PrivateKey, certificates: list[Certificate]) -> Certificate | None:
    public_key = private_key.public_key()
    return next((each for each in certificates if result_or_none(each.public_key) == public_key), None)


def _mismatch(private_key_entry: Entry, certificate_entry: Entry, certificates: list[Certificate]) -> CredentialError:
    first, *others = certificates
    belongs = (
        f"belongs to none of the {len(certificates)} certificates"
        if others
        else f"does not belong to the certificate with SHA-1 thumbprint {thumbprint(first, 'sha1')}"
    )
    return CredentialError(
        Reason.KEY_MISMATCH,
        f"the private key in {private_key_entry} {belongs} in {certificate_entry}",
        remedy="put the private key there that the certificate was made for; for a pair, openssl pkey -pubout -in KEY "
        "and openssl x509 -noout -pubkey -in CERTIFICATE print the same",
    )
