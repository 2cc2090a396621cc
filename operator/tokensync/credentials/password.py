"""The password of an encrypted private key or PKCS #12 file, from the same Secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tokensync.credentials.entry import Entry, Part, find_entry
from tokensync.errors import CredentialError, Reason
from tokensync.resource.credential import CertificateCredential

MOST_BYTES = 1023
"""OpenSSL's own limit."""


@dataclass(frozen=True, slots=True)
class Password:
    """What encrypted entries are opened with. Reads like its entry in messages.

    Attributes:
        value: empty where there is none. Left out of `repr`.
        entry: where it stands; None where the spec names none.
    """

    value: bytes = field(repr=False)
    entry: Entry | None

    def __str__(self) -> str:
        return str(self.entry)

    def required(self, sealed: Entry) -> CredentialError:
        """The error for an entry that does not open without a password, where there is none."""
        problem, remedy = "the spec names none", f"name that key in {Part.PASSWORD.spec_field}"
        if self.entry:
            problem, remedy = f"{self.entry} is empty", "copy it without anything around it"
        return CredentialError(
            Reason.CREDENTIAL_PASSWORD_REQUIRED,
            f"the {sealed.part} in {sealed} is encrypted with a password, and {problem}",
            remedy=f"put the password into the same Secret, and {remedy}",
        )


def read_password(data: Mapping[str, bytes], form: CertificateCredential, *, secret: str) -> Password:
    """Read the password; one line break at its end, which `echo` and editors leave, is not part of it.

    Raises:
        CredentialError: `CredentialKeyMissing`, or `CredentialMalformed` if it is too long for one.
    """
    if form.password_key is None:
        return Password(b"", None)
    entry = find_entry(data, form.password_key, part=Part.PASSWORD, secret=secret)
    value = entry.data.removesuffix(b"\n").removesuffix(b"\r")
    if len(value) > MOST_BYTES:
        raise entry.malformed(
            f"holds {len(value)} bytes, and no password has more than {MOST_BYTES}",
            remedy=f"put the password there, or name the key that holds it in {Part.PASSWORD.spec_field}",
        )
    return Password(value, entry)
