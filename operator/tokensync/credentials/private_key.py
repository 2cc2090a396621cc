"""An entry of a Secret becomes a private key, RSA or EC, that was tried out.

An RSA key is loaded without cryptography's validation of RSA keys, which tests two numbers for being prime: that takes
38 ms for 2048 bits and 250 ms for 4096, with the interpreter's lock held: more than everything else that a token
costs. What is unsafe about leaving it out, and what stands in for it:

- Numbers of any size. A `p` of 20,000 bits in a file of 8 KiB holds the process up for four seconds at the first
  signature. So the modulus is bounded, and then cryptography's own check of the parts, which takes microseconds, sees
  that `p * q` is the modulus and nothing is larger than it, before anything is computed.
- Numbers that do not belong together. A signature made with them can be wrong, and a wrong one can give a factor of
  the modulus away. OpenSSL tests each with the public exponent before it hands it out, and a first one is made and
  verified here.
- A `p` or `q` that is no prime. Such a key is weak, and so is the certificate that its owner registered for it; nobody
  else is harmed.

An EC key is no larger than its curve. Other algorithms are refused by name: loading a DSA or Diffie-Hellman key computes
with numbers that its file chooses.
"""

import base64
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tokensync.credentials.entry import Block, Entry
from tokensync.credentials.opening import open_entry
from tokensync.credentials.password import Password
from tokensync.credentials.untrusted import result_or_none
from tokensync.errors import CredentialError, Reason

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

FEWEST_BITS = 2048
MOST_BITS = 4096

NEW_RSA_PAIR = (
    f"make an RSA key of {FEWEST_BITS} to {MOST_BITS} bits and a certificate for it, register the certificate on the "
    "application, and put both into the Secret"
)
"""The remedy that always helps."""

_TRIAL = b"tokensync"
_CURVES = (SECP256R1, SECP384R1, SECP521R1)

_LEGACY_ENCRYPTION = b"4,ENCRYPTED"
"""What the header `Proc-Type` of an encrypted PKCS #1 or SEC 1 key says (RFC 1421, section 4.6.1.1)."""

_ALGORITHMS = (bytes.fromhex("2a864886f70d0101"), bytes.fromhex("2a8648ce3d0201"))
"""In DER: 1.2.840.113549.1.1, which the object identifiers of RSA keys start with (RFC 8017, appendix C), and
1.2.840.10045.2.1, that of EC keys (RFC 5480, section 2.1.1)."""

_ALGORITHM_END = 20
"""A key in PKCS #8 names its algorithm within these bytes. Where the name of another algorithm stands in them, a
structure of more than 127 bytes has no room left to repeat one of those."""


def read_private_key(entry: Entry, password: Password) -> PrivateKey:
    """Read the one private key of an entry, in PKCS #8, PKCS #1 or SEC 1.

    It is RSA with 2048 to 4096 bits, or EC on P-256, P-384 or P-521.

    Args:
        entry: where it stands.
        password: what it is opened with if it is encrypted; not looked at otherwise.

    Raises:
        CredentialError: `CredentialMalformed`, `CredentialPasswordRequired`, `CredentialPasswordWrong`,
            `KeyUnsupported` or `KeyTooWeak`; or `InternalError`, if it could not be opened, and may be later.
    """
    block = _decrypted(entry, _only_block(entry), password)
    _check_algorithm(entry, block)
    key = result_or_none(lambda: load_pem_private_key(block.text, None, unsafe_skip_rsa_key_validation=True))
    if not isinstance(key, PrivateKey):
        raise entry.damaged()
    _check_size(entry, key)
    if not result_or_none(lambda: _works(key)):
        raise entry.damaged()
    return key


def _only_block(entry: Entry) -> Block:
    first, *others = entry.blocks()
    if others:
        raise entry.malformed(
            f"holds {len(others) + 1} private keys", remedy="keep only the one that belongs to the certificate"
        )
    return first


def _decrypted(entry: Entry, block: Block, password: Password) -> Block:
    if block.label != "ENCRYPTED PRIVATE KEY" and _LEGACY_ENCRYPTION not in block.body:
        return block
    if not password.value:
        raise password.required(entry)
    return _only_block(open_entry(replace(entry, data=block.text), password))


def _check_algorithm(entry: Entry, block: Block) -> None:
    # Strict, and so without headers: the library must not find other Base64 in the block than was looked at here.
    der = result_or_none(lambda: base64.b64decode(b"".join(block.body.split()), validate=True))
    if der is None:
        raise entry.damaged()
    named_by_label = block.label in {"RSA PRIVATE KEY", "EC PRIVATE KEY"}
    named_inside = block.label == "PRIVATE KEY" and any(name in der[:_ALGORITHM_END] for name in _ALGORITHMS)
    if not (named_by_label or named_inside):
        raise _unsupported(entry, "is not an RSA or EC key in PKCS #8, PKCS #1 or SEC 1")


def _check_size(entry: Entry, key: PrivateKey) -> None:
    if isinstance(key, EllipticCurvePrivateKey):
        if not isinstance(key.curve, _CURVES):
            raise _unsupported(entry, f"is on the curve {key.curve.name}, and P-256, P-384 and P-521 are supported")
    elif key.key_size < FEWEST_BITS:
        raise CredentialError(
            Reason.KEY_TOO_WEAK,
            f"the private key in {entry} has {key.key_size} bits, and at least {FEWEST_BITS} are needed",
            remedy=NEW_RSA_PAIR,
        )
    elif key.key_size > MOST_BITS:
        raise _unsupported(entry, f"has {key.key_size} bits, and no more than {MOST_BITS} are supported")


def _works(key: PrivateKey) -> bool:
    """Check an RSA key's parts, then sign as assertions are signed (RFC 7518, sections 3.4, 3.5); raises if it fails."""
    if isinstance(key, EllipticCurvePrivateKey):
        key.public_key().verify(key.sign(_TRIAL, ECDSA(SHA256())), _TRIAL, ECDSA(SHA256()))
    else:
        key.private_numbers().private_key(unsafe_skip_rsa_key_validation=True)
        padding = PSS(MGF1(SHA256()), SHA256.digest_size)
        key.public_key().verify(key.sign(_TRIAL, padding, SHA256()), _TRIAL, padding, SHA256())
    return True


def _unsupported(entry: Entry, problem: str) -> CredentialError:
    return CredentialError(Reason.KEY_UNSUPPORTED, f"the private key in {entry} {problem}", remedy=NEW_RSA_PAIR)
