"""What people read: the chart's README, and what Helm prints after an installation."""

import re
from typing import Any

import pytest
import yaml

from support.chart import objects, rendered
from support.chart_readme import README, written
from tokensync.resource import names
from tokensync.resource.spec import ClientCredentialToken

YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEREDOC = re.compile(r"^kubectl apply -f - <<'EOF'\n(.*?)^EOF$", re.MULTILINE | re.DOTALL)

AS_AN_OBJECT = '{{ dict "apiVersion" "v1" "kind" "List" "notes" (include "tokensync/templates/NOTES.txt" .) | toYaml }}'
"""Helm prints its notes only where it reaches a cluster; a template may include them."""


def notes(values: dict[str, Any] | None = None) -> str:
    """What Helm prints after an installation."""
    text: str = rendered("List", {**(values or {}), "extraObjects": [AS_AN_OBJECT]})["notes"]
    return text


def test_the_readme_is_that_of_the_values() -> None:
    """Whoever changes values.yaml writes it anew: `make chart`."""
    assert README.read_text() == written()


@pytest.mark.parametrize("example", YAML.findall(README.read_text()))
def test_the_readmes_recipes_work(example: str) -> None:
    """The schema takes them, and they change what is installed."""
    assert objects(yaml.safe_load(example)) != objects()


@pytest.mark.parametrize(
    ("values", "namespace"), [({}, "reports"), ({"namespaces": ["billing", "audit"]}, "billing")], ids=["all", "some"]
)
def test_the_notes_lead_to_a_token(values: dict[str, Any], namespace: str) -> None:
    """The resource can be read by the operator, in a namespace that it watches, and its Secret is made there before."""
    text = notes(values)
    (manifest,) = HEREDOC.findall(text)
    body = yaml.safe_load(manifest)
    resource = ClientCredentialToken.parse(body | {"metadata": {"uid": "unknown"} | body["metadata"]})
    certificate = resource.credential_keys[0].name

    assert (body["apiVersion"], resource.metadata.namespace) == (f"{names.GROUP}/{names.VERSION}", namespace)
    assert f"kubectl create secret tls {certificate} --namespace {namespace} " in text
    assert f"clientcredentialtokens/{resource.metadata.name} --namespace {namespace} " in text
    assert (f"kubectl create namespace {namespace}" in text) == (not values)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"allowedHosts": ["login.example.com"]}, "Credentials are sent to these hosts alone: login.example.com."),
        ({"crds": {"enabled": False}}, "crds.enabled is false: the CustomResourceDefinition is yours to apply, from"),
        ({"namespaceOverride": "keepers"}, "tokensync [0-9.]+ is in the namespace keepers and watches all namespaces."),
        ({}, "helm test tokensync --namespace tokensync-system"),
    ],
    ids=["hosts", "definition", "namespace", "test"],
)
def test_the_notes_follow_the_values(values: dict[str, Any], line: str) -> None:
    """Each line is there if it is true."""
    assert re.search(f"^{line}$", notes(values), re.MULTILINE)
    assert values == {} or not re.search(f"^{line}$", notes(), re.MULTILINE)


def test_the_notes_name_no_test_that_is_not_there() -> None:
    """Without the Service there is nothing to ask."""
    assert "helm test" not in notes({"metrics": {"service": {"enabled": False}}})
    with pytest.raises(ValueError, match="not enough values"):
        rendered("Pod", {"metrics": {"service": {"enabled": False}}})
