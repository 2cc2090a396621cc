"""What the operator of the first release left, as if it had ended a minute ago."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from typing import NamedTuple

import yaml

from support.certificates import ClientCertificate
from support.control_plane import ControlPlane
from support.objects import Json, Objects
from tokensync.clock import parse_rfc3339, rfc3339

CRD = Path(__file__).parent / "crd.yaml"
CREDENTIALS = ("client-certificate", "reports-keys")
"""The Secrets with the certificate; in the second one it is one file."""

_OBJECTS = Path(__file__).parent / "objects.yaml"
_RECORDED_AT = datetime(2026, 11, 23, 22, 45, 50, tzinfo=UTC)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z")


class Remains(NamedTuple):
    """Resources with their status, and their targets; by name."""

    resources: dict[str, Json]
    secrets: dict[str, Json]


def remains(namespace: str, certificate: ClientCertificate) -> Remains:
    """Everything, in that namespace, acquired with that certificate, and a minute old."""
    age = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1) - _RECORDED_AT
    text = _MOMENT.sub(lambda moment: _later(moment[0], age), _OBJECTS.read_text())
    filled = Template(text).substitute(
        namespace=namespace,
        sha1=certificate.thumbprint_sha1,
        sha256=certificate.thumbprint_sha256,
        not_after=rfc3339(certificate.certificate.not_valid_after_utc),
    )
    objects: list[Json] = list(yaml.safe_load_all(filled))
    by_kind = {
        kind: {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}
        for kind in ("ClientCredentialToken", "Secret")
    }
    return Remains(by_kind["ClientCredentialToken"], by_kind["Secret"])


def leave(control_plane: ControlPlane, found: Remains, namespace: str, resources: Objects, secrets: Objects) -> None:
    """Have it all in a cluster, uids included; the versions that a status names are those that the cluster has given.

    Resources come first, or the garbage collector takes their Secrets.
    """
    control_plane.store_resources(namespace, found.resources)
    control_plane.store_secrets(namespace, found.secrets)
    for name, resource in found.resources.items():
        certificate = resource["spec"]["credential"]["certificate"]["secretRef"]["name"]
        versions = {
            "credential": {"secretResourceVersion": _version(secrets, namespace, certificate)},
            "target": {"resourceVersion": _version(secrets, namespace, resource["spec"]["target"]["name"])},
        }
        resources.patch(namespace, name, {"status": versions}, subresource="status")


def _version(secrets: Objects, namespace: str, name: str) -> str:
    return str(secrets.get(namespace, name)["metadata"]["resourceVersion"])


def _later(moment: str, age: timedelta) -> str:
    """A recorded time, moved; what has no milliseconds still has none."""
    moved = rfc3339(parse_rfc3339(moment) + age)
    return moved if "." in moment else moved.replace(".000Z", "Z")
