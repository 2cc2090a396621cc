"""What a person is told when an encrypted private key or a PKCS #12 file cannot be opened."""

import base64
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from support.certificates import make_certificate, make_form
from support.openssl import openssl
from support.token_source import everything_in
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.password import read_password
from tokensync.credentials.pem import read_pair
from tokensync.errors import CredentialError, Reason

CLIENT = make_certificate()
assert isinstance(CLIENT.private_key, rsa.RSAPrivateKey)
PASSWORD = b"correct horse"
SEALED_KEY = CLIENT.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD))
LEGACY_KEY = CLIENT.private_key.private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(PASSWORD)
)
PFX = serialize_key_and_certificates(
    b"client", CLIENT.private_key, CLIENT.certificate, None, BestAvailableEncryption(PASSWORD)
)

KEY_ENTRY = 'key "tls.key" of Secret team/client'
PFX_ENTRY = 'key "client.pfx" of Secret team/client'
PASSWORD_ENTRY = 'key "password" of Secret team/client'
KEY_ANEW = "openssl pkey -in FILE -aes256 -out NEW"
PFX_ANEW = "openssl pkcs12 -in FILE -nodes -out PLAIN, then openssl pkcs12 -export -in PLAIN -out NEW"


def data_with(private_key: bytes) -> dict[str, bytes]:
    return {"tls.crt": CLIENT.certificate_pem, "tls.key": private_key}


def read(data: Mapping[str, bytes], password: bytes | None, **fields: str) -> KeyPair:
    if password is None:
        return read_pair(data, make_form(**fields), secret="team/client")
    return read_pair({**data, "password": password}, make_form(passwordKey="password", **fields), secret="team/client")


def refusal(data: Mapping[str, bytes], password: bytes | None, **fields: str) -> CredentialError:
    with pytest.raises(CredentialError) as caught:
        read(data, password, **fields)
    return caught.value


def refusal_of_pfx(file: bytes, password: bytes | None = PASSWORD) -> CredentialError:
    return refusal({"client.pfx": file}, password, pkcs12Key="client.pfx")


@pytest.mark.parametrize("key", [SEALED_KEY, LEGACY_KEY], ids=["PKCS8", "PKCS1"])
def test_an_encrypted_key_without_a_password_asks_for_one(key: bytes) -> None:
    """The remedy names the field to set."""
    error = refusal(data_with(key), None)

    assert error.reason is Reason.CREDENTIAL_PASSWORD_REQUIRED
    assert error.text == (
        f"the private key in {KEY_ENTRY} is encrypted with a password, and the spec names none: put the password into the "
        "same Secret, and name that key in spec.credential.certificate.passwordKey"
    )


def test_a_pkcs12_file_without_a_password_asks_for_one() -> None:
    """It was tried without."""
    error = refusal_of_pfx(PFX, None)

    assert error.reason is Reason.CREDENTIAL_PASSWORD_REQUIRED
    assert error.text == (
        f"the PKCS #12 file in {PFX_ENTRY} is encrypted with a password, and the spec names none: put the password into "
        "the same Secret, and name that key in spec.credential.certificate.passwordKey"
    )


@pytest.mark.parametrize("password", [b"", b"\n"])
def test_an_empty_password_is_said_to_be_empty(password: bytes) -> None:
    """Its entry is there, and somebody has yet to fill it."""
    for error in (refusal(data_with(SEALED_KEY), password), refusal_of_pfx(PFX, password)):
        assert error.reason is Reason.CREDENTIAL_PASSWORD_REQUIRED
        assert f"is encrypted with a password, and {PASSWORD_ENTRY} is empty" in error.message


@pytest.mark.parametrize("key", [SEALED_KEY, LEGACY_KEY], ids=["PKCS8", "PKCS1"])
def test_a_wrong_password_is_said_to_be_wrong(key: bytes) -> None:
    """Message and remedy name key and password, and a command that tells."""
    error = refusal(data_with(key), b"wrong donkey")

    assert error.reason is Reason.CREDENTIAL_PASSWORD_WRONG
    assert error.text == (
        f"the private key in {KEY_ENTRY} does not open with the password in {PASSWORD_ENTRY}: put the password there that "
        "it was encrypted with; openssl pkey -noout -in FILE asks for it and tells whether it is right"
    )


