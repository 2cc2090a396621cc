"""What a person is told when a certificate or a private key cannot be used."""

import base64
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from support.certificates import FORM, make_certificate
from tokensync.credentials.pem import read_pair
from tokensync.errors import CredentialError, Reason

CLIENT = make_certificate()
OTHER = make_certificate("issuer", fresh=True)
EC = make_certificate(key_type="ec")
CERTIFICATE = CLIENT.certificate_pem
KEY = CLIENT.private_key_pem

CRT = 'key "tls.crt" of Secret team/client'
KEY_ENTRY = 'key "tls.key" of Secret team/client'
NEW_PAIR = (
    "make an RSA key of 2048 to 4096 bits and a certificate for it, register the certificate on the application, "
    "and put both into the Secret"
)
COPY_AGAIN = "copy the whole file into the Secret again, line breaks included"
CERTIFICATE_THERE = (
    "put the certificate in PEM there, or name the key that holds it in spec.credential.certificate.certificateKey"
)
KEY_THERE = (
    "put the private key in PEM there, or name the key that holds it in spec.credential.certificate.privateKeyKey"
)

FIND_PAIR = (
    "put the private key there that the certificate was made for; for a pair, openssl pkey -pubout -in KEY and "
    "openssl x509 -noout -pubkey -in CERTIFICATE print the same"
)


def refusal(data: Mapping[str, bytes]) -> CredentialError:
    with pytest.raises(CredentialError) as caught:
        read_pair(data, FORM, secret="team/client")
    return caught.value


def refusal_of_certificate(certificate: bytes) -> CredentialError:
    return refusal({"tls.crt": certificate, "tls.key": KEY})


def refusal_of_key(private_key: bytes) -> CredentialError:
    return refusal({"tls.crt": CERTIFICATE, "tls.key": private_key})


def rsa_key_pem(form: PrivateFormat, encryption: KeySerializationEncryption, bits: int = 2048) -> bytes:
    return make_certificate(key_size=bits).private_key.private_bytes(Encoding.PEM, form, encryption)


def test_a_missing_certificate_key_is_named_with_those_that_exist() -> None:
    """The names of the other keys show a typo at once; their values are not shown."""
    error = refusal({"tls.key": KEY, "ca.crt": OTHER.certificate_pem})

    assert error.reason is Reason.CREDENTIAL_KEY_MISSING
    assert error.text == (
        'Secret team/client has no key "tls.crt" for the certificate; it has "ca.crt", "tls.key": put the certificate '
        "in PEM under that key, or name the key that holds it in spec.credential.certificate.certificateKey"
    )


def test_a_missing_private_key_key_is_named_with_those_that_exist() -> None:
    """The field to correct is the one of the private key."""
    error = refusal({"tls.crt": CERTIFICATE})

    assert error.reason is Reason.CREDENTIAL_KEY_MISSING
    assert error.text == (
        'Secret team/client has no key "tls.key" for the private key; it has "tls.crt": put the private key '
        "in PEM under that key, or name the key that holds it in spec.credential.certificate.privateKeyKey"
    )


def test_an_empty_secret_is_said_to_have_no_keys() -> None:
    """A Secret that somebody has yet to fill."""
    assert refusal({}).message == 'Secret team/client has no key "tls.crt" for the certificate; it has no keys at all'


def test_only_a_few_of_many_keys_are_named() -> None:
    """A Secret can have thousands of keys; the next step must still fit into the message."""
    error = refusal({f"key-{number}": b"" for number in range(9)})

    assert error.message.endswith('it has "key-0", "key-1", "key-2", "key-3", "key-4", 4 more')


