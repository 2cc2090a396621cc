"""Bytes that nobody meant to be a certificate or a private key, and what must never be seen of those that are."""

import base64
import traceback
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from support.certificates import FORM, make_certificate
from support.der import der_of, integer, pem, sequence, tlv
from tokensync.credentials.entry import Part, find_entry
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.pem import read_pair
from tokensync.errors import CredentialError, Reason

CLIENT = make_certificate()
OTHER = make_certificate("other", fresh=True)
assert isinstance(CLIENT.private_key, rsa.RSAPrivateKey)
NUMBERS = CLIENT.private_key.private_numbers()
DSA = "2a8648ce380401"
DIFFIE_HELLMAN = "2a864886f70d010301"
RSA = "2a864886f70d010101"
EC = "2a8648ce3d0201"
BIG = 1 << 20_000 | 1

Edit = tuple[int, int | None, bytes]
positions = st.integers(0, 3000)
lengths = st.none() | st.integers(0, 60)
edits = st.lists(st.tuples(positions, lengths, st.binary(max_size=12)), min_size=1, max_size=4)
labels = st.sampled_from(["CERTIFICATE", "PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY"])


def edited(data: bytes, changes: list[Edit]) -> bytes:
    """Replace stretches of the data: position, from the start again beyond the end; length; what comes instead.

    Without a length as much goes as comes, so that lengths which are written in the data stay right.
    """
    for position, length, instead in changes:
        start = position % max(1, len(data))
        end = start + (len(instead) if length is None else length)
        data = data[:start] + instead + data[end:]
    return data


def pkcs1(changes: dict[str, int]) -> bytes:
    """The client's key in PKCS #1 (RFC 8017, appendix A.1.2), with other numbers in some places."""
    public = NUMBERS.public_numbers
    parts = {name: getattr(NUMBERS, name) for name in ("d", "p", "q", "dmp1", "dmq1", "iqmp")} | changes
    return pem("RSA PRIVATE KEY", sequence(*map(integer, (0, public.n, public.e, *parts.values()))))


def pkcs8(algorithm: str, *parameters: int, private_value: int = 3) -> bytes:
    """A key of another algorithm in PKCS #8 (RFC 5208, section 5)."""
    identifier = sequence(tlv(0x06, bytes.fromhex(algorithm)), sequence(*map(integer, parameters)))
    return pem("PRIVATE KEY", sequence(integer(0), identifier, tlv(0x04, integer(private_value))))


def read(certificate: bytes, private_key: bytes) -> KeyPair | CredentialError:
    """Read a pair; anything but the errors of credentials ends the test."""
    data = {"tls.crt": certificate, "tls.key": private_key}
    try:
        return read_pair(data, FORM, secret="team/client")
    except CredentialError as error:
        return error


def refusal(certificate: bytes, private_key: bytes) -> CredentialError:
    error = read(certificate, private_key)
    assert isinstance(error, CredentialError)
    return error


def everything_said(error: CredentialError) -> str:
    assert error.__cause__ is None
    assert error.__context__ is None
    return "\n".join([repr(error), error.text, repr(error.args), *traceback.format_exception(error)])


def traces(secret: bytes) -> Iterator[str]:
    """Forms in which lines of a key's text, long enough to be no coincidence, could be quoted."""
    for line in secret.splitlines():
        if len(line) > 16 and not line.startswith(b"-----"):
            yield line.decode("latin-1")
            yield line.hex()


@given(certificate=st.binary(max_size=300), private_key=st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_refused_in_our_own_words(certificate: bytes, private_key: bytes) -> None:
    """Random bytes in either entry raise the errors of credentials and nothing else."""
    assert everything_said(refusal(certificate, CLIENT.private_key_pem))
    assert everything_said(refusal(CLIENT.certificate_pem, private_key))


@given(label=labels, certificate=st.binary(max_size=300), private_key=st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_in_a_block_are_refused_in_our_own_words(label: str, certificate: bytes, private_key: bytes) -> None:
    """So do random bytes that are PEM in form, under any label."""
    assert everything_said(refusal(pem("CERTIFICATE", certificate), CLIENT.private_key_pem))
    assert everything_said(refusal(CLIENT.certificate_pem, pem(label, private_key)))


@given(certificate_edits=edits, key_edits=edits, form=st.sampled_from(["private_key_pem", "private_key_pkcs1_pem"]))
@settings(deadline=None, max_examples=300)
def test_edited_text_is_read_or_refused(certificate_edits: list[Edit], key_edits: list[Edit], form: str) -> None:
    """Whatever is done to the text of a valid pair, it is still the pair or it is refused without being quoted."""
    key = getattr(CLIENT, form)
    for certificate, private_key in (
        (edited(CLIENT.certificate_pem, certificate_edits), key),
        (CLIENT.certificate_pem, edited(key, key_edits)),
    ):
        assert_read_or_refused(read(certificate, private_key), private_key)


@given(certificate_edits=edits, key_edits=edits, form=st.sampled_from(["private_key_pem", "private_key_pkcs1_pem"]))
@settings(deadline=None, max_examples=300)
def test_edited_content_is_read_or_refused(certificate_edits: list[Edit], key_edits: list[Edit], form: str) -> None:
    """The same for what stands in the blocks, which gets further into the parser."""
    key = getattr(CLIENT, form)
    label = "PRIVATE KEY" if form == "private_key_pem" else "RSA PRIVATE KEY"
    changed_certificate = pem("CERTIFICATE", edited(der_of(CLIENT.certificate_pem), certificate_edits))
    changed_key = pem(label, edited(der_of(key), key_edits))

    assert_read_or_refused(read(changed_certificate, key), key)
    assert_read_or_refused(read(CLIENT.certificate_pem, changed_key), changed_key)


def assert_read_or_refused(outcome: KeyPair | CredentialError, private_key: bytes) -> None:
    if isinstance(outcome, KeyPair):
        assert outcome.private_key.public_key() == CLIENT.certificate.public_key()
    else:
        said = everything_said(outcome)
        assert not [trace for trace in traces(private_key) if trace in said]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda key: key[:200] + key[300:], id="damaged"),
        pytest.param(lambda key: key.replace(b"\n", b"\n\n"), id="blank lines, which the library's error quotes"),
        pytest.param(lambda key: key.replace(b"PRIVATE KEY", b"PUBLIC KEY"), id="another label"),
        pytest.param(lambda key: key + OTHER.private_key_pem, id="two keys"),
        pytest.param(lambda key: key[30:-30], id="no PEM"),
        pytest.param(base64.b64encode, id="Base64 twice"),
        pytest.param(der_of, id="DER"),
        pytest.param(lambda key: key[:-10], id="cut off"),
        pytest.param(lambda key: key * 10, id="too large"),
        pytest.param(lambda _: OTHER.private_key_pem, id="of another certificate"),
    ],
)
def test_no_refusal_quotes_the_key(spoil: Callable[[bytes], bytes]) -> None:
    """Neither message, `repr`, arguments, traceback nor a chained exception shows a line of the key."""
    private_key = spoil(CLIENT.private_key_pem)

    said = everything_said(refusal(CLIENT.certificate_pem, private_key))

    assert "team/client" in said
    for secret in (CLIENT.private_key_pem, OTHER.private_key_pem, private_key):
        assert not [trace for trace in traces(secret) if trace in said]


