"""The Helm chart, rendered by Helm without a cluster."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from support.binaries import provide

CHART = Path(__file__).parents[2] / "charts" / "tokensync"
VALUE_SETS = CHART / "ci"

RELEASE, NAMESPACE = "tokensync", "tokensync-system"

Object = dict[str, Any]

_CLUSTER = ("--kube-version=1.31.0", "--api-versions=admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy")
"""What Helm is told of the cluster: the oldest supported one, with the policies that it has by default."""


class ChartError(Exception):
    """Helm refused. The text is what it printed."""


def helm(*arguments: str, given: str | None = None) -> str:
    """Run Helm.

    Args:
        arguments: of its command line.
        given: its standard input.

    Returns:
        What it printed on its standard output.

    Raises:
        ChartError: if it failed.
    """
    command = [str(provide("helm")["helm"]), *arguments]
    run = subprocess.run(command, input=given, capture_output=True, text=True, check=False)  # noqa: S603 - our own chart
    if run.returncode:
        raise ChartError(run.stdout + run.stderr)
    return run.stdout


def render(
    values: Mapping[str, Any] | None = None,
    *arguments: str,
    chart: Path = CHART,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
) -> str:
    """Render the chart, and return the text of all manifests.

    Args:
        values: in place of the chart's own.
        arguments: further ones of `helm template`.
        chart: the folder or the package.
        release: the release's name.
        namespace: where it is installed.

    Raises:
        ChartError: if the values are refused.
    """
    command = ["template", release, str(chart), f"--namespace={namespace}", *_CLUSTER, "--values=-", *arguments]
    return helm(*command, given=json.dumps(values or {}))


def objects(
    values: Mapping[str, Any] | None = None,
    *arguments: str,
    chart: Path = CHART,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
) -> list[Object]:
    """Render the chart, as `render` does, and return the objects."""
    text = render(values, *arguments, chart=chart, release=release, namespace=namespace)
    return [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]


def rendered(kind: str, values: Mapping[str, Any] | None = None, chart: Path = CHART) -> Object:
    """The only object of a kind."""
    (found,) = [each for each in objects(values, chart=chart) if each["kind"] == kind]
    return found