def test_a_wrong_password_of_a_pkcs12_file_is_said_to_be_wrong() -> None:
    """The command is the one for such files."""
    error = refusal_of_pfx(PFX, b"wrong donkey")

    assert error.reason is Reason.CREDENTIAL_PASSWORD_WRONG
    assert error.text == (
        f"the PKCS #12 file in {PFX_ENTRY} does not open with the password in {PASSWORD_ENTRY}: put the password there "
        "that it was encrypted with; openssl pkcs12 -noout -in FILE asks for it and tells whether it is right"
    )


@pytest.mark.parametrize("line_break", [b"\n", b"\r\n"])
def test_one_line_break_is_not_part_of_the_password(line_break: bytes) -> None:
    """`echo` and editors leave one."""
    assert read(data_with(SEALED_KEY), PASSWORD + line_break).thumbprint_sha256 == CLIENT.thumbprint_sha256


def test_other_white_space_is_part_of_the_password() -> None:
    """A password may end in a space, or in a second line break."""
    for spaced in (PASSWORD + b" ", b" " + PASSWORD, PASSWORD + b"\n\n"):
        assert refusal(data_with(SEALED_KEY), spaced).reason is Reason.CREDENTIAL_PASSWORD_WRONG


def test_a_password_for_a_plain_key_is_passed_over() -> None:
    """Whoever replaced an encrypted key by a plain one need not touch the resource."""
    assert read(data_with(CLIENT.private_key_pem), PASSWORD).thumbprint_sha256 == CLIENT.thumbprint_sha256


def test_a_missing_password_is_named_with_the_keys_that_exist() -> None:
    """As for any other part."""
    with pytest.raises(CredentialError) as caught:
        read_pair(data_with(SEALED_KEY), make_form(passwordKey="pasword"), secret="team/client")

    assert caught.value.reason is Reason.CREDENTIAL_KEY_MISSING
    assert caught.value.text == (
        'Secret team/client has no key "pasword" for the password; it has "tls.crt", "tls.key": put the password under '
        "that key, or name the key that holds it in spec.credential.certificate.passwordKey"
    )


def test_what_is_too_long_for_a_password_is_not_tried() -> None:
    """Somebody named the key of another part."""
    error = refusal(data_with(SEALED_KEY), b"x" * 1024)

    assert error.reason is Reason.CREDENTIAL_MALFORMED
    assert error.text == (
        f"{PASSWORD_ENTRY} holds 1024 bytes, and no password has more than 1023: put the password there, or name the key "
        "that holds it in spec.credential.certificate.passwordKey"
    )


def test_a_missing_pkcs12_file_is_named_with_the_keys_that_exist() -> None:
    """The field to correct is the one of the file."""
    error = refusal({"client.p12": PFX}, PASSWORD, pkcs12Key="client.pfx")

    assert error.reason is Reason.CREDENTIAL_KEY_MISSING
    assert error.text == (
        'Secret team/client has no key "client.pfx" for the PKCS #12 file; it has "client.p12", "password": put the '
        "PKCS #12 file under that key, or name the key that holds it in spec.credential.certificate.pkcs12Key"
    )


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param(b"", f"{PFX_ENTRY} is empty: put the PKCS #12 file there", id="empty"),
        pytest.param(
            CLIENT.certificate_pem,
            f"{PFX_ENTRY} is PEM, and not PKCS #12: remove spec.credential.certificate.pkcs12Key, and name the key in "
            "spec.credential.certificate.certificateKey and spec.credential.certificate.privateKeyKey instead",
            id="PEM",
        ),
        pytest.param(
            base64.b64encode(PFX),
            f"{PFX_ENTRY} is encoded in Base64 once too often: give the file's Base64 form under data, encoded once",
            id="Base64 twice",
        ),
        pytest.param(
            b"\xfe\xed\xfe\xed\0\0\0\2",
            f"{PFX_ENTRY} is a Java keystore of the old form (JKS), and not PKCS #12: convert it (keytool -importkeystore "
            "-srckeystore FILE -destkeystore NEW -deststoretype pkcs12), and put NEW into the Secret",
            id="JKS",
        ),
        pytest.param(b"hunter2", f"{PFX_ENTRY} is not PKCS #12: put the PKCS #12 file there", id="something else"),
        pytest.param(
            PFX + bytes(64 * 1024 + 1 - len(PFX)),
            f"{PFX_ENTRY} holds 65537 bytes, and no more than 65536 are read: "
            "keep nothing there but the client's certificate, its chain and its private key",
            id="too large",
        ),
        pytest.param(
            PFX[:-1],
            f"{PFX_ENTRY} holds a PKCS #12 file that is damaged, or encrypted in a way that is not supported: "
            f"encrypt it anew ({PFX_ANEW}), and put NEW into the Secret",
            id="cut off",
        ),
    ],
)
def test_what_is_no_pkcs12_file_says_why_and_what_to_do(file: bytes, text: str) -> None:
    """Each way to get it wrong has a message and a next step of its own."""
    error = refusal_of_pfx(file)

    assert error.reason is Reason.CREDENTIAL_MALFORMED
    assert error.text == text