@pytest.mark.parametrize(
    ("certificate", "text"),
    [
        pytest.param(b" \n", f"{CRT} is empty: put the certificate in PEM there", id="empty"),
        pytest.param(
            CERTIFICATE + b" " * (16 * 1024 + 1 - len(CERTIFICATE)),
            f"{CRT} holds 16385 bytes, and no more than 16384 are read: "
            "keep nothing there but the client's certificate, its chain and its private key",
            id="too large",
        ),
        pytest.param(
            b"the certificate is in the other vault",
            f'{CRT} is not PEM: it has no line like "-----BEGIN …-----": put the certificate in PEM there',
            id="not PEM",
        ),
        pytest.param(
            CLIENT.certificate.public_bytes(Encoding.DER),
            f"{CRT} is binary, as DER and PKCS #12 files are, and not PEM: name a PKCS #12 file in "
            "spec.credential.certificate.pkcs12Key instead; convert DER (openssl x509 -inform DER -in FILE), and put what "
            "that prints into the Secret",
            id="DER",
        ),
        pytest.param(
            base64.b64encode(CERTIFICATE),
            f"{CRT} is encoded in Base64 once too often: "
            "give the PEM text itself under stringData, or its Base64 form under data",
            id="Base64 twice",
        ),
        pytest.param(
            CERTIFICATE[:-20],
            f"{CRT} is not complete: its BEGIN and END lines do not pair up: {COPY_AGAIN}",
            id="cut off",
        ),
        pytest.param(
            CERTIFICATE[20:],
            f"{CRT} is not complete: its BEGIN and END lines do not pair up: {COPY_AGAIN}",
            id="without its first line",
        ),
        pytest.param(
            CERTIFICATE.replace(b"END CERTIFICATE", b"END PRIVATE KEY"),
            f"{CRT} is not complete: its BEGIN and END lines do not pair up: {COPY_AGAIN}",
            id="with another's last line",
        ),
        pytest.param(KEY, f"{CRT} holds no certificate, but: private key: {CERTIFICATE_THERE}", id="a private key"),
        pytest.param(
            CERTIFICATE.replace(b"CERTIFICATE", b"CERTIFICATE REQUEST"),
            f"{CRT} holds no certificate, but: certificate request: {CERTIFICATE_THERE}",
            id="a certificate request",
        ),
        pytest.param(
            CERTIFICATE.replace(b"CERTIFICATE", b"HUNTER2") + KEY,
            f"{CRT} holds no certificate, but: private key, something else: {CERTIFICATE_THERE}",
            id="an unknown label, which is not repeated",
        ),
        pytest.param(
            CERTIFICATE.replace(b"\n", b"\\n"),
            f"{CRT} holds a certificate that is damaged: {COPY_AGAIN}",
            id="without line breaks",
        ),
        pytest.param(
            OTHER.certificate_pem + CERTIFICATE[:100] + CERTIFICATE[200:],
            f"{CRT} holds a certificate that is damaged: {COPY_AGAIN}",
            id="damaged",
        ),
    ],
)
def test_an_unreadable_certificate_says_why_and_what_to_do(certificate: bytes, text: str) -> None:
    """Each way to get the certificate's entry wrong has a message and a next step of its own."""
    error = refusal_of_certificate(certificate)

    assert error.reason is Reason.CREDENTIAL_MALFORMED
    assert error.text == text


@pytest.mark.parametrize(
    ("private_key", "text"),
    [
        pytest.param(b"", f"{KEY_ENTRY} is empty: put the private key in PEM there", id="empty"),
        pytest.param(
            CERTIFICATE, f"{KEY_ENTRY} holds no private key, but: certificate: {KEY_THERE}", id="a certificate"
        ),
        pytest.param(
            CLIENT.certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            f"{KEY_ENTRY} holds no private key, but: public key: {KEY_THERE}",
            id="a public key",
        ),
        pytest.param(
            CLIENT.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
            f"{KEY_ENTRY} is binary, as DER and PKCS #12 files are, and not PEM: name a PKCS #12 file in "
            "spec.credential.certificate.pkcs12Key instead; convert DER (openssl pkey -inform DER -in FILE), and put what "
            "that prints into the Secret",
            id="DER",
        ),
        pytest.param(
            KEY + OTHER.private_key_pem,
            f"{KEY_ENTRY} holds 2 private keys: keep only the one that belongs to the certificate",
            id="two keys",
        ),
        pytest.param(
            KEY[:200] + KEY[300:], f"{KEY_ENTRY} holds a private key that is damaged: {COPY_AGAIN}", id="damaged"
        ),
        pytest.param(
            KEY.replace(b"\n", b"\\n"),
            f"{KEY_ENTRY} holds a private key that is damaged: {COPY_AGAIN}",
            id="without line breaks",
        ),
        pytest.param(
            KEY.replace(b"PRIVATE KEY", b"RSA PRIVATE KEY"),
            f"{KEY_ENTRY} holds a private key that is damaged: {COPY_AGAIN}",
            id="of another form than its label says",
        ),
    ],
)
def test_an_unreadable_private_key_says_why_and_what_to_do(private_key: bytes, text: str) -> None:
    """Each way to get the private key's entry wrong has a message and a next step of its own."""
    error = refusal_of_key(private_key)

    assert error.reason is Reason.CREDENTIAL_MALFORMED
    assert error.text == text


