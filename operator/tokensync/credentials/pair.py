"""A certificate and its private key: what an application is registered with, and what signs its assertions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from tokensync.clock import rfc3339
from tokensync.credentials.certificates import thumbprint
from tokensync.credentials.private_key import PrivateKey
from tokensync.errors import CredentialError, Reason
from tokensync.resource.credential import Algorithm

_CURVES = {
    "secp256r1": ("P-256", Algorithm.ES256),
    "secp384r1": ("P-384", Algorithm.ES384),
    "secp521r1": ("P-521", Algorithm.ES512),
}
"""By the name that SEC 2 has for it: each curve's name in RFC 7518, section 6.2.1.1, and its algorithm, section 3.4."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and the private key that belongs to it. Two are equal when their certificates are.

    Attributes:
        thumbprint_sha1: of the certificate's DER form, in upper-case hexadecimal, as Entra's portal shows it.
        thumbprint_sha256: the same with SHA-256.
        not_before: the first moment at which the certificate is valid. Aware, UTC, whole seconds.
        not_after: the last one.
        chain: the certificate and those that lead to a root, in DER, each before its issuer; without the root.
        private_key: RSA, 2048 to 4096 bits, or EC on P-256, P-384 or P-521; tried out. Left out of `repr`.
    """

    thumbprint_sha1: str
    thumbprint_sha256: str
    not_before: datetime
    not_after: datetime
    chain: tuple[bytes, ...] = field(repr=False, compare=False)
    private_key: PrivateKey = field(repr=False, compare=False)

    @classmethod
    def of(cls, private_key: PrivateKey, chain: Sequence[Certificate]) -> Self:
        """Put a pair together; the private key belongs to the first certificate of the chain."""
        return cls(
            thumbprint_sha1=thumbprint(chain[0], "sha1"),
            thumbprint_sha256=thumbprint(chain[0], "sha256"),
            not_before=chain[0].not_valid_before_utc,
            not_after=chain[0].not_valid_after_utc,
            chain=tuple(each.public_bytes(Encoding.DER) for each in chain),
            private_key=private_key,
        )

    @property
    def key_type(self) -> str:
        """In words: `RSA`, or `EC` with its curve."""
        if isinstance(self.private_key, EllipticCurvePrivateKey):
            return f"EC {_CURVES[self.private_key.curve.name][0]}"
        return "RSA"

    @property
    def algorithms(self) -> tuple[Algorithm, ...]:
        """What can be signed with, the one that is taken unless told in front."""
        if isinstance(self.private_key, EllipticCurvePrivateKey):
            return (_CURVES[self.private_key.curve.name][1],)
        return (Algorithm.PS256, Algorithm.RS256)

    @property
    def fingerprint(self) -> str:
        """What tells this pair from others."""
        return self.thumbprint_sha256

    def check_validity(self, now: datetime) -> None:
        """Refuse a certificate that is not valid now; both ends of its time are within it (RFC 5280, section 4.1.2.5).

        The messages do not name `now`, so that they stay the same from one attempt to the next.

        Raises:
            CredentialError: `CertificateNotYetValid` or `CertificateExpired`.
        """
        if now < self.not_before:
            raise CredentialError(
                Reason.CERTIFICATE_NOT_YET_VALID,
                f"the certificate with SHA-1 thumbprint {self.thumbprint_sha1} is not valid before "
                f"{rfc3339(self.not_before)}",
                remedy="wait until then, or correct the clock of the node that tokensync runs on",
                retry_after=self.not_before - now,
            )
        if now > self.not_after:
            raise CredentialError(
                Reason.CERTIFICATE_EXPIRED,
                f"the certificate with SHA-1 thumbprint {self.thumbprint_sha1} expired at {rfc3339(self.not_after)}",
                remedy="register a new certificate on the application, and put it and its private key into the Secret",
            )
