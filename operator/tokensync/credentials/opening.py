"""Encrypted entries of a Secret are opened, by a process that the operator can do without."""

import signal
import subprocess
import sys
from dataclasses import replace

from tokensync.credentials.entry import Entry, Part
from tokensync.credentials.opener import MOST_MEMORY, PROCESSOR_SECONDS, Outcome, Sealed, pack
from tokensync.credentials.password import Password
from tokensync.errors import CredentialError, Reason

MOST_AT_ONCE = 2
"""Openings at once that callers allow: the others wait, and files that take long cost no more than this."""

DEADLINE_SECONDS = 30
"""How long one may take where there is no processor to spare."""

_TOO_COSTLY = (Outcome.TOO_COSTLY, -signal.SIGXCPU)
_SEALED = {Part.PKCS12: Sealed.PKCS12, Part.PRIVATE_KEY: Sealed.PRIVATE_KEY}

_CHECK = {
    Part.PKCS12: "openssl pkcs12 -noout -in FILE",
    Part.PRIVATE_KEY: "openssl pkey -noout -in FILE",
}
_ENCRYPT_ANEW = {
    Part.PKCS12: "openssl pkcs12 -in FILE -nodes -out PLAIN, then openssl pkcs12 -export -in PLAIN -out NEW",
    Part.PRIVATE_KEY: "openssl pkey -in FILE -aes256 -out NEW",
}


def open_entry(entry: Entry, password: Password) -> Entry:
    """Open an encrypted entry; return it with what was in it, in PEM, which is as untrusted as before.

    Blocks for about 0.1 s, which is what starting a Python with cryptography costs, and for five seconds at most where
    the machine has a processor to spare.

    Args:
        entry: a PKCS #12 file, or one encrypted private key in PEM.
        password: to open it with.

    Raises:
        CredentialError: `CredentialPasswordRequired`, `CredentialPasswordWrong` or `CredentialMalformed`; or `InternalError`,
            if the process could not be started or did not get to its end, which another may.
    """
    outcome, opened = _run(_SEALED[entry.part], pack(password.value, entry.data))
    if outcome == Outcome.OPENED:
        return replace(entry, data=opened)
    if outcome == Outcome.WRONG_PASSWORD:
        raise _wrong(entry, password) if password.value else password.required(entry)
    if outcome == Outcome.UNREADABLE:
        raise entry.malformed(
            f"holds a {entry.part} that is damaged, or encrypted in a way that is not supported",
            remedy=f"encrypt it anew ({_ENCRYPT_ANEW[entry.part]}), and put NEW into the Secret",
        )
    if outcome in _TOO_COSTLY:
        raise entry.malformed(
            f"holds a {entry.part} that takes more than {PROCESSOR_SECONDS} s or {MOST_MEMORY >> 20} MiB to open, as with "
            "too many iterations of its password",
            remedy=f"encrypt it anew with the usual number of them ({_ENCRYPT_ANEW[entry.part]}), and put NEW into the Secret",
        )
    raise CredentialError(
        Reason.INTERNAL_ERROR,
        f"the process that opens the {entry.part} in {entry} was stopped before its end, as by a node without memory or "
        "processor time to spare",
        remedy=f"wait, it is tried again; if this lasts, encrypt it anew ({_ENCRYPT_ANEW[entry.part]}), and put NEW into the "
        "Secret",
    )


def _run(sealed: Sealed, message: bytes) -> tuple[int | None, bytes]:
    """Run the program that opens; return its exit status, and what it wrote; None if it did not start or was too slow.

    It is not asked to go when the operator is: a signal to the operator's session does not reach it, and it ends soon.
    """
    command = [sys.executable, "-I", "-B", "-m", "tokensync.credentials.opener", sealed]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and nothing of the Secret on its command line
            command,
            input=message,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError):
        return None, b""
    return done.returncode, done.stdout


def _wrong(entry: Entry, password: Password) -> CredentialError:
    return CredentialError(
        Reason.CREDENTIAL_PASSWORD_WRONG,
        f"the {entry.part} in {entry} does not open with the password in {password}",
        remedy=f"put the password there that it was encrypted with; {_CHECK[entry.part]} asks for it and tells whether it "
        "is right",
    )
