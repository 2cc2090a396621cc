"""The program that opens one encrypted file of a Secret, in a process of its own: how long that takes the file says.

It counts the iterations that a password goes through before it is a key: 2,048 usually, and any number in a file made to
hold somebody up. So the process limits itself before it reads anything, and dies when it uses more. It has nothing
to lose: no environment, no connection, no right to write a file, and no memory of the operator's.

Its one argument is a `Sealed`. Standard input is the length of the password in two bytes, the password and the file;
standard output is what was in the file, in PEM, unencrypted; how it ends is an `Outcome`. Nothing else is ever said: a
traceback could quote the key.
"""

import os
import resource
import sys
from enum import IntEnum, StrEnum
from pathlib import Path

from cryptography.exceptions import InternalError
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

PROCESSOR_SECONDS = 5
MOST_MEMORY = 24 * 1024 * 1024
"""Bytes of address space beside what the program takes before it reads anything; scrypt as OpenSSL uses it takes 16 MiB.

A pod's limit has room for all that run at once, or a file could have the operator killed."""

_LENGTH_BYTES = 2


class Sealed(StrEnum):
    """What can be opened."""

    PKCS12 = "pkcs12"
    PRIVATE_KEY = "private-key"


class Outcome(IntEnum):
    """The exit status. The end by SIGXCPU is the limit of processor time; by any other signal, somebody's doing."""

    OPENED = 0
    WRONG_PASSWORD = 3
    UNREADABLE = 4
    TOO_COSTLY = 5


def pack(password: bytes, file: bytes) -> bytes:
    """What is put on standard input."""
    return len(password).to_bytes(_LENGTH_BYTES) + password + file


def open_sealed(sealed: Sealed, message: bytes) -> tuple[Outcome, bytes]:
    """Open what was packed; return how it went, and what was in it in PEM."""
    end = _LENGTH_BYTES + int.from_bytes(message[:_LENGTH_BYTES])
    password, file = message[_LENGTH_BYTES:end], message[end:]
    try:
        opened = _open_pkcs12(file, password) if sealed is Sealed.PKCS12 else _open_private_key(file, password)
    except (MemoryError, InternalError):  # the second is OpenSSL's, where it gets no memory
        return Outcome.TOO_COSTLY, b""
    except Exception as error:  # noqa: BLE001 - cryptography has no closed list of what damaged input makes it raise
        return (Outcome.WRONG_PASSWORD if "password" in str(error).lower() else Outcome.UNREADABLE), b""
    return Outcome.OPENED, opened


def _open_pkcs12(file: bytes, password: bytes) -> bytes:
    """The private key if there is one, and all certificates."""
    key, certificate, others = load_key_and_certificates(file, password)
    blocks = [each.public_bytes(Encoding.PEM) for each in (certificate, *others) if each]
    if key:
        blocks.append(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return b"".join(blocks)


def _open_private_key(text: bytes, password: bytes) -> bytes:
    """The key is checked by whoever reads it next, like any other."""
    key = load_pem_private_key(text, password, unsafe_skip_rsa_key_validation=True)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _limit_this_process() -> None:
    os.nice(10)  # the operator goes first
    memory = _address_space() + MOST_MEMORY
    for limit, soft, hard in (
        # SIGXCPU at the first tells which limit it was; SIGKILL at the second would not
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS, PROCESSOR_SECONDS + 1),
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_FSIZE, 0, 0),
        # core(5): 0 is no limit for a core_pattern that is a pipe; one byte is too little for both
        (resource.RLIMIT_CORE, 1, 1),
    ):
        _, highest = resource.getrlimit(limit)
        unlimited = highest == resource.RLIM_INFINITY
        resource.setrlimit(limit, (soft, hard) if unlimited else (min(soft, highest), min(hard, highest)))


def _address_space() -> int:
    """Bytes that this process has mapped. How many that are before any work depends on Python's version and the libraries."""
    pages, _ = Path("/proc/self/statm").read_text().split(maxsplit=1)
    return int(pages) * resource.getpagesize()


def main() -> Outcome:
    """Be the program."""
    _limit_this_process()
    outcome, opened = open_sealed(Sealed(sys.argv[1]), sys.stdin.buffer.read())
    sys.stdout.buffer.write(opened)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