@pytest.mark.parametrize("part", ["private key", "certificate"])
def test_a_pkcs12_file_that_lacks_a_half_says_which(part: str) -> None:
    """As Windows exports it unless told otherwise, or a trust store."""
    assert isinstance(CLIENT.private_key, rsa.RSAPrivateKey)
    key, certificate = (None, CLIENT.certificate) if part == "private key" else (CLIENT.private_key, None)
    file = serialize_key_and_certificates(None, key, certificate, None, BestAvailableEncryption(PASSWORD))

    error = refusal_of_pfx(file)

    assert error.reason is Reason.CREDENTIAL_MALFORMED
    assert error.text == (
        f"{PFX_ENTRY} holds a PKCS #12 file without a {part}: export it anew, with the certificate and its private key "
        "(openssl pkcs12 -export -in CERTIFICATE -inkey KEY -out NEW), and put NEW into the Secret"
    )


@pytest.mark.parametrize("cipher", ["-v2 camellia256", "-v1 PBE-SHA1-DES -provider legacy -provider default"])
def test_an_unknown_cipher_asks_for_another(cipher: str) -> None:
    """It is not the password that is wrong."""
    arguments = ("pkcs8", "-topk8", "-in", "key", "-passout", f"pass:{PASSWORD.decode()}", *cipher.split())

    error = refusal(data_with(openssl(*arguments, files={"key": CLIENT.private_key_pem})), PASSWORD)

    assert error.reason is Reason.CREDENTIAL_MALFORMED
    assert error.text == (
        f"{KEY_ENTRY} holds a private key that is damaged, or encrypted in a way that is not supported: "
        f"encrypt it anew ({KEY_ANEW}), and put NEW into the Secret"
    )


def test_what_comes_out_is_checked_like_any_other_key() -> None:
    """Encryption is no way past the checks of size and type."""
    weak = make_certificate(key_size=1024).private_key
    other = ed25519.Ed25519PrivateKey.generate()
    for key, reason in ((weak, Reason.KEY_TOO_WEAK), (other, Reason.KEY_UNSUPPORTED)):
        sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD))

        assert refusal(data_with(sealed), PASSWORD).reason is reason


def test_no_refusal_shows_key_or_password() -> None:
    """Neither what went in nor what came out is quoted, nor hangs on the error."""
    assert isinstance(CLIENT.private_key, rsa.RSAPrivateKey)
    plain = CLIENT.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    other = make_certificate("other", fresh=True).certificate_pem
    errors = [
        refusal(data_with(SEALED_KEY), b"wrong donkey"),
        refusal({"tls.crt": other, "tls.key": SEALED_KEY}, PASSWORD),
        refusal_of_pfx(PFX, b"wrong donkey"),
        refusal_of_pfx(PFX[:-1]),
        refusal_of_pfx(plain),
    ]

    for error in errors:
        said = everything_in(error)
        assert "correct horse" not in said
        assert "wrong donkey" not in said
        for line in (plain + SEALED_KEY).decode().splitlines():
            assert len(line) < 30 or line not in said


def test_a_password_does_not_show_itself() -> None:
    """In what a failed assertion or a debugger prints."""
    password = read_password({"password": PASSWORD}, make_form(passwordKey="password"), secret="team/client")

    assert "correct horse" not in f"{password} {password!r}"
    assert str(password) == PASSWORD_ENTRY
