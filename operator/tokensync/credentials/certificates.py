"""An entry of a Secret becomes certificates, and these a chain."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_pem_x509_certificate

from tokensync.credentials.entry import Entry
from tokensync.credentials.untrusted import result_or_none

MOST_CERTIFICATES = 10
"""Certificates of an entry that are parsed. A chain has two or three, rarely five."""

_MOST_ISSUER_BITS = 8192
_LARGEST_ISSUER_EXPONENT = 2**32
"""Of an RSA key that signatures are verified with, which takes at most 3 ms so. They are mostly 65537."""


def read_certificates(entry: Entry) -> list[Certificate]:
    """Read the certificates of an entry, in their order; at least one.

    Raises:
        CredentialError: `CredentialMalformed`.
    """
    texts = [block.text for block in entry.blocks()]
    if len(texts) > MOST_CERTIFICATES:
        raise entry.malformed(
            f"holds {len(texts)} certificates, and no more than {MOST_CERTIFICATES} are read",
            remedy="keep nothing there but the client's certificate and its chain",
        )
    certificates = result_or_none(lambda: [load_pem_x509_certificate(text) for text in texts])
    if certificates is None:
        raise entry.damaged()
    return certificates


def chain_of(leaf: Certificate, certificates: list[Certificate]) -> list[Certificate]:
    """Put the leaf and whoever issued it into a row, each before its issuer; a root that issued itself is left out.

    The leaf is always in it, even where it is such a root.

    Args:
        leaf: the one to start from.
        certificates: in any order, the leaf and others that have nothing to do with it among them.
    """
    chain = [leaf]
    others = [each for each in certificates if each != leaf and not _issued(each, each)]
    while not _issued(chain[-1], chain[-1]):
        issuer = next((each for each in others if _issued(each, chain[-1])), None)
        if issuer is None:
            break
        others.remove(issuer)
        chain.append(issuer)
    return chain


def thumbprint(certificate: Certificate, algorithm: str) -> str:
    """The digest of its DER form in upper-case hexadecimal, as Entra's portal shows it."""
    digest = hashlib.new(algorithm, certificate.public_bytes(Encoding.DER), usedforsecurity=False)
    return digest.hexdigest().upper()


def _issued(issuer: Certificate, certificate: Certificate) -> bool:
    def verify() -> bool:
        if certificate.issuer != issuer.subject or not _verifies_quickly(issuer):
            return False
        certificate.verify_directly_issued_by(issuer)
        return True

    return bool(result_or_none(verify))


def _verifies_quickly(issuer: Certificate) -> bool:
    match issuer.public_key():
        case RSAPublicKey() as key:
            return key.key_size <= _MOST_ISSUER_BITS and key.public_numbers().e < _LARGEST_ISSUER_EXPONENT
        case key:
            return isinstance(key, EllipticCurvePublicKey)
