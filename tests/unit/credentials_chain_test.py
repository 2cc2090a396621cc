"""The certificates that are sent with an assertion, found among those of the Secret."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256

from support.certificates import ClientCertificate, make_certificate
from tokensync.credentials.certificates import _verifies_quickly, chain_of

ROOT = make_certificate("root", fresh=True)
ISSUER = make_certificate("issuer", issuer=ROOT, fresh=True)
LEAF = make_certificate("leaf", issuer=ISSUER)


def chain(leaf: ClientCertificate, *others: ClientCertificate) -> list[x509.Certificate]:
    return chain_of(leaf.certificate, [leaf.certificate, *(each.certificate for each in others)])


def certificates(*clients: ClientCertificate) -> list[x509.Certificate]:
    return [each.certificate for each in clients]


def test_a_leaf_whose_issuer_is_not_there_stands_alone() -> None:
    """The provider may know the issuer."""
    assert chain(LEAF) == certificates(LEAF)
    assert chain(LEAF, ROOT) == certificates(LEAF)


def test_a_root_is_left_out_though_it_issued_the_leaf() -> None:
    """Who trusts it has it."""
    assert chain(ISSUER, ROOT) == certificates(ISSUER)


def test_a_certificate_of_the_same_name_is_not_taken_for_the_issuer() -> None:
    """The signature decides."""
    namesake = make_certificate("issuer", issuer=ROOT, fresh=True)

    assert chain(LEAF, namesake, ISSUER, ROOT) == certificates(LEAF, ISSUER)
    assert chain(LEAF, namesake) == certificates(LEAF)


def signed(subject: x509.Name, public_key: rsa.RSAPublicKey, issuer: ClientCertificate) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(public_key)
        .serial_number(1)
        .not_valid_before(issuer.certificate.not_valid_before_utc)
        .not_valid_after(issuer.certificate.not_valid_after_utc)
        .sign(issuer.private_key, SHA256())
    )


def test_two_that_issued_each_other_are_no_endless_chain() -> None:
    """Cross-signing, or mischief."""
    one = make_certificate("one", fresh=True)
    two = make_certificate("two", issuer=one, fresh=True)
    assert isinstance(one.private_key, rsa.RSAPrivateKey)
    crossed = signed(one.certificate.subject, one.private_key.public_key(), two)

    assert chain_of(crossed, [two.certificate, crossed]) == [crossed, two.certificate]


def test_issuers_whose_keys_take_long_are_passed_over() -> None:
    """A public exponent as long as the modulus makes a verification cost a hundred times as much."""
    assert isinstance(ISSUER.private_key, rsa.RSAPrivateKey)
    modulus = ISSUER.private_key.public_key().public_numbers().n
    slow = signed(ISSUER.certificate.subject, rsa.RSAPublicNumbers(modulus - 2, modulus).public_key(), ROOT)

    assert chain_of(LEAF.certificate, [LEAF.certificate, slow]) == certificates(LEAF)
    assert not _verifies_quickly(slow)
    assert _verifies_quickly(ISSUER.certificate)
