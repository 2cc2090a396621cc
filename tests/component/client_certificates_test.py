"""The certificates that tests use are what they say."""

from cryptography.hazmat.primitives import serialization

from support.certificates import make_certificate

SCOPE = "https://graph.microsoft.com/.default"


def test_a_certificate_shows_no_key() -> None:
    """`repr` names the subject and the thumbprint; the Secret's data holds the pair in PEM."""
    certificate = make_certificate("reports")
    data = certificate.secret_data()
    key = serialization.load_pem_private_key(data["tls.key"], None)
    assert repr(certificate) == f"ClientCertificate(CN=reports, {certificate.thumbprint_sha256})"
    assert data["tls.crt"].startswith(b"-----BEGIN CERTIFICATE-----")
    assert key.public_key() == certificate.certificate.public_key()
    assert certificate.private_key_pkcs1_pem.startswith(b"-----BEGIN RSA PRIVATE KEY-----")


def test_keys_are_shared_unless_a_fresh_one_is_asked_for() -> None:
    """Certificates differ every time; their keys only where it matters."""
    first, second, fresh = make_certificate(), make_certificate(), make_certificate(fresh=True)
    assert first.thumbprint_sha1 != second.thumbprint_sha1
    assert first.private_key is second.private_key
    assert fresh.private_key is not first.private_key
