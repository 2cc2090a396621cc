"""Client certificates for tests: self-signed, with keys that are used again, because making an RSA key is slow."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tokensync.resource.credential import CertificateCredential

KeyType = Literal["rsa", "ec"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
CURVES: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}


@dataclass(frozen=True, repr=False, slots=True)
class ClientCertificate:
    """A certificate and its private key, in the forms that Secrets, portals and libraries want them in."""

    certificate: x509.Certificate
    private_key: PrivateKey

    def __repr__(self) -> str:
        return f"ClientCertificate({self.certificate.subject.rfc4514_string()}, {self.thumbprint_sha256})"

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def private_key_pem(self) -> bytes:
        """The key, unencrypted, in PKCS#8 (`BEGIN PRIVATE KEY`)."""
        return self._key_pem(serialization.PrivateFormat.PKCS8)

    @property
    def private_key_pkcs1_pem(self) -> bytes:
        """The key, unencrypted, in its type's own older form: PKCS#1 (`BEGIN RSA PRIVATE KEY`), or SEC 1 for EC."""
        return self._key_pem(serialization.PrivateFormat.TraditionalOpenSSL)

    @property
    def thumbprint_sha1(self) -> str:
        """As the portal shows it: upper-case hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - X.509's thumbprint, no security

    @property
    def thumbprint_sha256(self) -> str:
        """As the portal shows it: upper-case hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA256()).hex().upper()

    def secret_data(self) -> dict[str, bytes]:
        """The data of a Secret of type `kubernetes.io/tls`, not yet in base64."""
        return {"tls.crt": self.certificate_pem, "tls.key": self.private_key_pem}

    def _key_pem(self, form: serialization.PrivateFormat) -> bytes:
        return self.private_key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def make_certificate(
    common_name: str = "client",
    *,
    key_type: KeyType = "rsa",
    key_size: int | None = None,
    issuer: ClientCertificate | None = None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    fresh: bool = False,
) -> ClientCertificate:
    """Make a certificate; each call gives another serial number, and so another thumbprint.

    Args:
        common_name: the only part of its subject.
        key_type: RSA or EC.
        key_size: in bits: of an RSA key, 2048 unless told, or of the curve, which is P-256 unless told.
        issuer: who signs it; itself unless told.
        not_before: yesterday unless told.
        not_after: in a year unless told.
        fresh: make a key of its own. Otherwise all certificates with the same type and size share one.
    """
    key = _new_key(key_type, key_size) if fresh else _shared_key(key_type, key_size)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    signer = issuer.private_key if issuer else key
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before or now - timedelta(days=1))
        .not_valid_after(not_after or now + timedelta(days=365))
        .sign(signer, hashes.SHA256())
    )
    return ClientCertificate(certificate, key)


def _new_key(key_type: KeyType, key_size: int | None) -> PrivateKey:
    if key_type == "ec":
        return ec.generate_private_key(CURVES[key_size or 256])
    return rsa.generate_private_key(public_exponent=65537, key_size=key_size or 2048)


_shared_key = cache(_new_key)


def make_form(**fields: Any) -> CertificateCredential:
    """How a certificate is read from its Secret, where that is not as in a `kubernetes.io/tls` one."""
    return CertificateCredential.model_validate({"secretRef": {"name": "client"}, **fields})


FORM = make_form()
"""A Secret of type `kubernetes.io/tls`."""
