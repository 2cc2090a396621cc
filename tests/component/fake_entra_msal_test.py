"""Microsoft's own library gets along with the fake Entra, as far as it keeps to the standards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msal
import pytest
import requests

from support.certificates import ClientCertificate, make_certificate
from support.entra import Application, FakeEntra
from support.entra.client import Client

SCOPE = "https://graph.microsoft.com/.default"


@pytest.fixture
def trusting(entra: FakeEntra, tmp_path: Path) -> Iterator[requests.Session]:
    """What MSAL sends its requests with."""
    with requests.Session() as session:
        session.verify = str(entra.write_ca(tmp_path / "ca.pem"))
        session.trust_env = False
        yield session


def _msal(
    entra: FakeEntra, application: Application, credential: dict[str, Any], session: requests.Session
) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        application.client_id,
        authority=f"https://{entra.host}/{entra.tenant_id}",
        client_credential=credential,
        http_client=session,
        instance_discovery=False,
    )


def _certificate_form(certificate: ClientCertificate) -> dict[str, str]:
    return {
        "private_key": certificate.private_key_pem.decode(),
        "public_certificate": certificate.certificate_pem.decode(),
    }


async def test_msal_gets_tokens_with_an_assertion_of_our_own(
    entra: FakeEntra, client: Client, trusting: requests.Session
) -> None:
    """MSAL's callable form works, with a fresh assertion for each acquisition."""
    own: dict[str, Any] = {"client_assertion": client.assertion}
    answers = [_msal(entra, client.application, own, trusting).acquire_token_for_client([SCOPE]) for _ in range(2)]
    assert [answer["access_token"] for answer in answers] == [issued.value for issued in entra.issued]
    assert [answer["expires_in"] for answer in answers] == [3600, 3600]


def test_msal_by_itself_is_too_careless_for_the_strict_provider(entra: FakeEntra, trusting: requests.Session) -> None:
    """MSAL's certificate form pads thumbprints, which RFC 7515 forbids: refused unless the test says otherwise."""
    certificate = make_certificate()
    application = entra.register(certificates=[certificate.certificate_pem])
    answer = _msal(entra, application, _certificate_form(certificate), trusting).acquire_token_for_client([SCOPE])
    assert answer["error_codes"] == [700027]


@pytest.mark.parametrize("form", ["public certificate", "SHA-1 thumbprint"])
def test_msal_gets_a_token_by_itself_where_padding_is_forgiven(tmp_path: Path, form: str) -> None:
    """Both certificate forms work, and MSAL's reuse of the assertion is noticed at the second token."""
    certificate = make_certificate()
    with FakeEntra(padded_thumbprints=True) as entra, requests.Session() as session:
        session.verify = str(entra.write_ca(tmp_path / "ca.pem"))
        session.trust_env = False
        entra.add_resource("api://second")
        application = entra.register(certificates=[certificate.certificate_pem])
        credential = _certificate_form(certificate)
        if form == "SHA-1 thumbprint":
            credential = {"private_key": credential["private_key"], "thumbprint": certificate.thumbprint_sha1}
        msal_application = _msal(entra, application, credential, session)
        assert "access_token" in msal_application.acquire_token_for_client([SCOPE])
        assert msal_application.acquire_token_for_client(["api://second/.default"])["error_codes"] == [50027]


def test_msal_names_the_tenant_that_is_unknown(entra: FakeEntra, trusting: requests.Session) -> None:
    """Discovery of an unknown tenant fails in MSAL with Entra's text."""
    with pytest.raises(ValueError, match="authority") as failure:
        msal.ConfidentialClientApplication(
            "any",
            authority=f"https://{entra.host}/nowhere.example",
            client_credential={"client_assertion": "any"},
            http_client=trusting,
            instance_discovery=False,
        )
    assert "AADSTS90002" in str(failure.value.__context__)
