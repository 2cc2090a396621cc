"""Every form of key, cipher and order in which a certificate and its private key can be handed over."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import permutations
from typing import get_args

import jwt
import pytest
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates

from support.certificates import FORM, ClientCertificate, PrivateKey, make_certificate, make_form
from support.openssl import openssl
from tokensync.credentials.assertion import sign_assertion
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.pem import read_pair

PASSWORD = "pass wörd: 1 % $HOME"
ROOT = make_certificate("root", fresh=True)
INTERMEDIATE = make_certificate("intermediate", key_type="ec", issuer=ROOT)
CLIENTS = {
    "RSA-2048": make_certificate(issuer=INTERMEDIATE),
    "RSA-3072": make_certificate(issuer=INTERMEDIATE, key_size=3072),
    "RSA-4096": make_certificate(issuer=INTERMEDIATE, key_size=4096),
    "P-256": make_certificate(issuer=INTERMEDIATE, key_type="ec", fresh=True),
    "P-384": make_certificate(issuer=INTERMEDIATE, key_type="ec", key_size=384),
    "P-521": make_certificate(issuer=INTERMEDIATE, key_type="ec", key_size=521),
}
SEAL = ("-passout", f"pass:{PASSWORD}")
ONE_OF_EACH_TYPE = ("RSA-2048", "P-256")

Write = Callable[[PrivateKey], bytes]
WritePfx = Callable[[ClientCertificate], bytes]


def pem(form: PrivateFormat, encryption: KeySerializationEncryption) -> Write:
    """By `cryptography`."""
    return lambda key: key.private_bytes(Encoding.PEM, form, encryption)


PKCS8 = pem(PrivateFormat.PKCS8, NoEncryption())
PKCS1_OR_SEC1 = pem(PrivateFormat.TraditionalOpenSSL, NoEncryption())


def openssl_pkcs8(arguments: str) -> Write:
    return lambda key: openssl("pkcs8", "-topk8", "-in", "key", *arguments.split(), *SEAL, files={"key": PKCS8(key)})


def openssl_traditional(arguments: str) -> Write:
    return lambda key: openssl(
        "pkey", "-traditional", "-in", "key", *arguments.split(), *SEAL, files={"key": PKCS8(key)}
    )


def pfx(pbes: PBES, mac: HashAlgorithm) -> WritePfx:
    """By `cryptography`."""
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2048).key_cert_algorithm(pbes).hmac_hash(mac)
    others = [INTERMEDIATE.certificate, ROOT.certificate]
    return lambda client: serialize_key_and_certificates(
        b"client", client.private_key, client.certificate, others, builder.build(PASSWORD.encode())
    )


def openssl_pfx(arguments: str, seal: tuple[str, str] = SEAL) -> WritePfx:
    def write(client: ClientCertificate) -> bytes:
        blocks = (ROOT.certificate_pem, client.certificate_pem, client.private_key_pem, INTERMEDIATE.certificate_pem)
        return openssl("pkcs12", "-export", "-in", "pem", *arguments.split(), *seal, files={"pem": b"".join(blocks)})

    return write


PLAIN = {
    "PKCS8 by cryptography": PKCS8,
    "PKCS1 or SEC1 by cryptography": PKCS1_OR_SEC1,
    "PKCS8 by openssl": openssl_pkcs8("-nocrypt"),
    "PKCS1 or SEC1 by openssl": openssl_traditional(""),
}
ENCRYPTED = {
    "PKCS8 by cryptography": pem(PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode())),
    "PKCS1 or SEC1 by cryptography": pem(PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(PASSWORD.encode())),
    **{
        f"PKCS8 by openssl {arguments}": openssl_pkcs8(arguments)
        for arguments in (
            "-v2 aes128",
            "-v2 aes256 -v2prf hmacWithSHA512",
            "-v2 des3",
            "-scrypt",
            "-v1 PBE-SHA1-3DES",
            "-v1 PBE-SHA1-RC2-40 -provider legacy -provider default",
            "-v1 PBE-MD5-DES -provider legacy -provider default",
        )
    },
    **{
        f"PKCS1 or SEC1 by openssl {arguments}": openssl_traditional(arguments)
        for arguments in ("-des3", "-aes128", "-aes256")
    },
}
PFX = {
    "AES-256 by cryptography": pfx(PBES.PBESv2SHA256AndAES256CBC, SHA256()),
    "3DES by cryptography": pfx(PBES.PBESv1SHA1And3KeyTripleDESCBC, SHA1()),  # noqa: S303 - as Windows writes them
    **{
        f"by openssl {arguments}": openssl_pfx(arguments)
        for arguments in (
            "",
            "-legacy",
            "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1",
            "-keypbe AES-128-CBC -certpbe AES-128-CBC",
            "-certpbe NONE",
            "-nomac",
        )
    },
}
LAYOUTS: dict[str, Callable[[bytes, list[bytes]], dict[str, bytes]]] = {
    "two entries": lambda key, chain: {"tls.crt": b"".join(chain), "tls.key": key},
    "key first": lambda key, chain: {"pem": b"".join([key, *chain])},
    "key last": lambda key, chain: {"pem": b"".join([*chain, key])},
    "key between": lambda key, chain: {"pem": b"".join([chain[1], key, chain[0], chain[2]])},
}


def read(data: Mapping[str, bytes], **fields: str) -> KeyPair:
    return read_pair(data, make_form(**fields), secret="team/client")


def read_from(layout: str, client: ClientCertificate, private_key: bytes, password: str | None = None) -> KeyPair:
    """Read what stands where the layout says, with the chain."""
    data = LAYOUTS[layout](private_key, [each.certificate_pem for each in (client, INTERMEDIATE, ROOT)])
    fields = {"certificateKey": "pem", "privateKeyKey": "pem"} if "pem" in data else {}
    if password is None:
        return read(data, **fields)
    return read({**data, "password": f"{password}\n".encode()}, passwordKey="password", **fields)


def assert_is_pair_of(pair: KeyPair, client: ClientCertificate) -> None:
    """The certificate verifies what is signed, and its chain is in order, without the root."""
    assertion = sign_assertion(pair, FORM, client_id="c", audience="https://idp.test/token", now=datetime.now(UTC))
    public_key = client.certificate.public_key()
    assert isinstance(public_key, get_args(jwt.algorithms.AllowedPublicKeys))
    jwt.decode(assertion, public_key, algorithms=list(pair.algorithms), audience="https://idp.test/token")
    assert pair.thumbprint_sha256 == client.thumbprint_sha256
    assert pair.chain == tuple(each.certificate.public_bytes(Encoding.DER) for each in (client, INTERMEDIATE))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", PLAIN)
@pytest.mark.parametrize("name", CLIENTS)
def test_plain_pem_is_read(name: str, form: str, layout: str) -> None:
    """Keys of every type and size, in every form, in one entry or in two."""
    client = CLIENTS[name]

    assert_is_pair_of(read_from(layout, client, PLAIN[form](client.private_key)), client)


@pytest.mark.parametrize("layout", ["two entries", "key between"])
@pytest.mark.parametrize("form", ENCRYPTED)
@pytest.mark.parametrize("name", ONE_OF_EACH_TYPE)
def test_encrypted_pem_is_read(name: str, form: str, layout: str) -> None:
    """Old ciphers and new ones, in PKCS #8 and in the older forms with headers."""
    client = CLIENTS[name]

    assert_is_pair_of(read_from(layout, client, ENCRYPTED[form](client.private_key), PASSWORD), client)


