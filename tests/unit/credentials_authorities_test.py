"""Any bytes are a bundle that can be used, or refused in our own words."""

import ssl

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from support.certificates import make_certificate
from tokensync.credentials.authorities import MOST_BYTES, read_authorities
from tokensync.errors import ProviderError, Reason

WHERE = 'key "ca.crt" of ConfigMap reports/company-ca'
CA = trustme.CA().cert_pem.bytes()
OTHER = trustme.CA().cert_pem.bytes()
PRIVATE_KEY = make_certificate().secret_data()["tls.key"]


def refusal(data: bytes) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read_authorities(data, where=WHERE)
    return caught.value


def loaded(authorities: str) -> int:
    """How many certificates TLS takes from them."""
    context = ssl.create_default_context(cadata=authorities)
    return len(context.get_ca_certs())


@pytest.mark.parametrize(
    ("data", "certificates"),
    [
        (CA, 1),
        (CA + OTHER, 2),
        (OTHER + b"\n\n" + CA, 2),
        (CA.replace(b"\n", b"\r\n"), 1),
        (CA.strip(), 1),
        ("# Főtanúsítvány\n".encode() + CA + b"Certificate:\n    Data:\n", 1),
        (CA.replace(b"CERTIFICATE", b"X509 CERTIFICATE"), 1),
        (CA + CA, 1),
    ],
    ids=["one", "two", "two the other way round", "CRLF", "no final line break", "with text", "old label", "one twice"],
)
def test_certificates_are_taken(data: bytes, certificates: int) -> None:
    """One or more, with whatever tools write around them."""
    assert loaded(read_authorities(data, where=WHERE)) == certificates


def test_a_private_key_is_left_out() -> None:
    """A bundle may be a whole file of somebody's: nothing of that goes further."""
    authorities = read_authorities(PRIVATE_KEY + CA, where=WHERE)
    assert "PRIVATE" not in authorities
    assert loaded(authorities) == 1


@pytest.mark.parametrize(
    ("data", "message", "remedy"),
    [
        (b"", "holds no certificate in PEM", "put the certificates in PEM there"),
        (b"\x30\x82\x01\x0a", "holds no certificate in PEM", "put the certificates in PEM there"),
        (PRIVATE_KEY, "holds no certificate in PEM", "put the certificates in PEM there"),
        (b"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", "is encoded in Base64 once too often", "give the PEM text itself"),
        (CA[:-40], "holds a certificate that is damaged", "copy the whole file there again"),
        (CA + OTHER[: len(OTHER) // 2], "holds a certificate that is damaged", "copy the whole file there again"),
        (CA.replace(b"\nM", b"\nN", 1), "holds a certificate that is damaged", "copy the whole file there again"),
        (
            CA * (MOST_BYTES // len(CA) + 1),
            f"bytes, and no more than {MOST_BYTES} are read",
            "keep nothing there but the certificates",
        ),
    ],
    ids=["empty", "DER", "a key", "Base64 twice", "cut off", "second cut off", "damaged", "too large"],
)
def test_what_cannot_be_used_is_told(data: bytes, message: str, remedy: str) -> None:
    """What is wrong, where, and what to do."""
    error = refusal(data)
    assert error.reason is Reason.PROVIDER_UNTRUSTED
    assert error.message.startswith(WHERE)
    assert error.message.endswith(message)
    assert error.remedy.startswith(remedy)


@given(
    st.lists(
        st.binary(max_size=40)
        | st.sampled_from(
            [CA, OTHER[:200], PRIVATE_KEY, b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----", b"\n"]
        )
    ).map(b"".join)
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """What is read, TLS can use; what is refused is not quoted."""
    try:
        authorities = read_authorities(data, where=WHERE)
    except ProviderError as error:
        seen = error.text
        authorities = ""
    else:
        seen = WHERE
    assert seen.startswith(WHERE)
    assert "BEGIN" not in seen
    assert not authorities or loaded(authorities)
