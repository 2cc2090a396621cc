"""A pair of certificate and private key as a value."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from support.certificates import FORM, ClientCertificate, make_certificate
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.pem import read_pair
from tokensync.errors import CredentialError, Reason

NOT_BEFORE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOT_AFTER = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(name="client")
def _client() -> ClientCertificate:
    return make_certificate(not_before=NOT_BEFORE, not_after=NOT_AFTER)


@pytest.fixture(name="pair")
def _pair(client: ClientCertificate) -> KeyPair:
    return read(client)


def read(client: ClientCertificate) -> KeyPair:
    return read_pair(client.secret_data(), FORM, secret="team/client")


@pytest.mark.parametrize("now", [NOT_BEFORE, NOT_BEFORE + SECOND, NOT_AFTER - SECOND, NOT_AFTER])
def test_a_certificate_is_valid_from_its_first_to_its_last_moment(pair: KeyPair, now: datetime) -> None:
    """Both ends belong to it."""
    pair.check_validity(now)


def test_an_expired_certificate_says_since_when_and_what_to_do(pair: KeyPair) -> None:
    """A second after the end it is `CertificateExpired`, with the thumbprint that the portal shows."""
    with pytest.raises(CredentialError) as caught:
        pair.check_validity(NOT_AFTER + SECOND)

    assert caught.value.reason is Reason.CERTIFICATE_EXPIRED
    assert caught.value.text == (
        f"the certificate with SHA-1 thumbprint {pair.thumbprint_sha1} expired at 2026-09-01T12:00:00.000Z: "
        "register a new certificate on the application, and put it and its private key into the Secret"
    )


def test_a_certificate_of_the_future_says_from_when_and_what_to_do(pair: KeyPair) -> None:
    """A second before the start it is `CertificateNotYetValid`: the clock may be the one that is wrong."""
    with pytest.raises(CredentialError) as caught:
        pair.check_validity(NOT_BEFORE - SECOND)

    assert caught.value.reason is Reason.CERTIFICATE_NOT_YET_VALID
    assert caught.value.text == (
        f"the certificate with SHA-1 thumbprint {pair.thumbprint_sha1} is not valid before 2026-03-01T12:00:00.000Z: "
        "wait until then, or correct the clock of the node that tokensync runs on"
    )


def test_thumbprints_and_times_are_those_of_the_certificate(pair: KeyPair, client: ClientCertificate) -> None:
    """Thumbprints stand in upper-case hexadecimal, times in UTC."""
    assert pair.thumbprint_sha1 == client.thumbprint_sha1
    assert pair.thumbprint_sha256 == client.thumbprint_sha256
    assert (pair.not_before, pair.not_after) == (NOT_BEFORE, NOT_AFTER)
    assert pair.not_after.tzinfo is UTC


def test_pairs_with_the_same_certificate_are_equal(client: ClientCertificate, pair: KeyPair) -> None:
    """Reading a Secret that was merely touched gives an equal pair; a renewed certificate of the same key does not."""
    assert read(client) == pair
    assert read(make_certificate(not_before=NOT_BEFORE, not_after=NOT_AFTER)) != pair


def test_a_pair_does_not_show_its_key(pair: KeyPair) -> None:
    """Neither the key's parts nor the key itself stand in `repr` or `str`."""
    assert isinstance(pair.private_key, RSAPrivateKey)
    numbers = pair.private_key.private_numbers()

    for shown in (repr(pair), str(pair), f"{pair}"):
        assert "private_key" not in shown
        assert all(str(number) not in shown for number in (numbers.p, numbers.q, numbers.d))
