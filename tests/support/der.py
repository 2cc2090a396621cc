"""DER (X.690) and PEM (RFC 7468) written by hand, for files that no library makes."""

import base64
import textwrap

SHA256 = "608648016503040201"
PKCS7_DATA = "2a864886f70d010701"
PBES2 = "2a864886f70d01050d"
PBKDF2 = "2a864886f70d01050c"
SCRYPT = "2b06010401da47040b"
AES_256_CBC = "60864801650304012a"


def pem(label: str, der: bytes) -> bytes:
    """One block."""
    lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


def der_of(block: bytes) -> bytes:
    """What is in a block."""
    return base64.b64decode(b"".join(block.splitlines()[1:-1]))


def tlv(tag: int, content: bytes) -> bytes:
    """One element (section 8.1)."""
    size = len(content).to_bytes(max(1, (len(content).bit_length() + 7) // 8))
    length = size if len(content) < 0x80 else bytes([0x80 | len(size)]) + size
    return bytes([tag]) + length + content


def sequence(*elements: bytes) -> bytes:
    """A SEQUENCE."""
    return tlv(0x30, b"".join(elements))


def integer(value: int) -> bytes:
    """An INTEGER."""
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def identifier(hexadecimal: str) -> bytes:
    """An OBJECT IDENTIFIER."""
    return tlv(0x06, bytes.fromhex(hexadecimal))


def octets(content: bytes) -> bytes:
    """An OCTET STRING."""
    return tlv(0x04, content)


def pfx(iterations: int, content: bytes = b"") -> bytes:
    """A PKCS #12 file (RFC 7292, section 4) whose password goes through that many iterations before it is checked."""
    safe = sequence(identifier(PKCS7_DATA), tlv(0xA0, octets(content or sequence())))
    digest = sequence(sequence(identifier(SHA256), tlv(0x05, b"")), octets(bytes(32)))
    return sequence(integer(3), safe, sequence(digest, octets(bytes(8)), integer(iterations)))


def encrypted_key(iterations: int) -> bytes:
    """An encrypted key in PKCS #8 (RFC 8018, appendix A.4) with that many iterations."""
    return _encrypted_key(sequence(identifier(PBKDF2), sequence(octets(bytes(8)), integer(iterations))))


def scrypt_key(*, cost: int, block_size: int) -> bytes:
    """The same with scrypt (RFC 7914, section 7), which takes 128 times the product of both in bytes."""
    parameters = sequence(octets(bytes(8)), integer(cost), integer(block_size), integer(1))
    return _encrypted_key(sequence(identifier(SCRYPT), parameters))


def _encrypted_key(derivation: bytes) -> bytes:
    cipher = sequence(identifier(AES_256_CBC), octets(bytes(16)))
    scheme = sequence(identifier(PBES2), sequence(derivation, cipher))
    return pem("ENCRYPTED PRIVATE KEY", sequence(scheme, octets(bytes(64))))