@pytest.mark.parametrize("form", PFX)
@pytest.mark.parametrize("name", ONE_OF_EACH_TYPE)
def test_pkcs12_is_read(name: str, form: str) -> None:
    """Old ciphers and new ones."""
    client = CLIENTS[name]
    data = {"client.pfx": PFX[form](client), "password": PASSWORD.encode()}

    assert_is_pair_of(read(data, pkcs12Key="client.pfx", passwordKey="password"), client)


@pytest.mark.parametrize("name", CLIENTS)
def test_pkcs12_holds_keys_of_every_type(name: str) -> None:
    """Its own check of large RSA keys takes a while, and is not too long for them."""
    data = {"client.pfx": PFX["AES-256 by cryptography"](CLIENTS[name]), "password": PASSWORD.encode()}

    assert_is_pair_of(read(data, pkcs12Key="client.pfx", passwordKey="password"), CLIENTS[name])


@pytest.mark.parametrize("arguments", ["", "-legacy", "-nomac", "-keypbe NONE -certpbe NONE"])
@pytest.mark.parametrize("fields", [{}, {"passwordKey": "password"}], ids=["none named", "empty"])
def test_pkcs12_without_a_password_is_read(arguments: str, fields: dict[str, str]) -> None:
    """An empty password is what programs write that ask for none."""
    client = CLIENTS["RSA-2048"]
    file = openssl_pfx(arguments, ("-passout", "pass:"))(client)

    assert_is_pair_of(read({"client.pfx": file, "password": b""}, pkcs12Key="client.pfx", **fields), client)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize("name", ONE_OF_EACH_TYPE)
def test_a_chain_is_read_in_any_order(name: str, order: tuple[int, ...]) -> None:
    """Leaf, intermediate and root in all six orders give the same pair and the same chain."""
    client = CLIENTS[name]
    certificates = [each.certificate_pem for each in (client, INTERMEDIATE, ROOT)]
    data = {"tls.crt": b"".join(certificates[place] for place in order), "tls.key": client.private_key_pem}

    assert_is_pair_of(read(data), client)


def test_the_secret_of_cert_manager_is_read_as_it_is() -> None:
    """The issuer's certificate and keystores beside the pair are left alone."""
    client = CLIENTS["RSA-2048"]
    data = {
        "tls.crt": client.certificate_pem + INTERMEDIATE.certificate_pem,
        "tls.key": PKCS1_OR_SEC1(client.private_key),
        "ca.crt": ROOT.certificate_pem,
        "keystore.p12": PFX["3DES by cryptography"](client),
        "keystore.jks": b"\xfe\xed\xfe\xed\0",
        "tls-combined.pem": client.private_key_pem + client.certificate_pem,
        "key.der": b"0",
    }

    assert_is_pair_of(read(data), client)
