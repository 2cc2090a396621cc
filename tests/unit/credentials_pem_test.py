"""The forms in which a certificate and its private key are accepted."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from support.certificates import FORM, ClientCertificate, make_certificate, make_form
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.pem import read_pair

CLIENT = make_certificate()
OTHER = make_certificate("issuer", fresh=True)
EC = make_certificate("ec issuer", key_type="ec")


def read(certificate: bytes, private_key: bytes) -> KeyPair:
    data = {"tls.crt": certificate, "tls.key": private_key}
    return read_pair(data, FORM, secret="team/client")


def is_pair_of(pair: KeyPair, client: ClientCertificate) -> bool:
    assert isinstance(client.private_key, rsa.RSAPrivateKey)
    same_key = pair.private_key.private_numbers() == client.private_key.private_numbers()
    return same_key and pair.thumbprint_sha256 == client.thumbprint_sha256


@pytest.mark.parametrize(
    "private_key",
    [
        pytest.param(CLIENT.private_key_pem, id="PKCS #8"),
        pytest.param(CLIENT.private_key_pkcs1_pem, id="PKCS #1"),
    ],
)
def test_a_key_is_read_in_both_forms(private_key: bytes) -> None:
    """`BEGIN PRIVATE KEY` and `BEGIN RSA PRIVATE KEY` hold the same key."""
    assert is_pair_of(read(CLIENT.certificate_pem, private_key), CLIENT)


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_keys_of_2048_to_4096_bits_are_read(bits: int) -> None:
    """The smallest and the largest key that are supported work."""
    client = make_certificate(key_size=bits)

    assert is_pair_of(read(client.certificate_pem, client.private_key_pem), client)


@pytest.mark.parametrize(
    "combined",
    [
        pytest.param(CLIENT.certificate_pem + CLIENT.private_key_pem, id="certificate first"),
        pytest.param(CLIENT.private_key_pem + CLIENT.certificate_pem, id="key first"),
        pytest.param(OTHER.certificate_pem + CLIENT.private_key_pkcs1_pem + CLIENT.certificate_pem, id="key between"),
    ],
)
def test_both_may_stand_in_one_entry(combined: bytes) -> None:
    """The same key of the Secret can be named for certificate and private key, in any order."""
    pair = read_pair(
        {"client.pem": combined},
        make_form(certificateKey="client.pem", privateKeyKey="client.pem"),
        secret="team/client",
    )

    assert is_pair_of(pair, CLIENT)


@pytest.mark.parametrize(
    "certificates",
    [
        pytest.param((CLIENT, OTHER), id="leaf first"),
        pytest.param((OTHER, CLIENT), id="leaf last"),
        pytest.param((EC, CLIENT, OTHER), id="with an EC issuer"),
    ],
)
def test_the_certificate_of_the_key_is_found_in_a_chain(certificates: tuple[ClientCertificate, ...]) -> None:
    """Wherever it stands, the certificate with the key's public key is the one that is shown and sent."""
    chain = b"".join(certificate.certificate_pem for certificate in certificates)

    assert is_pair_of(read(chain, CLIENT.private_key_pem), CLIENT)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"Bag Attributes\n    friendlyName: M\xfcller\nsubject=CN = client\n", b"", id="bag attributes"),
        pytest.param(b"\xef\xbb\xbf", b"", id="byte order mark"),
        pytest.param(b"\n\n  ", b"\n\nend of file \x00", id="around"),
    ],
)
def test_text_around_the_blocks_is_passed_over(before: bytes, after: bytes) -> None:
    """OpenSSL's tools and Windows' editors write some."""
    pair = read(before + CLIENT.certificate_pem + after, before + CLIENT.private_key_pem + after)

    assert is_pair_of(pair, CLIENT)


@pytest.mark.parametrize("line_break", [b"\r\n", b"\r", b"\n    "])
def test_any_line_breaks_will_do(line_break: bytes) -> None:
    """Files from Windows and values indented by a template are read."""
    pair = read(CLIENT.certificate_pem.replace(b"\n", line_break), CLIENT.private_key_pem.replace(b"\n", line_break))

    assert is_pair_of(pair, CLIENT)
