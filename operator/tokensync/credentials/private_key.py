"""An entry of a Secret becomes an RSA private key that was tried out.

The key is loaded without cryptography's validation of RSA keys, which tests two numbers for being prime: that takes
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

Other algorithms are refused by name: loading a DSA or Diffie-Hellman key computes with numbers that its file chooses.
"""

import base64

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tokensync.credentials.entry import Block, Entry
from tokensync.credentials.untrusted import result_or_none
from tokensync.errors import CredentialError, Reason

FEWEST_BITS = 2048
MOST_BITS = 4096

_LEGACY_ENCRYPTION = b"4,ENCRYPTED"
"""What the header `Proc-Type` of an encrypted PKCS #1 key says (RFC 1421, section 4.6.1.1)."""

_PKCS1_ARC = bytes.fromhex("2a864886f70d0101")
"""1.2.840.113549.1.1 in DER, which the object identifiers of RSA keys start with (RFC 8017, appendix C)."""

_ALGORITHM_END = 20
"""An RSA key in PKCS #8 names its algorithm within these bytes. Where the name of another algorithm stands in them, a
structure of more than 127 bytes has no room left to repeat that of RSA."""


def read_private_key(entry: Entry) -> RSAPrivateKey:
    """Read the one private key of an entry: RSA, 2048 to 4096 bits, in PKCS #8 or PKCS #1, not encrypted.

    Raises:
        CredentialError: `CredentialMalformed`, `CredentialPasswordRequired`, `KeyUnsupported` or `KeyTooWeak`.
    """
    block = _only_block(entry)
    _check_unencrypted(entry, block)
    _check_algorithm(entry, block)
    key = result_or_none(lambda: load_pem_private_key(block.text, None, unsafe_skip_rsa_key_validation=True))
    if not isinstance(key, RSAPrivateKey):
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


def _check_unencrypted(entry: Entry, block: Block) -> None:
    if block.label == "ENCRYPTED PRIVATE KEY" or _LEGACY_ENCRYPTION in block.body:
        raise CredentialError(
            Reason.CREDENTIAL_PASSWORD_REQUIRED,
            f"the private key in {entry} is encrypted, which this version of tokensync does not support yet",
            remedy="decrypt it (openssl pkey -in FILE -out PLAIN), and put the content of PLAIN into the Secret",
        )


def _check_algorithm(entry: Entry, block: Block) -> None:
    # Strict, and so without headers: the library must not find other Base64 in the block than was looked at here.
    der = result_or_none(lambda: base64.b64decode(b"".join(block.body.split()), validate=True))
    if der is None:
        raise entry.damaged()
    is_pkcs1 = block.label == "RSA PRIVATE KEY"
    is_pkcs8 = block.label == "PRIVATE KEY" and _PKCS1_ARC in der[:_ALGORITHM_END]
    if not (is_pkcs1 or is_pkcs8):
        raise _unsupported(entry, "is not an RSA key in PKCS #8 or PKCS #1")


def _check_size(entry: Entry, key: RSAPrivateKey) -> None:
    if key.key_size < FEWEST_BITS:
        raise CredentialError(
            Reason.KEY_TOO_WEAK,
            f"the private key in {entry} has {key.key_size} bits, and at least {FEWEST_BITS} are needed",
            remedy=_new_pair(),
        )
    if key.key_size > MOST_BITS:
        raise _unsupported(entry, f"has {key.key_size} bits, and no more than {MOST_BITS} are supported")


def _works(key: RSAPrivateKey) -> bool:
    """Check the key's parts, then sign as assertions are signed (PS256: RFC 7518, section 3.5); raises if it fails."""
    key.private_numbers().private_key(unsafe_skip_rsa_key_validation=True)
    padding = PSS(MGF1(SHA256()), SHA256.digest_size)
    signature = key.sign(b"tokensync", padding, SHA256())
    key.public_key().verify(signature, b"tokensync", padding, SHA256())
    return True


def _unsupported(entry: Entry, problem: str) -> CredentialError:
    return CredentialError(Reason.KEY_UNSUPPORTED, f"the private key in {entry} {problem}", remedy=_new_pair())


def _new_pair() -> str:
    return (
        f"make an RSA key of {FEWEST_BITS} to {MOST_BITS} bits and a certificate for it, register the certificate on the "
        "application, and put both into the Secret"
    )
