"""Nothing secret is seen: whatever goes wrong, neither log nor event, status or annotation holds any of it."""

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml
from aiohttp import web

from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.entra import FakeEntra, Fault
from support.entra.faults import (
    CONTROL_CHARACTERS,
    HUGE,
    WITHOUT_LIFETIME,
    Altered,
    EchoedAssertion,
    Exchange,
    Truncated,
)
from support.leaks import Leaks, encodings
from support.operator_process import OperatorProcess, StartOperator
from support.scenario import Scenario
from support.stage import Stage
from support.troubles import CASES
from support.waiting import eventually
from support.written import everything_written
from tokensync.errors import Reason


@dataclass(frozen=True)
class Echo:
    """A refusal that gives everything back that was sent, in every form and in every field."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        """A refusal in the form of RFC 6749 and Entra."""
        forms = list(encodings(await _assertion(exchange)).values())
        fields = ("error", "error_uri", "trace_id", "correlation_id", "timestamp")
        document = dict(zip(fields, forms, strict=False)) | {"error_description": " ".join(f[-90:] for f in forms)}
        return web.json_response(document, status=400)


@dataclass(frozen=True)
class Diversion:
    """A redirect to a host whose name is a part of what was sent."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        """The host is lower case, as browsers have it, or not, as here."""
        host = (await _assertion(exchange))[:60].replace("_", "-")
        return web.Response(status=302, headers={"Location": f"https://{host}.example/"})


@dataclass(frozen=True)
class OtherForm:
    """A token in a document that is no JSON, as providers answered before there was a standard."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        """The endpoint's own answer, as a form."""
        response = await exchange.proceed()
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        return web.Response(text=urlencode(json.loads(response.body)))


async def _assertion(exchange: Exchange) -> str:
    return str((await exchange.request.post()).get("client_assertion", ""))


FAULTS: dict[str, Fault] = {
    "echoed": EchoedAssertion(),
    "echoed-in-every-form": Echo(),
    "diverted": Diversion(),
    "other-form": OtherForm(),
    "truncated": Truncated(),
    "huge": HUGE,
    "without-lifetime": WITHOUT_LIFETIME,
    "control-characters": CONTROL_CHARACTERS,
    "error-beside-token": Altered(
        lambda document: document.update(error="x", error_description=document["access_token"])
    ),
}
SCOPE_IS_TOKEN = Altered(lambda document: document.update(scope=document["access_token"]))

QUOTING_POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {namespace}}}
spec:
  matchConstraints:
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}
    resourceRules: [{{apiGroups: [""], apiVersions: [v1], resources: [secrets], operations: [CREATE]}}]
  validations:
    - expression: "object.metadata.name != 'quoted-token'"
      messageExpression: "'this is not welcome: ' + object.data['token']"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {namespace}}}
