"""The certificate loader, on any bytes: PEM as it is, DER in blocks, and what the process opens that opens encrypted files.

The first byte of an input says where the rest goes.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from tokensync.credentials.opener import Outcome, Sealed, open_sealed, pack
from tokensync.credentials.pem import read_pair
from tokensync.errors import CredentialError
from tokensync.resource.credential import CertificateCredential

Option = TypeVar("Option")

PASSWORD = b"fuzz"
CORPUS = Path(__file__).parent / "corpus" / "certificate"
LABELS = (b"PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY", b"ENCRYPTED PRIVATE KEY")

_FORM = CertificateCredential.model_validate(
    {"secretRef": {"name": "fuzz"}, "certificateKey": "certificate", "privateKeyKey": "key"}
)
_GOOD = (CORPUS / "pem-rsa").read_bytes()[1:]
_SLOW = re.compile(rb"(?<!\x02)\x02(?:\x03(?!\x01\0\x01)|\x04|\x05)|\x2b\x06\x01\x04\x01\xda\x47\x0b")
"""What may be the start of an iteration count above 32767, RSA's usual exponent left out, and the name of scrypt."""


def try_one(data: bytes) -> None:
    """Anything but a pair or one of our own errors is a finding."""
    outcome_of(data)


def outcome_of(data: bytes) -> str:
    """What comes of an input: "pair", the reason of an error, or how an opening ended."""
    return _chosen(_TARGETS, data)(data[1:])


def is_slow(file: bytes) -> bool:
    """Whether opening it may take long: that is for the limits of the process, which is none here."""
    return bool(_SLOW.search(file))


def _try_pem(text: bytes) -> str:
    return _read({"certificate": text, "key": text})


def _try_key(data: bytes) -> str:
    """The first byte chooses the label."""
    return _read({"certificate": _GOOD, "key": _pem(_chosen(LABELS, data), data[1:])})


def _try_certificate(der: bytes) -> str:
    """Twice, so that there is something to put in order."""
    block = _pem(b"CERTIFICATE", der)
    return _read({"certificate": block + _GOOD + block, "key": _GOOD})


def _try_sealed(sealed: Sealed, file: bytes) -> str:
    if is_slow(file):
        return "slow"
    outcome, opened = open_sealed(sealed, pack(PASSWORD, file))
    if outcome is not Outcome.OPENED:
        assert not opened
        return outcome.name
    return _read({"certificate": opened if sealed is Sealed.PKCS12 else _GOOD, "key": opened})


def _read(data: Mapping[str, bytes]) -> str:
    refusal = _refusal(data)
    if refusal is None:
        return "pair"
    assert refusal.__cause__ is refusal.__context__ is None, "it carries what the library said, which may be a secret"
    return refusal.reason


def _refusal(data: Mapping[str, bytes]) -> CredentialError | None:
    try:
        read_pair(data, _FORM, secret="fuzz/fuzz")
    except CredentialError as error:
        return error
    return None


def _pem(label: bytes, der: bytes) -> bytes:
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label, b64encode(der), label)


def _chosen(options: Sequence[Option], data: bytes) -> Option:
    """By the first byte; the corpus uses digits."""
    return options[(int.from_bytes(data[:1]) - ord("0")) % len(options)]


_TARGETS: tuple[Callable[[bytes], str], ...] = (
    _try_pem,
    _try_key,
    _try_certificate,
    partial(_try_sealed, Sealed.PKCS12),
    partial(_try_sealed, Sealed.PRIVATE_KEY),
)
