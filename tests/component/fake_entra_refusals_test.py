"""The fake Entra refuses whatever Entra would refuse, and what stricter providers would."""

import base64
import json
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import aiohttp
import jwt
import pytest

from support.certificates import make_certificate
from support.entra import FakeEntra
from support.entra.client import Client, claims_of, registered_client

SCOPE = "https://graph.microsoft.com/.default"


def _hour(offset: int) -> int:
    return int(time.time()) + 3600 * offset


def _tampered(client: Client) -> str:
    header, _, signature = client.assertion().split(".")
    claims = base64.urlsafe_b64encode(json.dumps(claims_of(client.assertion())).encode())
    return f"{header}.{claims.decode().rstrip('=')}.{signature}"


def _signed_with(algorithm: str, key: object) -> Callable[[Client], str]:
    return lambda client: client.assertion(algorithm=algorithm, key=key)


MALFORMED = (400, "invalid_request", 50027)
UNKNOWN_CERTIFICATE = (401, "invalid_client", 700027)
WRONG_AUDIENCE = (401, "invalid_client", 700023)
WRONG_IDENTIFIER = (401, "invalid_client", 700021)
OUT_OF_TIME = (401, "invalid_client", 700024)
WRONG_ALGORITHM = (400, "invalid_request", 5002738)
MISSING = (400, "invalid_request", 900144)
WRONG_SCOPE = (400, "invalid_scope", 1002012)

WRONG_ASSERTIONS: dict[str, tuple[Callable[[Client], str], tuple[int, str, int]]] = {
    "not a JWT": (lambda _: "not-a-jwt", MALFORMED),
    "payload is a list": (
        lambda client: jwt.PyJWS().encode(b"[]", client.certificate.private_key, "PS256"),
        MALFORMED,
    ),
    "no algorithm": (lambda client: client.assertion(key="", algorithm="none"), WRONG_ALGORITHM),
    "HMAC": (_signed_with("HS256", "s" * 32), WRONG_ALGORITHM),
    "another RSA algorithm": (lambda client: client.assertion(algorithm="RS512"), WRONG_ALGORITHM),
    "ES256": (_signed_with("ES256", make_certificate(key_type="ec").private_key), WRONG_ALGORITHM),
    "names no certificate": (lambda client: client.assertion(header={}), MALFORMED),
    "names an unknown certificate": (
        lambda client: client.assertion(header={"x5t#S256": "bm90LWEtdGh1bWJwcmludA"}),
        UNKNOWN_CERTIFICATE,
    ),
    "names two certificates": (
        lambda client: client.assertion(header={"x5t": "AAAA", "x5t#S256": client.x5t_s256}),
        UNKNOWN_CERTIFICATE,
    ),
    "SHA-256 in x5t": (lambda client: client.assertion(header={"x5t": client.x5t_s256}), UNKNOWN_CERTIFICATE),
    "padded thumbprint": (
        lambda client: client.assertion(header={"x5t#S256": client.x5t_s256 + "="}),
        UNKNOWN_CERTIFICATE,
    ),
    "signed with another key": (
        lambda client: client.assertion(key=make_certificate(fresh=True).private_key),
        UNKNOWN_CERTIFICATE,
    ),
    "changed after it was signed": (_tampered, UNKNOWN_CERTIFICATE),
    "for another endpoint": (lambda client: client.assertion(aud=f"{client.token_endpoint}/"), WRONG_AUDIENCE),
    "for several": (lambda client: client.assertion(aud=[client.token_endpoint]), WRONG_AUDIENCE),
    "for nobody": (lambda client: client.assertion(aud=None), WRONG_AUDIENCE),
    "from another issuer": (lambda client: client.assertion(iss="other"), WRONG_IDENTIFIER),
    "about another subject": (lambda client: client.assertion(sub="other"), WRONG_IDENTIFIER),
    "without subject": (lambda client: client.assertion(sub=None), WRONG_IDENTIFIER),
    "expired": (lambda client: client.assertion(exp=int(time.time()) - 1), OUT_OF_TIME),
    "not valid yet": (lambda client: client.assertion(nbf=_hour(1), exp=_hour(2)), OUT_OF_TIME),
    "issued in the future": (lambda client: client.assertion(iat=_hour(1), exp=_hour(2)), OUT_OF_TIME),
    "without expiry": (lambda client: client.assertion(exp=None), MALFORMED),
    "expiry is text": (lambda client: client.assertion(exp="soon"), MALFORMED),
    "expiry is beyond every calendar": (lambda client: client.assertion(exp=10**20), MALFORMED),
    "without jti": (lambda client: client.assertion(jti=None), MALFORMED),
    "jti is empty": (lambda client: client.assertion(jti=""), MALFORMED),
}


@pytest.mark.parametrize("case", WRONG_ASSERTIONS)
async def test_a_wrong_assertion_is_refused(entra: FakeEntra, client: Client, case: str) -> None:
    """Each thing that can be wrong with an assertion is refused for itself, and no token leaves."""
    make, expected = WRONG_ASSERTIONS[case]
    assert (await client.ask(client_assertion=make(client))).refusal == expected
    assert entra.requests[0].error_code == expected[2]
    assert entra.issued == []


