"""A client secret is what stands in the Secret, less the line break that tools leave; what cannot be one is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokensync.credentials.client_secret import LONGEST, read_client_secret
from tokensync.credentials.proof import ClientSecret
from tokensync.errors import CredentialError, Reason
from tokensync.resource.model import KeyRef

REF = KeyRef(name="client-secret", key="secret")
VALUE = "q8Q~8JpzO.canary-of-a-client-secret_1234"


def read(value: bytes) -> ClientSecret:
    """A Secret with this under the key."""
    return read_client_secret({"secret": value}, REF, secret="reports/client-secret", fingerprint="uid.1")


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_line_break_is_not_part_of_it(end: str) -> None:
    """As `echo` and editors leave it."""
    assert read((VALUE + end).encode()) == ClientSecret(VALUE, "uid.1")


@pytest.mark.parametrize("value", [" leading", "trailing ", "in side", "+&=%:/?#[]@!$'()*,;", "~" * LONGEST])
def test_every_printable_character_is(value: str) -> None:
    """RFC 6749, appendix A.2: spaces too, wherever they stand."""
    assert read(value.encode()).value == value


@pytest.mark.parametrize(
    "value",
    [b"", b"\n", b"\r\n", b"two\n\n", b"two\nlines", b"\ttab", b"nul\0", b"\x7f", "ü".encode(), b"\xff", b"~" * 4097],
)
def test_what_cannot_be_one_is_refused(value: bytes) -> None:
    """The message says where it is and what to do."""
    with pytest.raises(CredentialError) as refused:
        read(value)

    assert refused.value.reason is Reason.CREDENTIAL_MALFORMED
    assert refused.value.message.startswith('key "secret" of Secret reports/client-secret is no client secret: it is')
    assert refused.value.remedy.startswith(
        "copy the value of the client secret (in Microsoft Entra ID not its Secret ID)"
    )


def test_a_missing_key_names_those_that_are_there() -> None:
    """One of them is probably meant."""
    with pytest.raises(CredentialError) as missing:
        read_client_secret({"b": b"1", "a": b"2"}, REF, secret="reports/client-secret", fingerprint="")

    assert missing.value.reason is Reason.CREDENTIAL_KEY_MISSING
    assert missing.value.message == (
        'Secret reports/client-secret has no key "secret" for the client secret; it has "a", "b"'
    )


@given(st.binary(min_size=4, max_size=64))
def test_nothing_of_it_is_ever_quoted(value: bytes) -> None:
    """Neither where it is refused nor in what it becomes."""
    canary = b"\0canary" + value
    with pytest.raises(CredentialError) as refused:
        read(canary)

    assert "canary" not in f"{refused.value} {refused.value.args}"
    assert VALUE not in repr(read(VALUE.encode()))