def test_an_entry_does_not_show_its_bytes() -> None:
    """What a debugger or a failed assertion prints of an entry and its blocks names them and no more."""
    entry = find_entry({"tls.key": CLIENT.private_key_pem}, "tls.key", part=Part.PRIVATE_KEY, secret="team/client")

    shown = f"{entry!r} {entry} {entry.blocks()!r}"

    assert "tls.key" in shown
    assert not [trace for trace in traces(CLIENT.private_key_pem) if trace in shown]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"p": 1 << 20_000 | 1, "dmp1": 1 << 19_999 | 1}, id="p of 20,000 bits"),
        pytest.param({"d": 1 << 80_000 | 1}, id="d of 80,000 bits"),
        pytest.param({"p": NUMBERS.public_numbers.n, "q": 1}, id="p the modulus"),
        pytest.param({"p": NUMBERS.p + 2}, id="p of another key"),
        pytest.param(dict.fromkeys(("p", "q", "dmp1", "dmq1", "iqmp"), 0), id="all zero"),
        pytest.param({"d": NUMBERS.d + 2, "dmp1": NUMBERS.dmp1 + 2}, id="wrong signatures"),
    ],
)
def test_numbers_that_are_no_key_are_refused(changes: dict[str, int]) -> None:
    """OpenSSL signs with most of them: correctly, too, but with the first only after seconds in which nothing else runs."""
    error = refusal(CLIENT.certificate_pem, pkcs1(changes))

    assert error.reason is Reason.CREDENTIAL_MALFORMED
    assert error.message == 'key "tls.key" of Secret team/client holds a private key that is damaged'


@pytest.mark.parametrize(
    "private_key",
    [
        pytest.param(pkcs8(DSA, BIG, BIG, BIG - 2, private_value=BIG >> 1), id="DSA"),
        pytest.param(pkcs8(DIFFIE_HELLMAN, BIG, BIG - 2, private_value=BIG >> 1), id="Diffie-Hellman"),
        pytest.param(pkcs8(DSA, int.from_bytes(bytes.fromhex(RSA)) << 8000 | 1, 5, 3), id="DSA with RSA's name in it"),
        pytest.param(pkcs8(DSA, int.from_bytes(bytes.fromhex(EC)) << 8000 | 1, 5, 3), id="DSA with EC's name in it"),
    ],
)
def test_other_algorithms_are_refused_before_they_are_computed_with(private_key: bytes) -> None:
    """Loading such a key takes seconds. `KeyUnsupported` shows that it was not loaded: it could not be told from others."""
    assert refusal(CLIENT.certificate_pem, private_key).reason is Reason.KEY_UNSUPPORTED


def test_an_ec_key_with_the_public_key_of_another_is_refused() -> None:
    """What it signs nobody could verify."""
    key, other = (make_certificate(key_type="ec", fresh=True).private_key for _ in range(2))
    own, foreign = (
        each.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint) for each in (key, other)
    )
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()).replace(own, foreign)

    assert refusal(CLIENT.certificate_pem, pem("PRIVATE KEY", der)).reason is Reason.CREDENTIAL_MALFORMED


def test_headers_cannot_pose_as_an_rsa_key() -> None:
    """The algorithm's name would be looked for in the header, and a key of any other algorithm loaded behind it."""
    header = b"AAAA: " + base64.b64encode(bytes.fromhex(RSA)[:8] + b"\0") + b"\n\n"
    first, rest = CLIENT.private_key_pem.split(b"\n", 1)

    error = refusal(CLIENT.certificate_pem, first + b"\n" + header + rest)

    assert error.reason is Reason.CREDENTIAL_MALFORMED
