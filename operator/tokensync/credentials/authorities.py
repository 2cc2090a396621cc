"""The bytes of a bundle become the certificate authorities that a provider's certificate may come from."""

import re
import ssl
from functools import lru_cache

from tokensync.errors import ProviderError, Reason

MOST_BYTES = 256 * 1024
"""Bytes of a bundle that are read. All the authorities of a usual operating system take about 220 KiB."""

_BEGIN = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----")
_CERTIFICATE = re.compile(_BEGIN.pattern + rb"[A-Za-z0-9+/=\s]+-----END (?:X509 )?CERTIFICATE-----")
_BASE64_OF_BEGIN = b"LS0tLS1CRUdJTi"
_PUT_THERE = "put the certificates in PEM there of the authorities that the provider's certificate comes from"


def read_authorities(data: bytes, *, where: str) -> str:
    """Take the certificates out of a bundle, whatever else is in it, comments and keys included.

    Args:
        data: of the bundle.
        where: its key and object, for messages.

    Returns:
        Certificates in PEM, at least one, which `ssl` can read.

    Raises:
        ProviderError: `ProviderUntrusted`, if there are none, or one is damaged, or the bundle is too large.
    """
    if len(data) > MOST_BYTES:
        raise unusable_bundle(
            f"{where} holds {len(data)} bytes, and no more than {MOST_BYTES} are read",
            remedy="keep nothing there but the certificates of the authorities that the provider's comes from",
        )
    begins, certificates = _BEGIN.findall(data), _CERTIFICATE.findall(data)
    if not begins:
        raise _no_certificate(data, where)
    authorities = b"\n".join(certificates).decode()
    if len(certificates) != len(begins) or not _can_be_read(authorities):
        raise unusable_bundle(
            f"{where} holds a certificate that is damaged",
            remedy="copy the whole file there again, line breaks included",
        )
    return authorities


def unusable_bundle(message: str, *, remedy: str) -> ProviderError:
    """The error for a provider that cannot be trusted for want of a bundle."""
    return ProviderError(Reason.PROVIDER_UNTRUSTED, message, remedy=remedy)


def _no_certificate(data: bytes, where: str) -> ProviderError:
    if data.lstrip().startswith(_BASE64_OF_BEGIN):
        return unusable_bundle(
            f"{where} is encoded in Base64 once too often",
            remedy="give the PEM text itself under data of a ConfigMap or stringData of a Secret, or its Base64 form under "
            "data of a Secret",
        )
    return unusable_bundle(f"{where} holds no certificate in PEM", remedy=_PUT_THERE)


@lru_cache(maxsize=32)
def _can_be_read(authorities: str) -> bool:
    """Whether the library can read them that is to use them: it is asked, because no other one is as lenient as it.

    It takes half a millisecond for each certificate, and most bundles are read again and again.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=authorities)
    except ssl.SSLError:
        return False
    return True
