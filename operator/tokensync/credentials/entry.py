"""One key of a credential's Secret: found, capped, and split into its PEM blocks (RFC 7468)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest

from tokensync.errors import CredentialError, Reason

MOST_BYTES = 16 * 1024
"""Bytes of PEM that are parsed. A key of 4096 bits and four certificates signed with such keys take about 12 KiB."""

_NAMES_SHOWN = 5
_COPY_AGAIN = "copy the whole file into the Secret again, line breaks included"
_BOUNDARY = re.compile(rb"-----(?P<edge>BEGIN|END) (?P<label>[A-Z0-9 ]{1,40})-----")
_BASE64_OF_BEGIN = b"LS0tLS1CRUdJTi"
_DER_SEQUENCE = b"\x30"


class Part(StrEnum):
    """What an entry is read for."""

    CERTIFICATE = "certificate"
    PRIVATE_KEY = "private key"
    PKCS12 = "PKCS #12 file"
    PASSWORD = "password"

    @property
    def spec_field(self) -> str:
        """Where the spec says which key of the Secret holds it."""
        return f"spec.credential.certificate.{_SPEC_FIELDS[self]}"

    @property
    def described(self) -> str:
        """What is to be put into the Secret."""
        return f"{self} in PEM" if self in _CONVERSIONS else str(self)


_SPEC_FIELDS = {
    Part.CERTIFICATE: "certificateKey",
    Part.PRIVATE_KEY: "privateKeyKey",
    Part.PKCS12: "pkcs12Key",
    Part.PASSWORD: "passwordKey",
}

_CONVERSIONS = {
    Part.CERTIFICATE: "openssl x509 -inform DER -in FILE",
    Part.PRIVATE_KEY: "openssl pkey -inform DER -in FILE",
}
"""The commands that turn DER into PEM."""


@dataclass(frozen=True, slots=True)
class Block:
    """One PEM block, its boundary lines included. Its text may be a private key, and is left out of `repr`."""

    label: str
    text: bytes = field(repr=False)

    @property
    def body(self) -> bytes:
        """What stands between the boundary lines: Base64, in older forms of PEM after headers."""
        return self.text.removeprefix(b"-----BEGIN %b-----" % self.label.encode()).partition(b"-----")[0]

    @property
    def kind(self) -> str:
        """What it is, in words of ours, a `Part` among them: a label can be anything, and is never repeated."""
        if self.label.endswith("PRIVATE KEY"):
            return Part.PRIVATE_KEY
        known = {
            "CERTIFICATE": Part.CERTIFICATE,
            "X509 CERTIFICATE": Part.CERTIFICATE,
            "CERTIFICATE REQUEST": "certificate request",
            "PUBLIC KEY": "public key",
        }
        return known.get(self.label, "something else")


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a Secret, with its bytes. Reads `key "tls.crt" of Secret reports/graph` in messages.

    `most_bytes` of it are read.
    """

    secret: str
    key: str
    part: Part
    data: bytes = field(repr=False)
    most_bytes: int = MOST_BYTES

    def __str__(self) -> str:
        return f'key "{self.key}" of Secret {self.secret}'

    def malformed(self, problem: str, *, remedy: str) -> CredentialError:
        """The error that says what is wrong with this entry; `problem` continues a sentence that starts with it."""
        return CredentialError(Reason.CREDENTIAL_MALFORMED, f"{self} {problem}", remedy=remedy)

    def damaged(self) -> CredentialError:
        """The error for a block of the right kind that cannot be read."""
        return self.malformed(f"holds a {self.part} that is damaged", remedy=_COPY_AGAIN)

    def encoded_twice(self, *, remedy: str) -> CredentialError:
        """The error for an entry that is still Base64 after the API server's has been taken off."""
        return self.malformed("is encoded in Base64 once too often", remedy=remedy)

    def blocks(self) -> list[Block]:
        """Its blocks that are the part it is read for, at least one, in their order.

        Other blocks are passed over, so that one file can hold certificate and key; and so is text around blocks, as
        OpenSSL's tools write some.

        Raises:
            CredentialError: `CredentialMalformed`, if there is no such block, or if the entry is empty, too large, not
                PEM or cut off.
        """
        self.check_size()
        blocks = self._all_blocks()
        wanted = [block for block in blocks if block.kind == self.part]
        if not wanted:
            found = ", ".join(sorted({block.kind for block in blocks}))
            raise self.malformed(
                f"holds no {self.part}, but: {found}",
                remedy=f"put the {self.part.described} there, or name the key that holds it in {self.part.spec_field}",
            )
        return wanted

    def check_size(self) -> None:
        """Refuse what is empty or too large.

        Raises:
            CredentialError: `CredentialMalformed`.
        """
        if not self.data.strip():
            raise self.malformed("is empty", remedy=f"put the {self.part.described} there")
        if len(self.data) > self.most_bytes:
            raise self.malformed(
                f"holds {len(self.data)} bytes, and no more than {self.most_bytes} are read",
                remedy="keep nothing there but the client's certificate, its chain and its private key",
            )

    def _all_blocks(self) -> list[Block]:
        boundaries = list(_BOUNDARY.finditer(self.data))
        if not boundaries:
            raise self._not_pem()
        return [self._block(first, second) for first, second in zip_longest(boundaries[::2], boundaries[1::2])]

    def _block(self, first: re.Match[bytes], second: re.Match[bytes] | None) -> Block:
        if second is None or (first["edge"], second["edge"]) != (b"BEGIN", b"END") or first["label"] != second["label"]:
            raise self.malformed("is not complete: its BEGIN and END lines do not pair up", remedy=_COPY_AGAIN)
        return Block(first["label"].decode(), self.data[first.start() : second.end()])

    def _not_pem(self) -> CredentialError:
        if self.data.lstrip().startswith(_BASE64_OF_BEGIN):
            return self.encoded_twice(remedy="give the PEM text itself under stringData, or its Base64 form under data")
        if self.data.startswith(_DER_SEQUENCE):
            return self.malformed(
                "is binary, as DER and PKCS #12 files are, and not PEM",
                remedy=f"name a PKCS #12 file in {Part.PKCS12.spec_field} instead; convert DER "
                f"({_CONVERSIONS[self.part]}), and put what that prints into the Secret",
            )
        return self.malformed(
            'is not PEM: it has no line like "-----BEGIN …-----"', remedy=f"put the {self.part.described} there"
        )


def find_entry(data: Mapping[str, bytes], key: str, *, part: Part, secret: str, most_bytes: int = MOST_BYTES) -> Entry:
    """Find the entry that a part is read from.

    Raises:
        CredentialError: `CredentialKeyMissing`, if the Secret has no such key; names those that it has.
    """
    if key not in data:
        raise CredentialError(
            Reason.CREDENTIAL_KEY_MISSING,
            f'Secret {secret} has no key "{key}" for the {part}; it has {_show_names(sorted(data))}',
            remedy=f"put the {part.described} under that key, or name the key that holds it in {part.spec_field}",
        )
    return Entry(secret, key, part, data[key], most_bytes)


def _show_names(names: list[str]) -> str:
    shown = [f'"{name}"' for name in names[:_NAMES_SHOWN]]
    if more := names[_NAMES_SHOWN:]:
        shown.append(f"{len(more)} more")
    return ", ".join(shown) or "no keys at all"
