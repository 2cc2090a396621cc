"""A Secret's PKCS #12 file (RFC 7292), also known as PFX, becomes PEM."""

from dataclasses import replace

from tokensync.credentials.entry import Entry, Part
from tokensync.credentials.opening import open_entry
from tokensync.credentials.password import Password
from tokensync.errors import CredentialError

MOST_BYTES = 64 * 1024
"""Bytes of a file that is opened. It often holds a chain with its root, and names and attributes for each."""

MOST_BYTES_OPENED = 2 * MOST_BYTES
"""Bytes of what was in it: PEM is a third longer than DER."""

_DER_SEQUENCE = b"\x30"
_BASE64_OF_DER_SEQUENCE = b"MII"
_JAVA_KEY_STORE = b"\xfe\xed\xfe\xed"
_PEM = b"-----BEGIN "
_PEM_OF = {Part.CERTIFICATE: b"-----BEGIN CERTIFICATE-----", Part.PRIVATE_KEY: b"-----BEGIN PRIVATE KEY-----"}


def open_pkcs12(entry: Entry, password: Password) -> Entry:
    """Open a PKCS #12 file, without a password if it has none; return an entry that holds key and certificates in PEM.

    Raises:
        CredentialError: `CredentialMalformed`, `CredentialPasswordRequired` or `CredentialPasswordWrong`; or
            `InternalError`, if it could not be opened, and may be later.
    """
    entry.check_size()
    if not entry.data.startswith(_DER_SEQUENCE):
        raise _not_pkcs12(entry)
    opened = open_entry(entry, password)
    for part, boundary in _PEM_OF.items():
        if boundary not in opened.data:
            raise entry.malformed(
                f"holds a {entry.part} without a {part}",
                remedy="export it anew, with the certificate and its private key "
                "(openssl pkcs12 -export -in CERTIFICATE -inkey KEY -out NEW), and put NEW into the Secret",
            )
    return replace(opened, most_bytes=MOST_BYTES_OPENED)


def _not_pkcs12(entry: Entry) -> CredentialError:
    if _PEM in entry.data:
        return entry.malformed(
            "is PEM, and not PKCS #12",
            remedy=f"remove {entry.part.spec_field}, and name the key in {Part.CERTIFICATE.spec_field} "
            f"and {Part.PRIVATE_KEY.spec_field} instead",
        )
    if entry.data.lstrip().startswith(_BASE64_OF_DER_SEQUENCE):
        return entry.encoded_twice(remedy="give the file's Base64 form under data, encoded once")
    if entry.data.startswith(_JAVA_KEY_STORE):
        return entry.malformed(
            "is a Java keystore of the old form (JKS), and not PKCS #12",
            remedy="convert it (keytool -importkeystore -srckeystore FILE -destkeystore NEW -deststoretype pkcs12), "
            "and put NEW into the Secret",
        )
    return entry.malformed("is not PKCS #12", remedy=f"put the {entry.part.described} there")
