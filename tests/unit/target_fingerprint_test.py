"""Which inputs a token answers, as the Secret says it."""

import hashlib
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.builders import make_resource
from support.token_source import SHA256, TENANT
from tokensync.resource.spec import ClientCredentialToken
from tokensync.target.fingerprint import AcquiredFor

PLAIN = AcquiredFor.of(make_resource().spec, SHA256)
CERTIFICATE = {"secretRef": {"name": "graph-client-certificate"}}

ANOTHER_TOKEN: dict[str, ClientCredentialToken] = {
    "another tenant": make_resource(provider={"entra": {"tenantId": "contoso.onmicrosoft.com"}}),
    "a cloud": make_resource(provider={"entra": {"tenantId": TENANT, "cloud": "China"}}),
    "an authority host": make_resource(provider={"entra": {"tenantId": TENANT, "authorityHost": "login.example.com"}}),
    "another client": make_resource(clientId="another"),
    "another scope": make_resource(scopes=["api://reports/.default"]),
    "another credential Secret": make_resource(credential={"certificate": {"secretRef": {"name": "another"}}}),
    "another key of it": make_resource(credential={"certificate": {**CERTIFICATE, "certificateKey": "client.pem"}}),
    "another private key of it": make_resource(credential={"certificate": {**CERTIFICATE, "privateKeyKey": "key"}}),
    "a fallback": make_resource(credential={"certificate": {**CERTIFICATE, "fallbackSecretRef": {"name": "former"}}}),
    "another way of signing": make_resource(credential={"certificate": {**CERTIFICATE, "algorithm": "RS256"}}),
    "a parameter": make_resource(parameters={"audience": "x"}),
    "a format": make_resource(target={"format": {"curlConfig": {}}}),
    "another shape": make_resource(target={"data": {"access-token": "AccessToken"}}),
    "another value under a key": make_resource(target={"data": {"token": "AuthorizationHeader"}}),
}

SAME_TOKEN: dict[str, ClientCredentialToken] = {
    "labels": make_resource(target={"labels": {"team": "reports"}}),
    "annotations": make_resource(target={"annotations": {"example.com/team": "reports"}}),
    "the deletion policy": make_resource(target={"deletionPolicy": "Retain"}),
    "adoption": make_resource(target={"adopt": True}),
    "the Secret's name": make_resource(target={"name": "another"}),
    "renewal": make_resource(renewal={"before": "10m", "lifetimePercentage": 50, "consumerHold": "5m"}),
    "suspension": make_resource(suspend=True),
    "a renew request": make_resource(renew_request="now"),
    "the resource's identity": make_resource(name="another", uid="another", generation=7),
    "members that are null": make_resource(
        target={"data": None}, provider={"entra": {"tenantId": TENANT, "cloud": None}}
    ),
    "members of a later version": make_resource(flavour="x", credential={"certificate": {**CERTIFICATE, "retries": 3}}),
}


@pytest.mark.parametrize("change", ANOTHER_TOKEN)
def test_another_token_is_needed_for(change: str) -> None:
    """What changes the token, or where it stands in the Secret, is an input."""
    assert AcquiredFor.of(ANOTHER_TOKEN[change].spec, SHA256) != PLAIN


@pytest.mark.parametrize("change", SAME_TOKEN)
def test_same_token_will_do_for(change: str) -> None:
    """What only says how the token is kept is none."""
    assert AcquiredFor.of(SAME_TOKEN[change].spec, SHA256) == PLAIN


def test_changes_are_told_apart() -> None:
    """No two of the changes look the same."""
    assert len({AcquiredFor.of(resource.spec).spec for resource in ANOTHER_TOKEN.values()}) == len(ANOTHER_TOKEN)


def test_order_of_keys_plays_no_part() -> None:
    """YAML's maps have none."""
    one = make_resource(target={"data": {"a": "AccessToken", "b": "Scope"}})
    other = make_resource(target={"data": {"b": "Scope", "a": "AccessToken"}})
    assert AcquiredFor.of(one.spec) == AcquiredFor.of(other.spec)


def test_form_is_version_digest_and_thumbprints() -> None:
    """It is part of the contract: a form that changed would renew every token at an upgrade."""
    assert str(AcquiredFor("d1", ("AA", "BB"))) == "v1:d1:AA,BB"
    assert re.fullmatch(r"v1:[0-9a-f]{64}:(B2){32}", str(PLAIN))


def test_digest_is_over_what_was_written_in_the_spec_and_nothing_else() -> None:
    """The same inputs have the same digest in every version: else an upgrade would renew every token."""
    document = (
        '{"clientId":"535fb089-9ff3-47b6-9bfb-4f1264799865",'
        '"credential":{"certificate":{"secretRef":{"name":"graph-client-certificate"}}},'
        '"provider":{"entra":{"tenantId":"6babcaad-604b-40ac-a9d7-9fd97c0b779f"}},'
        '"scopes":["https://graph.microsoft.com/.default"],'
        '"target":{}}'
    )
    assert PLAIN.spec == hashlib.sha256(document.encode()).hexdigest()


THUMBPRINTS = st.lists(st.text("0123456789ABCDEF", min_size=1, max_size=64), max_size=3).map(tuple)


@given(st.text("0123456789abcdef", max_size=64), THUMBPRINTS)
def test_what_was_written_reads_as_itself(digest: str, thumbprints: tuple[str, ...]) -> None:
    """Whatever the inputs."""
    inputs = AcquiredFor(digest, thumbprints)
    assert AcquiredFor.parse(str(inputs)) == inputs


@given(st.text())
@example("")
@example("v1")
@example("v1:")
@example("v1::")
@example("v2:d1:AA")
@example(f"V1:{PLAIN.spec}:{SHA256}")
def test_any_other_text_answers_nothing(text: str) -> None:
    """An annotation that is not ours is no error, and no answer."""
    assert AcquiredFor.parse(text) != PLAIN


def test_annotation_that_is_missing_answers_nothing() -> None:
    """Neither a spec nor a certificate."""
    assert AcquiredFor.parse("") == AcquiredFor("", ())
