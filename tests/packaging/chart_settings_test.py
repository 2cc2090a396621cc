"""Every setting of the operator is a value of the chart, and reaches the container."""

import argparse
import json
import re
from datetime import timedelta
from typing import Any

import pytest
import yaml

from support.chart import CHART, Object, objects, rendered
from support.chart_readme import sections
from tokensync import settings
from tokensync.cli import run
from tokensync.controller.federation import AUDIENCES
from tokensync.settings import Settings

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())

SET: dict[str, tuple[Any, Any]] = {
    "namespaces": (["reports", "billing"], ("reports", "billing")),
    "workers": (7, 7),
    "allowed_hosts": (["login.example.com:8443", "*.example.org"], ("login.example.com:8443", "*.example.org")),
    "allowed_audiences": ([], ()),
    "propagation": ("95s", timedelta(seconds=95)),
    "clock_skew": ("2s", timedelta(seconds=2)),
    "retry_budget": ("1m30s", timedelta(seconds=90)),
    "provider_requests_per_second": (0.25, 0.25),
    "allowed_secret_types": (["example.com/token"], ("example.com/token",)),
    "denied_metadata": ([], ()),
    "leader_elect": (True, True),
    "lease_namespace": ("leases", "leases"),
    "metrics_address": ("[::]:9090", "[::]:9090"),
    "metrics_per_object": (False, False),
    "log_level": ("warning", "warning"),
    "log_format": ("text", "text"),
}
"""A value of each setting that is one value of the chart, and what the operator makes of it."""

STRUCTURED = {"ca_bundle", "proxy"}
"""Settings that are a group of values: where they come from can be chosen."""


def camel(field: str) -> str:
    """The name of a setting's value."""
    return re.sub(r"_(.)", lambda letter: letter[1].upper(), field)


def container(values: dict[str, Any] | None = None) -> Object:
    """The operator's container."""
    found: Object = rendered("Deployment", values)["spec"]["template"]["spec"]["containers"][0]
    return found


def mounted(values: dict[str, Any]) -> tuple[str, Object]:
    """The file of the certificates as the operator is told it, and the volume that is mounted there."""
    pod = rendered("Deployment", values)["spec"]["template"]["spec"]
    (argument,) = [each for each in pod["containers"][0]["args"] if each.startswith("--ca-bundle=")]
    folder, _, file = argument.removeprefix("--ca-bundle=").rpartition("/")
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["mountPath"] == folder]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert mount["readOnly"]
    return file, volume


def operator_settings(values: dict[str, Any]) -> Settings:
    """What the operator's own command line makes of the container's arguments."""
    command, *arguments = container(values)["args"]
    assert command == "run"
    parser = argparse.ArgumentParser(exit_on_error=False)
    run.configure(parser)
    chosen = vars(parser.parse_args(arguments))
    return settings.load({name: value for name, value in chosen.items() if name in Settings.model_fields})


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(settings.variable(field), raising=False)


def test_every_setting_is_a_value_and_nothing_else_is() -> None:
    """In camel case, in the first section of the values."""
    first = next(iter(sections().values()))

    assert {value.path.partition(".")[0] for value in first} == {camel(field) for field in Settings.model_fields}
    assert SET.keys() | STRUCTURED == Settings.model_fields.keys()


@pytest.mark.parametrize("field", SET)
def test_a_value_becomes_the_setting(field: str) -> None:
    """The operator reads from its arguments what was written in the values."""
    value, expected = SET[field]

    assert getattr(operator_settings({camel(field): value}), field) == expected


@pytest.mark.parametrize("field", SET)
def test_the_default_of_a_setting_is_the_operators(field: str) -> None:
    """A value that is not set is not passed on; one that the chart itself needs is the operator's own default."""
    default = VALUES[camel(field)]

    assert default in {None, Settings.model_fields[field].default}
    assert (settings.flag(field) in " ".join(container()["args"])) == (default is not None)


