"""A Secret's PEM entries become a certificate and the private key that belongs to it."""

import hashlib
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_pem_x509_certificate

from tokensync.credentials.entry import Entry, Part, find_entry
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.private_key import read_private_key
from tokensync.credentials.untrusted import result_or_none
from tokensync.errors import CredentialError, Reason


def read_pair(data: Mapping[str, bytes], *, certificate_key: str, private_key_key: str, secret: str) -> KeyPair:
    """Read a certificate and its private key, whatever bytes are given; both may stand in one entry, in any order.

    Of several certificates the first with the private key's public key counts: a leaf need not come first.

    Args:
        data: the Secret's keys and their decoded bytes.
        certificate_key: which of them holds the certificate.
        private_key_key: which of them holds the private key.
        secret: namespace and name of the Secret, for messages.

    Raises:
        CredentialError: nothing else, on any bytes. `CredentialKeyMissing`, `CredentialMalformed`,
            `CredentialPasswordRequired`, `KeyUnsupported`, `KeyTooWeak` or `KeyMismatch`.
    """
    certificate_entry = find_entry(data, certificate_key, part=Part.CERTIFICATE, secret=secret)
    private_key_entry = find_entry(data, private_key_key, part=Part.PRIVATE_KEY, secret=secret)
    certificates = _read_certificates(certificate_entry)
    private_key = read_private_key(private_key_entry)
    certificate = _first_with(private_key.public_key(), certificates)
    if certificate is None:
        raise _mismatch(private_key_entry, certificate_entry, certificates)
    return KeyPair(
        thumbprint_sha1=_thumbprint(certificate, "sha1"),
        thumbprint_sha256=_thumbprint(certificate, "sha256"),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        private_key=private_key,
    )


def _read_certificates(entry: Entry) -> list[Certificate]:
    texts = [block.text for block in entry.blocks()]
    certificates = result_or_none(lambda: [load_pem_x509_certificate(text) for text in texts])
    if certificates is None:
        raise entry.damaged()
    return certificates


def _first_with(public_key: RSAPublicKey, certificates: list[Certificate]) -> Certificate | None:
    return next((each for each in certificates if result_or_none(each.public_key) == public_key), None)


def _mismatch(private_key_entry: Entry, certificate_entry: Entry, certificates: list[Certificate]) -> CredentialError:
    first, *others = certificates
    belongs = (
        f"belongs to none of the {len(certificates)} certificates"
        if others
        else f"does not belong to the certificate with SHA-1 thumbprint {_thumbprint(first, 'sha1')}"
    )
    return CredentialError(
        Reason.KEY_MISMATCH,
        f"the private key in {private_key_entry} {belongs} in {certificate_entry}",
        remedy="put the private key there that the certificate was made for; for a pair, openssl pkey -pubout -in KEY "
        "and openssl x509 -noout -pubkey -in CERTIFICATE print the same",
    )


def _thumbprint(certificate: Certificate, algorithm: str) -> str:
    digest = hashlib.new(algorithm, certificate.public_bytes(Encoding.DER), usedforsecurity=False)
    return digest.hexdigest().upper()
