"""Resources whose credential is encrypted."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from support.der import pfx
from support.simulators.world import NAMESPACE, World, valid_certificate
from tokensync.resource.spec import Key

FOR_EVER = 2**31 - 1


def add_hostile(world: World, number: int, *, namespace: str = NAMESPACE) -> Key:
    """A resource whose PKCS #12 file asks for two thousand million iterations, with a token endpoint of its own."""
    data = {"client.pfx": pfx(FOR_EVER), "password": b""}
    return add_file(world, f"hostile-{number}", data, namespace=namespace, tenant=f"tenant-{number}")


def add_sealed(world: World, name: str, **resource: Any) -> Key:
    """A resource whose PKCS #12 file is as anybody makes it."""
    return add_file(world, name, sealed_data(), **resource)


def sealed_data() -> dict[str, bytes]:
    """Such a file with a new certificate, and its password."""
    client = valid_certificate()
    assert isinstance(client.private_key, rsa.RSAPrivateKey)
    encryption = BestAvailableEncryption(b"correct horse")
    file = serialize_key_and_certificates(None, client.private_key, client.certificate, None, encryption)
    return {"client.pfx": file, "password": b"correct horse"}


def add_file(world: World, name: str, data: dict[str, bytes], *, namespace: str = NAMESPACE, **resource: Any) -> Key:
    """A resource, and a Secret of the same name with what it is to be opened with."""
    world.cluster.add_secret(Key(namespace, name), data, secret_type="Opaque")
    certificate = {"secretRef": {"name": name}, "pkcs12Key": "client.pfx", "passwordKey": "password"}
    return world.add_resource(name, namespace=namespace, credential={"certificate": certificate}, **resource)
