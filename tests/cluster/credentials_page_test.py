"""What docs/credentials.md shows is what there is."""

import re
from pathlib import Path

import pytest
import yaml

from support.control_plane import ControlPlane
from tokensync.controller.federation import AUDIENCES
from tokensync.controller.sources import REFUSED_TYPES
from tokensync.resource.credential import CertificateCredential
from tokensync.resource.spec import ClientCredentialToken

PAGE = (Path(__file__).parents[2] / "docs" / "credentials.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_a_resource(control_plane: ControlPlane, namespace: str, example: str) -> None:
    """The API server takes it, and the operator reads it."""
    body = yaml.safe_load(example)
    body["metadata"]["namespace"] = namespace

    answer = control_plane.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=yaml.safe_dump(body))

    assert ClientCredentialToken.parse(yaml.safe_load(answer)).spec.credential.chosen


def test_there_is_an_example_of_each_kind() -> None:
    """As many as there are ways in."""
    kinds = {kind for example in EXAMPLES for kind in yaml.safe_load(example)["spec"]["credential"]}

    assert kinds == {"certificate", "clientSecret", "serviceAccount"}


def test_the_page_tells_of_every_field_of_a_certificate() -> None:
    """In a table, or in an example."""
    fields = {field.alias for field in CertificateCredential.model_fields.values()}

    assert fields == {field for field in fields if re.search(rf"\b{field}\b", PAGE)}


def test_the_page_has_the_audience_of_each_cloud() -> None:
    """In the order of the clouds."""
    rows = re.findall(r"^\| `(\w+)` \| `(api://\w+)` \|$", PAGE, re.MULTILINE)

    assert rows == [(cloud.value, audience) for cloud, audience in AUDIENCES.items()]


def test_the_page_names_every_type_that_is_refused() -> None:
    """In its last paragraph."""
    assert set(re.findall(r"`([\w.-]+/[\w.-]+)`", PAGE.rpartition("## ")[2])) == set(REFUSED_TYPES)