WRONG_FORMS: dict[str, tuple[dict[str, str | None], tuple[int, str, int]]] = {
    "without grant type": ({"grant_type": None}, MISSING),
    "another grant type": ({"grant_type": "password"}, (400, "unsupported_grant_type", 70003)),
    "without client": ({"client_id": None}, MISSING),
    "unknown client": ({"client_id": str(uuid.uuid4())}, (400, "unauthorized_client", 700016)),
    "without assertion": ({"client_assertion": None}, (401, "invalid_client", 7000218)),
    "without assertion type": ({"client_assertion_type": None}, MISSING),
    "another assertion type": ({"client_assertion_type": "jwt-bearer"}, (400, "invalid_request", 90023)),
    "without scope": ({"scope": None}, MISSING),
    "a permission for a scope": ({"scope": "https://graph.microsoft.com/User.Read"}, WRONG_SCOPE),
    "two scopes": ({"scope": f"{SCOPE} {SCOPE}"}, WRONG_SCOPE),
    "no resource": ({"scope": "/.default"}, WRONG_SCOPE),
    "unknown resource": ({"scope": "api://unknown/.default"}, (400, "invalid_resource", 500011)),
}


@pytest.mark.parametrize("case", WRONG_FORMS)
async def test_a_wrong_form_is_refused(entra: FakeEntra, client: Client, case: str) -> None:
    """Each parameter that is missing or wrong is refused for itself, and no token leaves."""
    changes, expected = WRONG_FORMS[case]
    assert (await client.ask(**changes)).refusal == expected
    assert entra.issued == []


@pytest.mark.parametrize("kind", ["JSON", "multipart", "twice"])
async def test_what_is_no_form_is_refused(client: Client, kind: str) -> None:
    """The right parameters in JSON or as multipart, and a parameter that stands there twice."""
    form = client.form()
    with aiohttp.MultipartWriter("form-data") as parts:
        for name, value in form.items():
            parts.append(value).set_content_disposition("form-data", name=name)
    bodies: dict[str, dict[str, Any]] = {
        "JSON": {"json": form},
        "multipart": {"data": parts},
        "twice": {"data": [*form.items(), ("scope", SCOPE)]},
    }
    answer = await client.post(client.token_endpoint, **bodies[kind])
    assert answer.refusal == (400, "invalid_request", 9002313)


async def test_an_assertion_is_good_once(entra: FakeEntra, client: Client) -> None:
    """A replayed assertion is refused, and so is a new one with an old `jti`; another application may have the same."""
    assertion = client.assertion(jti="first")
    assert (await client.ask(client_assertion=assertion)).status == 200
    assert (await client.ask(client_assertion=assertion)).refusal == MALFORMED
    assert (await client.ask(client_assertion=client.assertion(jti="first"))).refusal == MALFORMED
    async with registered_client(entra) as other:
        assert (await other.ask(client_assertion=other.assertion(jti="first"))).status == 200


async def test_an_assertion_refused_for_something_else_may_come_again(entra: FakeEntra, client: Client) -> None:
    """Only what would have been accepted uses its `jti` up."""
    assertion = client.assertion()
    entra.clock_offset = timedelta(hours=1)
    assert (await client.ask(client_assertion=assertion)).refusal == OUT_OF_TIME
    entra.clock_offset = timedelta()
    assert (await client.ask(client_assertion=assertion)).status == 200


async def test_an_unknown_tenant_is_refused_by_every_endpoint(entra: FakeEntra, client: Client) -> None:
    """`invalid_tenant`, 400, with AADSTS90002."""
    nowhere = f"https://{entra.host}/nowhere.example"
    found = await client.get(f"{nowhere}/v2.0/.well-known/openid-configuration")
    asked = await client.post(f"{nowhere}/oauth2/v2.0/token", data=client.form())
    assert found.refusal == asked.refusal == (400, "invalid_tenant", 90002)


async def test_an_application_that_is_switched_off_or_blocked_gets_nothing(client: Client) -> None:
    """Both take hold at once, and both can be taken back."""
    client.application.disabled = True
    assert (await client.ask()).refusal == (400, "unauthorized_client", 7000112)
    client.application.disabled = False
    client.application.blocked_by_policy = True
    assert (await client.ask()).refusal == (400, "invalid_grant", 53003)
    client.application.blocked_by_policy = False
    assert (await client.ask()).status == 200


@pytest.mark.parametrize("offset", [timedelta(days=-2), timedelta(days=400)])
async def test_a_certificate_outside_its_validity_is_refused(
    entra: FakeEntra, client: Client, offset: timedelta
) -> None:
    """A registered certificate counts for nothing before and after its time."""
    entra.clock_offset = offset
    assert (await client.ask()).refusal == (401, "invalid_client", 1000502)


async def test_a_registered_certificate_with_an_elliptic_curve_signs_nothing_for_entra(
    entra: FakeEntra, client: Client
) -> None:
    """Entra takes RSA only: an assertion that names an EC certificate is refused, whatever signed it."""
    curve = make_certificate(key_type="ec")
    client.application.add_certificate(curve.certificate_pem)
    named = Client(entra, client.application, curve, client.session)
    forged = named.assertion(key=client.certificate.private_key)
    assert (await named.ask(client_assertion=forged)).refusal == WRONG_ALGORITHM


def test_what_entra_would_not_register_is_not_registered(entra: FakeEntra) -> None:
    """No short RSA key, and nothing that is no certificate."""
    short = make_certificate(key_size=1024)
    with pytest.raises(ValueError, match="2048"):
        entra.register(certificates=[short.certificate_pem])
    with pytest.raises(ValueError, match="PEM"):
        entra.register(certificates=[short.private_key_pem])