@pytest.mark.parametrize(
    "private_key",
    [
        pytest.param(
            ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            id="Ed25519",
        ),
        pytest.param(rsa_key_pem(PrivateFormat.OpenSSH, NoEncryption()), id="OpenSSH"),
    ],
)
def test_a_key_that_is_neither_rsa_nor_ec_asks_for_another(private_key: bytes) -> None:
    """Whatever form it stands in, it is refused by its name."""
    error = refusal_of_key(private_key)

    assert error.reason is Reason.KEY_UNSUPPORTED
    assert (
        error.text == f"the private key in {KEY_ENTRY} is not an RSA or EC key in PKCS #8, PKCS #1 or SEC 1: {NEW_PAIR}"
    )


def test_a_key_on_another_curve_names_it() -> None:
    """P-192 is too short, and no algorithm of JWS goes with other curves (RFC 7518, section 3.4)."""
    key = ec.generate_private_key(ec.SECP256K1())

    error = refusal_of_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    assert error.reason is Reason.KEY_UNSUPPORTED
    assert error.text == (
        f"the private key in {KEY_ENTRY} is on the curve secp256k1, and P-256, P-384 and P-521 are supported: {NEW_PAIR}"
    )


def test_too_many_certificates_are_counted() -> None:
    """A bundle of authorities is not a client's chain."""
    error = refusal_of_certificate(EC.certificate_pem * 11)

    assert error.reason is Reason.CREDENTIAL_MALFORMED
    assert error.text == (
        f"{CRT} holds 11 certificates, and no more than 10 are read: "
        "keep nothing there but the client's certificate and its chain"
    )


def test_a_short_key_asks_for_a_longer_one() -> None:
    """RSA under 2048 bits is refused, its certificate fitting or not."""
    weak = make_certificate(key_size=1024)

    error = refusal(weak.secret_data())

    assert error.reason is Reason.KEY_TOO_WEAK
    assert error.text == f"the private key in {KEY_ENTRY} has 1024 bits, and at least 2048 are needed: {NEW_PAIR}"


def test_a_very_long_key_asks_for_a_shorter_one() -> None:
    """A signature with 5120 bits costs ten times one with 2048, and an attacker's file could have more."""
    error = refusal_of_key(rsa_key_pem(PrivateFormat.PKCS8, NoEncryption(), bits=4104))

    assert error.reason is Reason.KEY_UNSUPPORTED
    assert error.text == (
        f"the private key in {KEY_ENTRY} has 4104 bits, and no more than 4096 are supported: {NEW_PAIR}"
    )


def test_a_key_of_another_certificate_names_that_certificate() -> None:
    """The thumbprint tells which of somebody's certificates is in the Secret."""
    error = refusal_of_certificate(OTHER.certificate_pem)

    assert error.reason is Reason.KEY_MISMATCH
    assert error.text == (
        f"the private key in {KEY_ENTRY} does not belong to the certificate with SHA-1 thumbprint "
        f"{OTHER.thumbprint_sha1} in {CRT}: {FIND_PAIR}"
    )


def test_a_key_of_no_certificate_in_a_chain_counts_them() -> None:
    """An EC certificate among them is no match and no failure."""
    error = refusal_of_certificate(OTHER.certificate_pem + EC.certificate_pem)

    assert error.reason is Reason.KEY_MISMATCH
    assert error.text == f"the private key in {KEY_ENTRY} belongs to none of the 2 certificates in {CRT}: {FIND_PAIR}"
