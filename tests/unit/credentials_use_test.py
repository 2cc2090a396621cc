"""Whether a pair fits the provider and the algorithm that the spec wants."""

from typing import Any

import pytest

from support.certificates import make_certificate
from support.token_source import make_pair
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.proof import ClientSecret, FederatedToken, Proof
from tokensync.credentials.use import check_use
from tokensync.errors import CredentialError, Reason
from tokensync.resource.spec import Spec

RSA = make_pair(make_certificate())
P256 = make_pair(make_certificate(key_type="ec"))
P384 = make_pair(make_certificate(key_type="ec", key_size=384))
P521 = make_pair(make_certificate(key_type="ec", key_size=521))

ENTRA = {"entra": {"tenantId": "contoso.onmicrosoft.com"}}
OIDC = {"oidc": {"issuer": "https://idp.test"}}
OAUTH2 = {"oauth2": {"tokenEndpoint": "https://idp.test/token"}}


def make_spec(provider: dict[str, Any], algorithm: str | None = None) -> Spec:
    certificate = {"secretRef": {"name": "client"}} | ({"algorithm": algorithm} if algorithm else {})
    return Spec.model_validate(
        {
            "provider": provider,
            "clientId": "client",
            "scopes": ["read"],
            "credential": {"certificate": certificate},
            "target": {"name": "token"},
        }
    )


def refusal(proof: Proof, spec: Spec) -> CredentialError:
    with pytest.raises(CredentialError) as caught:
        check_use(proof, spec)
    return caught.value


@pytest.mark.parametrize(
    ("pair", "algorithms"),
    [(RSA, ["PS256", "RS256"]), (P256, ["ES256"]), (P384, ["ES384"]), (P521, ["ES512"])],
    ids=["RSA", "P-256", "P-384", "P-521"],
)
def test_a_key_goes_with_the_algorithms_of_its_type(pair: KeyPair, algorithms: list[str]) -> None:
    """Named or not; the first is the one that is taken (RFC 7518, sections 3.3 to 3.5)."""
    assert list(pair.algorithms) == algorithms
    for algorithm in (None, *algorithms):
        check_use(pair, make_spec(OIDC, algorithm))
        check_use(pair, make_spec(OAUTH2, algorithm))


@pytest.mark.parametrize("pair", [P256, P384, P521], ids=["P-256", "P-384", "P-521"])
def test_entra_takes_no_ec_key(pair: KeyPair) -> None:
    """It says so of itself only in a support thread; the message says it before anything is sent."""
    error = refusal(pair, make_spec(ENTRA))

    assert error.reason is Reason.KEY_UNSUPPORTED
    assert error.message == (
        f"the key of the certificate with SHA-1 thumbprint {pair.thumbprint_sha1} is {pair.key_type}, and Microsoft Entra "
        "ID accepts RSA keys only"
    )
    assert error.remedy == (
        "make an RSA key of 2048 to 4096 bits and a certificate for it, register the certificate on the application, "
        "and put both into the Secret"
    )


@pytest.mark.parametrize("algorithm", [None, "PS256", "RS256"])
def test_entra_takes_rsa_keys(algorithm: str | None) -> None:
    """With both algorithms."""
    check_use(RSA, make_spec(ENTRA, algorithm))


@pytest.mark.parametrize(
    ("pair", "algorithm", "is_now", "fitting"),
    [
        pytest.param(RSA, "ES256", "RSA", "PS256 or RS256", id="RSA with ES256"),
        pytest.param(P256, "PS256", "EC P-256", "ES256", id="P-256 with PS256"),
        pytest.param(P256, "ES384", "EC P-256", "ES256", id="P-256 with ES384"),
        pytest.param(P521, "ES256", "EC P-521", "ES512", id="P-521 with ES256"),
    ],
)
def test_an_algorithm_of_another_key_type_is_refused(pair: KeyPair, algorithm: str, is_now: str, fitting: str) -> None:
    """The remedy names the algorithms that go with the key."""
    error = refusal(pair, make_spec(OIDC, algorithm))

    assert error.reason is Reason.KEY_UNSUPPORTED
    assert error.text == (
        f"the key of the certificate with SHA-1 thumbprint {pair.thumbprint_sha1} is {is_now}, and the algorithm "
        f"{algorithm} needs another: remove spec.credential.certificate.algorithm, or set it to {fitting}"
    )


@pytest.mark.parametrize("proof", [ClientSecret("s", "1"), FederatedToken("t", "s", "a")])
def test_other_proofs_fit_everywhere(proof: Proof) -> None:
    """What is sent as it is has no key to look at."""
    for provider in (ENTRA, OIDC, OAUTH2):
        check_use(proof, make_spec(provider))