spec: {{policyName: {namespace}, validationActions: [Deny]}}
"""


@pytest.fixture
def faulty(cluster: Cluster, scenario: Scenario) -> Iterator[dict[str, Scenario]]:
    """A provider for each fault, and one more whose answers name the token as its scope."""
    with ExitStack() as stack:
        faults = FAULTS | {"scope-is-token": SCOPE_IS_TOKEN}
        providers = {name: stack.enter_context(FakeEntra()) for name in faults}
        for name, provider in providers.items():
            stack.enter_context(provider.failing(faults[name]))
        yield {
            name: Scenario(cluster, provider, scenario.namespace, scenario.certificate)
            for name, provider in providers.items()
        }


def misplace_keys(scenario: Scenario) -> list[str]:
    """Create resources whose private keys are where none should be, or not as they should be; returns their names."""
    certificate, key = scenario.certificate.certificate_pem, scenario.certificate.private_key_pem
    misplaced = {
        "swapped": {"tls.crt": key, "tls.key": certificate},
        "twice": {"tls.crt": certificate, "tls.key": key + key},
        "cut-off": {"tls.crt": certificate, "tls.key": key[:-100]},
        "damaged": {"tls.crt": certificate, "tls.key": key.replace(b"A", b"B")},
        "encoded": {"tls.crt": certificate, "tls.key": base64.b64encode(key)},
        "without-ends": {"tls.crt": certificate, "tls.key": b"\n".join(key.splitlines()[1:-1])},
    }
    for name, data in misplaced.items():
        scenario.put_certificate(name=name, data=data)
        scenario.create(name, credential={"certificate": {"secretRef": {"name": name}}})
    return list(misplaced)


def secrets_of(providers: list[FakeEntra], scenario: Scenario, kubeconfig: Path) -> dict[str, str]:
    """Everything that nobody may see, by a name that may be shown."""
    tokens = [token.value for provider in providers for token in provider.issued]
    assertions = [assertion for provider in providers for assertion in provider.assertions]
    keys = [
        text
        for secret in scenario.cluster.secrets.all(scenario.namespace)
        for text in map(_text, (secret.get("data") or {}).values())
        if "PRIVATE KEY" in text
    ]
    own = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"]
    assert len(tokens) > len(FAULTS)
    assert len(assertions) > len(tokens)
    assert keys
    kinds = {"token": tokens, "assertion": assertions, "key": keys, "ServiceAccount token": [own]}
    return {f"{kind} {number}": secret for kind, found in kinds.items() for number, secret in enumerate(found)}


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode(errors="replace")


def plant(canary: str, process: OperatorProcess, control_plane: ControlPlane, scenario: Scenario) -> None:
    """Write something in every place."""
    namespace = scenario.namespace
    with process.log.open("a") as log:
        log.write(json.dumps({"msg": canary}) + "\n")
    event = {
        "metadata": {"generateName": "canary-"},
        "involvedObject": {"kind": "ClientCredentialToken", "name": "graph", "namespace": namespace},
        "message": canary,
    }
    control_plane.admin.request("POST", f"/api/v1/namespaces/{namespace}/events", event)
    told = [{"op": "replace", "path": "/status/conditions/0/message", "value": canary}]
    scenario.cluster.resources.patch(namespace, "graph", told, subresource="status")
    annotated = {"metadata": {"annotations": {"example.com/canary": canary}}}
    scenario.cluster.secrets.patch(namespace, "graph-token", annotated)


@pytest.fixture
def ended(
    operator: StartOperator, control_plane: ControlPlane, stage: Stage, faulty: dict[str, Scenario], tmp_path: Path
) -> Iterator[OperatorProcess]:
    """An operator that went through all that can go wrong, at the most talkative level, and has ended."""
    scenario = stage.scenario
    scenario.put_certificate()
    for name, case in CASES.items():
        scenario.create(name, **case.spec(stage, name))
    for name, each in faulty.items():
        each.create(name)
    misplaced = misplace_keys(scenario)
    scenario.create()
    process = operator(stage.settings(tmp_path, [each.entra for each in faulty.values()]))
    for name in [*CASES, *FAULTS, *misplaced]:
        wait_until_it_failed(scenario, name)
    scenario.wait_ready()
    scenario.wait_ready("scope-is-token")
    control_plane.kubectl("apply", "-f", "-", stdin=QUOTING_POLICY.format(namespace=scenario.namespace))
    creation = "create", "secret", "generic", "quoted-token", "--from-literal=token=x", "--dry-run=server"
    refused = partial(control_plane.kubectl, *creation, "--namespace", scenario.namespace, check=False)
    eventually(lambda: "not welcome: eA==" in refused(), 15, "the policy is enforced")
    scenario.create("quoted")
    scenario.wait_condition("RenewalSucceeded", Reason.TARGET_REJECTED, "quoted")
    process.stop()
    yield process
    control_plane.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", scenario.namespace)


def wait_until_it_failed(scenario: Scenario, name: str) -> None:
    """Wait until a resource tells of its first failure."""
    what = f"{name} has failed"
    eventually(lambda: scenario.condition("RenewalSucceeded", name).get("status") == "False", 30, what)


def test_nothing_secret_is_written_anywhere(
    ended: OperatorProcess,
    operator_identity: Path,
    control_plane: ControlPlane,
    stage: Stage,
    faulty: dict[str, Scenario],
) -> None:
    """What is planted is found in each place and in each form, so whatever else were there would have been found."""
    scenario = stage.scenario
    providers = [scenario.entra, *(each.entra for each in faulty.values())]
    leaks = Leaks(secrets_of(providers, scenario, operator_identity))
    written = everything_written(ended, control_plane, scenario)
    for place, text in written.items():
        assert leaks.find(text) == set(), place
    assert all(name in written["log"] and name in written["resources"] for name in FAULTS)

    for form in encodings(""):
        canary = secrets.token_urlsafe(60)
        plant(encodings(canary)[form], ended, control_plane, scenario)
        for place, text in everything_written(ended, control_plane, scenario).items():
            assert Leaks({form: canary}).find(text) == {form}, place
