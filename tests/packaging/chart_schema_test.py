"""The schema of the chart's values: what it lets through, and what it says of the rest."""

import functools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from support.chart import CHART, ChartError, objects
from support.chart_readme import sections

Schema = dict[str, Any]

SCHEMA: Schema = json.loads((CHART / "values.schema.json").read_text())
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())

OF_HELM = {"global", "enabled"}
"""What Helm adds to the values of a dependency."""

FREE = {"affinity", "dnsConfig", "podSecurityContext", "securityContext", "global"}
"""Objects of Kubernetes' own form, which the API server checks, and what is not the chart's."""


def resolved(schema: Schema) -> Schema:
    """A schema in place of a reference to it; of alternatives, the object."""
    if "$ref" in schema:
        return resolved(SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]])
    return schema


def closed_and_open(schema: Schema, path: str = "") -> Iterator[tuple[str, bool]]:
    """Each object with named or free members, by its path, and whether unknown members are refused."""
    schema = resolved(schema)
    if "object" in schema.get("type", []) and not isinstance(schema.get("additionalProperties"), dict):
        yield path, schema.get("additionalProperties") is False
    for name, child in schema.get("properties", {}).items():
        yield from closed_and_open(child, f"{path}.{name}".lstrip("."))


def differences(schema: Schema, values: dict[str, Any], path: str = "") -> Iterator[str]:
    """Members that only the schema or only the values have."""
    members = resolved(schema).get("properties", {})
    for name in members.keys() ^ values.keys():
        yield f"{path}{name}"
    for name in members.keys() & values.keys():
        if (
            "properties" in resolved(members[name])
            and isinstance(values[name], dict)
            and f"{path}{name}" not in leaves()
        ):
            yield from differences(members[name], values[name], f"{path}{name}.")


@functools.cache
def leaves() -> set[str]:
    """The paths of all values that are documented, which may be mappings."""
    return {value.path for values in sections().values() for value in values}


def test_schema_and_values_have_the_same_members() -> None:
    """No value is without a schema, and nothing is allowed that the chart does not know."""
    assert set(differences(SCHEMA, VALUES)) == OF_HELM


def test_unknown_members_are_refused_everywhere() -> None:
    """But in what is free by nature."""
    assert {path for path, closed in closed_and_open(SCHEMA) if not closed} == FREE


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"allowedHost": ["x"]}, "additional properties 'allowedHost' not allowed"),
        ({"image": {"tags": "1"}}, "at '/image': additional properties 'tags' not allowed"),
        ({"metrics": {"serviceMonitor": {"period": "1m"}}}, "additional properties 'period' not allowed"),
        ({"workers": 0}, "at '/workers': minimum: got 0, want 1"),
        ({"workers": "many"}, "at '/workers': got string, want null or integer"),
        ({"namespaces": ["Reports"]}, "at '/namespaces/0': 'Reports' does not match pattern"),
        ({"namespaces": "reports"}, "at '/namespaces': got string, want null or array"),
        ({"allowedHosts": []}, "at '/allowedHosts': minItems: got 0, want 1"),
        ({"allowedHosts": ["a.example.com,b.example.com"]}, "at '/allowedHosts/0': .* does not match pattern"),
        ({"propagation": "5 minutes"}, "at '/propagation': '5 minutes' does not match pattern"),
        ({"retryBudget": 20}, "at '/retryBudget': got number, want null or string"),
        ({"providerRequestsPerSecond": 0}, "at '/providerRequestsPerSecond': exclusiveMinimum: got 0, want 0"),
        ({"allowedSecretTypes": ["a,b"]}, "at '/allowedSecretTypes/0': 'a,b' does not match pattern"),
        ({"deniedMetadata": ["/x"]}, "at '/deniedMetadata/0': '/x' does not match pattern"),
        ({"leaderElect": "yes"}, "at '/leaderElect': got string, want null or boolean"),
        ({"metricsAddress": "127.0.0.1:8080"}, "at '/metricsAddress': .* does not match pattern"),
        ({"metricsAddress": ":65536"}, "at '/metricsAddress': .* does not match pattern"),
        ({"logLevel": "trace"}, "at '/logLevel': value must be one of 'debug', 'info', 'warning', 'error'"),
        ({"caBundle": {"inline": "company-ca.pem"}}, "at '/caBundle/inline': .* does not match pattern"),
        ({"caBundle": {"secretKeyRef": {"name": "x"}}}, "at '/caBundle/secretKeyRef': missing property 'key'"),
        ({"image": {"digest": "sha256:abc"}}, "at '/image/digest': .* does not match pattern"),
        ({"imagePullSecrets": ["pull"]}, "at '/imagePullSecrets/0': got string, want object"),
        ({"strategy": {"type": "OnDelete"}}, "at '/strategy/type': value must be one of"),
        ({"livenessProbe": {"exec": {}}}, "at '/livenessProbe': additional properties 'exec' not allowed"),
        ({"commonLabels": {"team": 7}}, "at '/commonLabels/team': got number, want string"),
        ({"podDisruptionBudget": {"minAvailable": "half"}}, "at '/podDisruptionBudget/minAvailable': .*failed"),
        ({"networkPolicy": {"providers": {"ports": ["https"]}}}, "at '/networkPolicy/providers/ports/0': got string"),
        ({"extraArgs": {"workers": 7}}, "at '/extraArgs': got object, want array"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_bad_value_is_named(values: dict[str, Any], message: str) -> None:
    """The message says which one, and what would be right."""
    with pytest.raises(ChartError, match=message):
        objects(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"leaderElect": False}, "leaderElect is false, and replicaCount is more than 1.*Set replicaCount to 1"),
        (
            {"proxy": {"url": "http://proxy:3128", "secretKeyRef": {"name": "egress", "key": "url"}}},
            "proxy.url and proxy.secretKeyRef are both set: leave one out",
        ),
        (
            {"allowedHosts": ["https://login.example.com"]},
            "allowedHosts has https://login.example.com: write the host without https://",
        ),
        *[
            ({"allowedSecretTypes": [kind]}, f"allowedSecretTypes has {kind}, and types of .* never allowed: remove it")
            for kind in ("kubernetes.io/tls", "Bootstrap.Kubernetes.io/token", "helm.sh/release.v1")
        ],
        ({"proxy": {"url": "socks5://proxy:1080"}}, "proxy.url is not http://host:port: correct it"),
        (
            {
                "caBundle": {
                    "inline": "-----BEGIN CERTIFICATE-----",
                    "secretKeyRef": {"name": "company", "key": "ca.crt"},
                }
            },
            "caBundle has more than one of inline, configMapKeyRef and secretKeyRef: leave one",
        ),
        (
            {"metrics": {"service": {"enabled": False}, "serviceMonitor": {"enabled": True}}},
            "metrics.serviceMonitor needs the Service: set metrics.service.enabled to true",
        ),
        (
            {"metrics": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}},
            "would both scrape every pod: enable one of them",
        ),
    ],
    ids=["leader", "proxies", "scheme", "tls", "bootstrap", "helm", "proxy", "certificates", "service", "monitors"],
)
def test_what_cannot_go_together_is_refused(values: dict[str, Any], message: str) -> None:
    """The message ends with what to do."""
    with pytest.raises(ChartError, match=message):
        objects(values)


def test_a_refused_proxy_is_not_repeated() -> None:
    """Its password would end in the log of whatever deploys the chart."""
    with pytest.raises(ChartError, match="put the URL in a Secret, and name that") as refusal:
        objects({"proxy": {"url": "http://user:pa55word@proxy:3128"}})

    assert "pa55word" not in str(refusal.value)
