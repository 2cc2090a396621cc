"""A certificate and its private key: what an application is registered with, and what signs its assertions."""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tokensync.clock import rfc3339
from tokensync.errors import CredentialError, Reason


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and the private key that belongs to it. Two are equal when their certificates are.

    Attributes:
        thumbprint_sha1: of the certificate's DER form, in upper-case hexadecimal, as Entra's portal shows it.
        thumbprint_sha256: the same with SHA-256.
        not_before: the first moment at which the certificate is valid. Aware, UTC, whole seconds.
        not_after: the last one.
        private_key: RSA, 2048 to 4096 bits, tried out. Left out of `repr`.
    """

    thumbprint_sha1: str
    thumbprint_sha256: str
    not_before: datetime
    not_after: datetime
    private_key: RSAPrivateKey = field(repr=False, compare=False)

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
