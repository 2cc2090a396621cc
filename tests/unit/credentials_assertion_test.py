"""The signed client assertion, as a provider reads it."""

import re
from base64 import b64decode, urlsafe_b64decode
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from support.certificates import FORM, ClientCertificate, make_certificate, make_form
from support.token_source import make_pair
from tokensync.credentials.assertion import sign_assertion
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.pem import read_pair

NOW = datetime(2026, 11, 23, 13, 45, 0, 750_000, tzinfo=UTC)
CLIENT = "535fb089-9ff3-47b6-9bfb-4f1264799865"
AUDIENCE = "https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/oauth2/v2.0/token"


@pytest.fixture(name="client")
def _client() -> ClientCertificate:
    return make_certificate()


@pytest.fixture(name="pair")
def _pair(client: ClientCertificate) -> KeyPair:
    return read_pair(client.secret_data(), FORM, secret="team/client")


def sign(pair: KeyPair, now: datetime = NOW, **fields: Any) -> str:
    return sign_assertion(pair, make_form(**fields), client_id=CLIENT, audience=AUDIENCE, now=now)


def claims_of(assertion: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    return claims


def test_the_certificate_verifies_an_assertion(pair: KeyPair, client: ClientCertificate) -> None:
    """Who has the certificate can verify it: signature, audience, issuer, subject and all three times."""
    public_key = client.certificate.public_key()
    assert isinstance(public_key, rsa.RSAPublicKey)

    claims = jwt.decode(
        sign(pair, datetime.now(UTC)),
        public_key,
        algorithms=["PS256"],
        audience=AUDIENCE,
        issuer=CLIENT,
        subject=CLIENT,
        options={"require": ["iss", "sub", "aud", "iat", "nbf", "exp", "jti"], "strict_aud": True},
    )

    assert claims["sub"] == CLIENT


def test_another_certificate_does_not_verify_it(pair: KeyPair) -> None:
    """The signature is made with the pair's own key."""
    other = make_certificate(fresh=True).certificate.public_key()
    assert isinstance(other, rsa.RSAPublicKey)

    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(sign(pair), other, algorithms=["PS256"], audience=AUDIENCE)


def test_the_salt_is_as_long_as_the_hash(pair: KeyPair, client: ClientCertificate) -> None:
    """PS256 is a signature with a salt of 32 bytes and nothing else (RFC 7518, section 3.5)."""
    public_key = client.certificate.public_key()
    assert isinstance(public_key, rsa.RSAPublicKey)
    signed, _, signature = sign(pair).rpartition(".")

    public_key.verify(
        urlsafe_b64decode(signature + "=="),
        signed.encode(),
        padding.PSS(padding.MGF1(hashes.SHA256()), 32),
        hashes.SHA256(),
    )


def test_the_header_names_algorithm_type_and_certificate_only(pair: KeyPair, client: ClientCertificate) -> None:
    """The thumbprint is the Base64url form of the certificate's SHA-256 digest, without padding."""
    header = jwt.get_unverified_header(sign(pair))

    thumbprint = header.pop("x5t#S256")
    assert header == {"alg": "PS256", "typ": "JWT"}
    assert len(thumbprint) == 43
    assert urlsafe_b64decode(thumbprint + "=") == client.certificate.fingerprint(hashes.SHA256())


def test_the_claims_are_exact(pair: KeyPair) -> None:
    """Issued ten seconds ago, good for four minutes, for one audience, as integers, and nothing besides."""
    claims = claims_of(sign(pair))

    seconds = int(NOW.timestamp())
    del claims["jti"]
    assert claims == {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": AUDIENCE,
        "iat": seconds - 10,
        "nbf": seconds - 10,
        "exp": seconds + 240,
    }
    assert {type(claims[name]) for name in ("iat", "nbf", "exp")} == {int}


def test_times_do_not_depend_on_the_zone_of_the_clock(pair: KeyPair) -> None:
    """A moment is the same moment in every zone."""
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))

    assert claims_of(sign(pair, there))["iat"] == claims_of(sign(pair, NOW))["iat"]


def test_every_assertion_has_an_identifier_of_its_own(pair: KeyPair) -> None:
    """Two assertions of the same moment differ in `jti`, a random UUID: servers refuse one that was seen before."""
    identifiers = {claims_of(sign(pair))["jti"] for _ in range(50)}

    assert len(identifiers) == 50
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", each)
        for each in identifiers
    )


def test_it_is_three_unpadded_parts(pair: KeyPair) -> None:
    """JWS compact serialization (RFC 7515, section 3.1)."""
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", sign(pair), re.ASCII)


def test_the_algorithm_of_the_spec_is_taken(pair: KeyPair, client: ClientCertificate) -> None:
    """RS256 is for servers that take nothing else."""
    assertion = sign(pair, datetime.now(UTC), algorithm="RS256")

    public_key = client.certificate.public_key()
    assert isinstance(public_key, rsa.RSAPublicKey)
    assert jwt.get_unverified_header(assertion)["alg"] == "RS256"
    jwt.decode(assertion, public_key, algorithms=["RS256"], audience=AUDIENCE)


@pytest.mark.parametrize(("bits", "algorithm"), [(256, "ES256"), (384, "ES384"), (521, "ES512")])
def test_an_ec_key_signs_with_the_algorithm_of_its_curve(bits: int, algorithm: str) -> None:
    """RFC 7518, section 3.4."""
    client = make_certificate(key_type="ec", key_size=bits)

    assertion = sign(make_pair(client), datetime.now(UTC))

    public_key = client.certificate.public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    assert jwt.get_unverified_header(assertion)["alg"] == algorithm
    jwt.decode(assertion, public_key, algorithms=[algorithm], audience=AUDIENCE)


def test_the_key_id_of_the_spec_is_sent(pair: KeyPair) -> None:
    """Beside the thumbprint, and otherwise not at all."""
    header = jwt.get_unverified_header(sign(pair, keyId="2026-11"))

    assert header.pop("kid") == "2026-11"
    assert sorted(header) == ["alg", "typ", "x5t#S256"]


def test_the_chain_is_sent_where_the_spec_wants_it() -> None:
    """Each certificate is DER in Base64 without line breaks, the leaf first, the root left out (RFC 7515, 4.1.6)."""
    root = make_certificate("root", fresh=True)
    issuer = make_certificate("issuer", key_type="ec", issuer=root)
    client = make_certificate(issuer=issuer)
    data = {**client.secret_data(), "tls.crt": root.certificate_pem + issuer.certificate_pem + client.certificate_pem}

    header = jwt.get_unverified_header(sign(read_pair(data, FORM, secret="team/client"), sendChain=True))

    assert [b64decode(each, validate=True) for each in header["x5c"]] == [
        each.certificate.public_bytes(Encoding.DER) for each in (client, issuer)
    ]
    assert sorted(header) == ["alg", "typ", "x5c", "x5t#S256"]


def test_a_certificate_that_issued_itself_is_its_own_chain(pair: KeyPair, client: ClientCertificate) -> None:
    """The leaf is sent even where it is a root."""
    header = jwt.get_unverified_header(sign(pair, sendChain=True))

    assert [b64decode(each, validate=True) for each in header["x5c"]] == [client.certificate.public_bytes(Encoding.DER)]
