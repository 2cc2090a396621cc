"""Files that are made to hold up whoever opens them, and the process that opens them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates

from support.certificates import make_certificate, make_form
from support.der import encrypted_key, octets, pem, pfx, scrypt_key, tlv
from support.token_source import everything_in
from support.waiting import eventually
from tokensync.credentials import opening
from tokensync.credentials.opener import Outcome, Sealed, open_sealed, pack
from tokensync.credentials.pem import read_pair
from tokensync.errors import PASSES_BY_ITSELF, CredentialError, Reason

CLIENT = make_certificate()
PASSWORD = b"correct horse"
FOR_EVER = 2**31 - 1
TOO_COSTLY = "takes more than 5 s or 24 MiB to open, as with too many iterations of its password"
STOPPED = (
    'the process that opens the PKCS #12 file in key "client.pfx" of Secret team/client was stopped before its end, as by '
    "a node without memory or processor time to spare: wait, it is tried again; if this lasts, encrypt it anew (openssl "
    "pkcs12 -in FILE -nodes -out PLAIN, then openssl pkcs12 -export -in PLAIN -out NEW), and put NEW into the Secret"
)
PFX_FORM = make_form(pkcs12Key="client.pfx", passwordKey="password")
KEY_FORM = make_form(passwordKey="password")


def refusal_of_pfx(file: bytes) -> CredentialError:
    with pytest.raises(CredentialError) as caught:
        read_pair({"client.pfx": file, "password": PASSWORD}, PFX_FORM, secret="team/client")
    return caught.value


def refusal_of_key(key: bytes) -> CredentialError:
    data = {"tls.crt": CLIENT.certificate_pem, "tls.key": key, "password": PASSWORD}
    with pytest.raises(CredentialError) as caught:
        read_pair(data, KEY_FORM, secret="team/client")
    return caught.value


@cache
def huge_key() -> rsa.RSAPrivateKey:
    """8676 bits, of two Mersenne primes, which takes no search."""
    p, q, e = 2**4423 - 1, 2**4253 - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def huge_pfx() -> bytes:
    """The huge key beside a certificate that is not its own, which the library does not look at."""
    encryption = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1)
    encryption = encryption.key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(SHA1())  # noqa: S303
    return serialize_key_and_certificates(None, huge_key(), None, [CLIENT.certificate], encryption.build(PASSWORD))


@contextmanager
def under_way(file: bytes) -> Iterator[tuple[Future[CredentialError], psutil.Process]]:
    """A file that takes for ever while it is being opened, and the process that opens it."""
    before = {each.pid for each in psutil.Process().children()}
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(refusal_of_pfx, file)
        (process,) = eventually(
            lambda: [each for each in psutil.Process().children() if each.pid not in before and is_opener(each)],
            timeout=30,
            what="the process runs",
        )
        try:
            yield future, process
        finally:
            future.result()


def is_opener(process: psutil.Process) -> bool:
    """Whether it has limited itself already, and so is at work."""
    try:
        return "tokensync.credentials.opener" in process.cmdline() and process.rlimit(psutil.RLIMIT_FSIZE)[0] == 0
    except psutil.Error:
        return False


def test_too_many_iterations_are_given_up() -> None:
    """In a PKCS #12 file and in an encrypted key: after seconds, with what to do about it."""
    started = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        of_pfx = threads.submit(refusal_of_pfx, pfx(FOR_EVER))
        of_key = threads.submit(refusal_of_key, encrypted_key(FOR_EVER))

    assert time.monotonic() - started < 60
    assert {of_pfx.result().reason, of_key.result().reason} == {Reason.CREDENTIAL_MALFORMED}
    assert of_pfx.result().text == (
        f'key "client.pfx" of Secret team/client holds a PKCS #12 file that {TOO_COSTLY}: encrypt it anew with the usual '
        "number of them (openssl pkcs12 -in FILE -nodes -out PLAIN, then openssl pkcs12 -export -in PLAIN -out NEW), and "
        "put NEW into the Secret"
    )
    assert of_key.result().text == (
        f'key "tls.key" of Secret team/client holds a private key that {TOO_COSTLY}: encrypt it anew with the usual '
        "number of them (openssl pkey -in FILE -aes256 -out NEW), and put NEW into the Secret"
    )


def test_the_process_has_nothing_to_show_and_nothing_to_lose() -> None:
    """No environment, nothing of the Secret on its command line, pipes alone, no right to write, to grow or to dump.

    When it is killed, as by a node that is out of memory, that is not the file's fault.
    """
    with under_way(pfx(FOR_EVER)) as (future, process):
        command, environment = process.cmdline(), process.environ()
        files = [str(Path(f"/proc/{process.pid}/fd/{number}").readlink()) for number in range(3)]
        limits = {
            name: process.rlimit(getattr(psutil, name))
            for name in ("RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CORE")
        }
        session, opened, mapped = os.getsid(process.pid), process.open_files(), process.memory_info().vms
        process.send_signal(signal.SIGKILL)

    assert command == [sys.executable, "-I", "-B", "-m", "tokensync.credentials.opener", "pkcs12"]
    assert environment == {}
    assert [file.partition(":")[0] for file in files] == ["pipe", "pipe", "/dev/null"]
    assert opened == []
    assert (limits["RLIMIT_CPU"], limits["RLIMIT_FSIZE"]) == ((5, 6), (0, 0))
    assert limits["RLIMIT_CORE"] in {(0, 0), (1, 1)}
    memory, highest = limits["RLIMIT_AS"]
    assert highest == memory
    assert memory - 24 * 2**20 <= mapped <= memory
    assert session != os.getsid(0)
    assert future.result().text == STOPPED
    assert future.result().reason in PASSES_BY_ITSELF
    assert not process.is_running()


