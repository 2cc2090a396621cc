"""Write the corpus of the certificate loader anew: `PYTHONPATH=operator:tests .venv/bin/python fuzz/make_corpus.py`.

The keys are made for it, and thrown away with it.
"""

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from fuzz_certificate import CORPUS, is_slow
from support.certificates import ClientCertificate, make_certificate
from support.openssl import openssl

PASSWORD = "fuzz"
SEAL = ("-passout", f"pass:{PASSWORD}")


def seeds() -> dict[str, bytes]:
    """What stands in each file; the digit is where `fuzz_certificate` sends it."""
    issuer = make_certificate("issuer", key_type="ec", fresh=True)
    rsa = make_certificate("rsa", issuer=issuer)
    ec = make_certificate("ec", key_type="ec", key_size=384, issuer=issuer)
    legacy = openssl("pkey", "-in", "in", "-traditional", "-aes128", *SEAL, files={"in": rsa.private_key_pem})
    old = openssl("pkcs8", "-in", "in", "-topk8", "-v1", "PBE-SHA1-3DES", *SEAL, files={"in": ec.private_key_pem})
    edwards = ed25519.Ed25519PrivateKey.generate()
    return {
        "pem-rsa": b"0" + rsa.certificate_pem + rsa.private_key_pem,
        "pem-chain": b"0" + issuer.certificate_pem + ec.private_key_pkcs1_pem + ec.certificate_pem,
        "pem-pkcs1": b"0" + rsa.private_key_pkcs1_pem + rsa.certificate_pem,
        "pem-encrypted": b"0" + rsa.certificate_pem + legacy,
        "key-rsa": b"10" + der(rsa, PrivateFormat.PKCS8),
        "key-ec": b"10" + der(ec, PrivateFormat.PKCS8),
        "key-ed25519": b"10" + edwards.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        "key-pkcs1": b"11" + der(rsa, PrivateFormat.TraditionalOpenSSL),
        "key-sec1": b"12" + der(ec, PrivateFormat.TraditionalOpenSSL),
        "certificate-rsa": b"2" + rsa.certificate.public_bytes(Encoding.DER),
        "certificate-ec": b"2" + issuer.certificate.public_bytes(Encoding.DER),
        "pkcs12-aes": b"3" + pkcs12(),
        "pkcs12-rc2": b"3" + pkcs12("-legacy"),
        "pkcs12-plain": b"3" + pkcs12("-keypbe", "NONE", "-certpbe", "NONE", "-nomac"),
        "sealed-aes": b"4" + sealed(ec),
        "sealed-3des": b"4" + old,
        "sealed-legacy": b"4" + legacy,
    }


def der(client: ClientCertificate, form: PrivateFormat) -> bytes:
    """A private key."""
    return client.private_key.private_bytes(Encoding.DER, form, NoEncryption())


def sealed(client: ClientCertificate) -> bytes:
    """An encrypted private key in PEM."""
    encryption = BestAvailableEncryption(PASSWORD.encode())
    return client.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def pkcs12(*arguments: str) -> bytes:
    """A PKCS #12 file that is not taken for a slow one, as some are by chance."""
    while True:
        client = make_certificate("pkcs12", fresh=True)
        pem = client.certificate_pem + client.private_key_pem
        file = openssl("pkcs12", "-export", "-in", "pem", *SEAL, *arguments, files={"pem": pem})
        if not is_slow(file):
            return file


if __name__ == "__main__":
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, content in seeds().items():
        (CORPUS / name).write_bytes(content)
