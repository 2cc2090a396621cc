"""A ServiceAccount's token is looked at before it goes anywhere, and never shown."""

from typing import Any

import jwt
import pytest

from tokensync.credentials.federated_token import audiences_of_server, read_federated_token
from tokensync.credentials.proof import FederatedToken
from tokensync.errors import CredentialError, Reason

KEY = "a key of nobody, and long enough for this algorithm"
AUDIENCE = "api://AzureADTokenExchange"
SUBJECT = "system:serviceaccount:reports:reporter"


def token(**claims: Any) -> str:
    """One with these claims instead of the right ones."""
    return jwt.encode({"iss": "https://issuer", "sub": SUBJECT, "aud": [AUDIENCE]} | claims, KEY)


def read(value: str) -> FederatedToken:
    """As the answer to what was asked for."""
    return read_federated_token(value, namespace="reports", name="reporter", audience=AUDIENCE)


@pytest.mark.parametrize("audience", [[AUDIENCE], AUDIENCE])
def test_what_was_asked_for_is_taken(audience: object) -> None:
    """An only audience is a text or a list (RFC 7519, section 4.1.3)."""
    value = token(aud=audience)

    proof = read(value)

    assert (proof.value, proof.subject, proof.audience, proof.fingerprint) == (value, SUBJECT, AUDIENCE, "")
    assert value not in repr(proof)


@pytest.mark.parametrize("audience", [["https://api", AUDIENCE], ["https://api"], "https://api", [], None])
def test_another_audience_is_refused(audience: object) -> None:
    """Also one beside the right one: whoever gets the token could use it there."""
    with pytest.raises(CredentialError) as refused:
        read(token(aud=audience) if audience is not None else jwt.encode({"sub": SUBJECT}, KEY))

    assert refused.value.reason is Reason.AUDIENCE_NOT_ALLOWED
    assert f"is not for the audience {AUDIENCE} alone" in refused.value.message


@pytest.mark.parametrize(
    "value", ["", "opaque", "a.b.c", token(sub="system:serviceaccount:reports:other"), token(sub="x")]
)
def test_somebody_elses_token_is_refused(value: str) -> None:
    """And what is no JWT; nothing of it is quoted."""
    with pytest.raises(CredentialError) as refused:
        read(value)

    assert refused.value.reason is Reason.CREDENTIAL_MALFORMED
    assert "reports/reporter" in refused.value.message
    assert not value or value not in str(refused.value)


@pytest.mark.parametrize(
    ("credential", "audiences"),
    [
        (token(aud=["https://api"]), {"https://api", "https://issuer"}),
        (token(aud=["https://api", "https://other"]), {"https://api", "https://other", "https://issuer"}),
        (token(sub="alice"), set()),
        ("opaque", set()),
        ("", set()),
    ],
)
def test_a_credential_tells_audiences_of_its_api_server(credential: str, audiences: set[str]) -> None:
    """Where it is a ServiceAccount's; of anything else nothing is certain."""
    assert audiences_of_server(credential) == audiences