@pytest.mark.parametrize(
    ("cost", "reason"),
    [
        (2**14, Reason.CREDENTIAL_PASSWORD_WRONG),
        (2**15, Reason.CREDENTIAL_MALFORMED),
        (2**22, Reason.CREDENTIAL_MALFORMED),
    ],
    ids=["16 MiB", "32 MiB", "4 GiB"],
)
def test_too_much_memory_is_not_taken(cost: int, reason: Reason) -> None:
    """The file also chooses how much of that scrypt takes; as much as OpenSSL's it may."""
    error = refusal_of_key(scrypt_key(cost=cost, block_size=8))

    assert error.reason is reason
    assert (TOO_COSTLY in error.message) == (reason is Reason.CREDENTIAL_MALFORMED)


def test_a_process_that_cannot_start_is_not_the_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a pod has as many of them as it may have."""
    monkeypatch.setattr(sys, "executable", "/nowhere")

    assert refusal_of_pfx(pfx(1)).text == STOPPED


def test_a_process_that_never_ends_is_not_the_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it gets no processor time."""
    monkeypatch.setattr(opening, "DEADLINE_SECONDS", 0.01)

    assert refusal_of_pfx(pfx(1)).text == STOPPED


@pytest.mark.parametrize("depth", [1000, 30_000])
def test_deeply_nested_files_are_refused(depth: int) -> None:
    """Neither the operator nor the other process runs out of stack."""
    nested = b"\x30\x80" * depth
    assert refusal_of_pfx(nested).reason is Reason.CREDENTIAL_MALFORMED
    assert refusal_of_pfx(pfx(1, content=nested)).reason in {
        Reason.CREDENTIAL_MALFORMED,
        Reason.CREDENTIAL_PASSWORD_WRONG,
    }
    for label in ("CERTIFICATE", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
        assert refusal_of_key(pem(label, nested)).reason in {
            Reason.CREDENTIAL_MALFORMED,
            Reason.KEY_UNSUPPORTED,
        }


def test_sizes_that_do_not_exist_are_refused() -> None:
    """Lengths in a file that promise four gigabytes."""
    for tag in (0x30, 0x04, 0x24):
        assert refusal_of_pfx(b"\x30\x84\xff\xff\xff\xf0" + bytes([tag]) + b"\x84\xff\xff\xff\x00").reason is (
            Reason.CREDENTIAL_MALFORMED
        )
    assert refusal_of_pfx(tlv(0x30, octets(bytes(60_000)))).reason is Reason.CREDENTIAL_MALFORMED


def test_a_mebibyte_is_not_read() -> None:
    """Of PEM or of PKCS #12."""
    started = time.monotonic()

    for error in (refusal_of_key(CLIENT.private_key_pem * 700), refusal_of_pfx(bytes([0x30]) * 2**20)):
        assert error.reason is Reason.CREDENTIAL_MALFORMED
        assert "bytes, and no more than" in error.message
    assert time.monotonic() - started < 1


def test_huge_keys_are_refused_in_every_form() -> None:
    """Whether one of 8192 bits and more is plain, encrypted or in a PKCS #12 file, which takes seconds to check."""
    plain = huge_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD))

    started = time.monotonic()
    assert refusal_of_key(plain).message.endswith("has 8676 bits, and no more than 4096 are supported")
    assert time.monotonic() - started < 3
    error = refusal_of_pfx(huge_pfx())

    assert error.reason in {Reason.KEY_UNSUPPORTED, Reason.CREDENTIAL_MALFORMED}


def test_nothing_that_is_hostile_is_quoted() -> None:
    """Nor is the password, in anything that hangs on the error."""
    for error in (refusal_of_pfx(pfx(1)), refusal_of_key(encrypted_key(1)), refusal_of_pfx(b"\x30hunter2")):
        said = everything_in(error)
        assert "correct horse" not in said
        assert "hunter2" not in said


def test_how_an_opening_ends() -> None:
    """The exit statuses; nothing comes out of what was not opened."""
    key = CLIENT.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD))

    assert open_sealed(Sealed.PRIVATE_KEY, pack(PASSWORD, key)) == (Outcome.OPENED, CLIENT.private_key_pem)
    assert open_sealed(Sealed.PRIVATE_KEY, pack(b"other", key)) == (Outcome.WRONG_PASSWORD, b"")
    assert open_sealed(Sealed.PRIVATE_KEY, pack(PASSWORD, key[:-100])) == (Outcome.UNREADABLE, b"")
    assert open_sealed(Sealed.PKCS12, pack(PASSWORD, key)) == (Outcome.UNREADABLE, b"")


def test_the_program_says_nothing_but_the_key() -> None:
    """It opens a key where nothing but Python is: no environment, another folder, all files read-only to it."""
    key = CLIENT.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD))

    run = subprocess.run(
        [sys.executable, "-I", "-B", "-m", "tokensync.credentials.opener", "private-key"],
        input=pack(PASSWORD, key),
        capture_output=True,
        env={},
        cwd="/proc",
        check=True,
    )

    assert (run.stdout, run.stderr) == (CLIENT.private_key_pem, b"")