@pytest.mark.parametrize("field", SET)
def test_a_setting_is_described_as_in_the_help(field: str) -> None:
    """With the default that the operator names."""
    (value,) = [each for values in sections().values() for each in values if each.path == camel(field)]

    assert value.description.startswith(run._help(Settings.model_fields[field]))


@pytest.mark.parametrize("field", SET)
def test_the_schema_has_the_bounds_of_the_setting(field: str) -> None:
    """What the operator would refuse at its start is refused before it is installed."""
    keywords = ("minimum", "maximum", "exclusiveMinimum", "enum")
    expected = Settings.model_json_schema()["properties"][field]
    expected = {key: bound for each in [expected, *expected.get("anyOf", [])] for key, bound in each.items()}
    schema = SCHEMA["properties"][camel(field)]

    assert {key: schema[key] for key in keywords if key in schema} == {
        key: [*expected[key], None] if key == "enum" else expected[key] for key in keywords if key in expected
    }


@pytest.mark.parametrize(
    ("source", "volume"),
    [
        ("configMapKeyRef", {"configMap": {"name": "company", "items": [{"key": "ca.crt", "path": "ca.pem"}]}}),
        ("secretKeyRef", {"secret": {"secretName": "company", "items": [{"key": "ca.crt", "path": "ca.pem"}]}}),
    ],
)
def test_certificates_come_from_where_they_are(source: str, volume: Object) -> None:
    """A key of a ConfigMap or Secret is the file that the operator reads."""
    file, found = mounted({"caBundle": {source: {"name": "company", "key": "ca.crt"}}})

    assert (file, found) == ("ca.pem", {"name": "ca-bundle", **volume})


def test_certificates_can_be_given_inline() -> None:
    """They are in a ConfigMap of the release, and a change of them replaces the pods."""
    one, other = (
        {"caBundle": {"inline": f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"}} for text in "AB"
    )
    file, volume = mounted(one)
    source = rendered("ConfigMap", one)
    template, changed = (rendered("Deployment", values)["spec"]["template"] for values in (one, other))

    assert volume["configMap"]["name"] == source["metadata"]["name"]
    assert volume["configMap"]["items"] == [{"key": "ca.pem", "path": file}]
    assert source["data"] == {"ca.pem": one["caBundle"]["inline"]}
    assert template["metadata"]["annotations"] != changed["metadata"]["annotations"]


def test_a_proxy_is_a_variable() -> None:
    """Whoever may look at the pod's arguments need not see it."""
    assert {"name": "TOKENSYNC_PROXY", "value": "http://proxy:3128"} in container(
        {"proxy": {"url": "http://proxy:3128"}}
    )["env"]


def test_a_proxy_with_a_password_stays_in_its_secret() -> None:
    """Only the name of the Secret is rendered."""
    reference = {"name": "egress", "key": "url"}

    assert {"name": "TOKENSYNC_PROXY", "valueFrom": {"secretKeyRef": reference}} in container(
        {"proxy": {"secretKeyRef": reference}}
    )["env"]
    assert not [each for each in objects({"proxy": {"secretKeyRef": reference}}) if each["kind"] == "Secret"]


def test_the_operator_knows_which_pod_it_is() -> None:
    """Its name is in the user agent and in the Lease."""
    assert {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}} in container()["env"]


@pytest.mark.parametrize("audiences", [None, ["api://one"]])
def test_the_policy_allows_the_audiences_that_the_operator_does(audiences: list[str] | None) -> None:
    """By default those that the operator has by default, which are those of the clouds."""
    values = {} if audiences is None else {"allowedAudiences": audiences}
    name = "tokensync-operator-tokenrequests"
    (policy,) = [
        each for each in objects(values) if each["metadata"]["name"] == name and "matchConditions" in each["spec"]
    ]

    listed = json.loads(policy["spec"]["validations"][0]["expression"].rpartition(" in ")[2])

    assert tuple(listed) == operator_settings(values).allowed_audiences
    assert audiences or listed == list(AUDIENCES.values())
