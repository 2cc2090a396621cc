"""A release of the chart on a real API server: what Helm leaves when it goes, and takes up when it comes again.

There is no node, so that no pod runs.
"""

from collections.abc import Iterator

import pytest
import yaml

from support.chart import CHART, NAMESPACE, RELEASE, ChartError, helm
from support.control_plane import ControlPlane
from support.example_resource import resource

CRD = "customresourcedefinition/clientcredentialtokens.tokensync.dev"

KINDS = (
    "all",
    "clusterrolebindings",
    "clusterroles",
    "configmaps",
    "customresourcedefinitions",
    "networkpolicies",
    "poddisruptionbudgets",
    "rolebindings",
    "roles",
    "serviceaccounts",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
)
"""What a release may consist of; Pods, Services and Deployments are in `all`."""

SECOND = f"second-{RELEASE}"
"""The name of another release in the same namespace."""


@pytest.fixture(name="empty", scope="module")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster in which nothing of ours has ever been."""
    with ControlPlane(tmp_path_factory.mktemp("empty"), with_crds=False) as running:
        yield running


@pytest.fixture(name="released")
def _released(empty: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster with a release, and a resource in it."""
    release(empty, "install", "--create-namespace")
    empty.kubectl("wait", "--for=condition=Established", "--timeout=30s", CRD)
    empty.kubectl("apply", "--filename=-", stdin=yaml.safe_dump(resource()))
    yield empty
    for name in (SECOND, RELEASE):
        release(empty, "uninstall", "--ignore-not-found", "--wait", name=name)
    empty.kubectl("delete", CRD)


def release(cluster: ControlPlane, verb: str, *arguments: str, name: str = RELEASE) -> str:
    """Let Helm do something with a release, and return what it printed."""
    return helm(
        verb,
        name,
        *([] if verb == "uninstall" else [str(CHART)]),
        f"--namespace={NAMESPACE}",
        f"--kubeconfig={cluster.admin_kubeconfig}",
        *arguments,
    )


def ours(cluster: ControlPlane) -> set[str]:
    """Everything in the cluster that carries the release's label."""
    selector = f"--selector=app.kubernetes.io/instance={RELEASE}"
    return set(cluster.kubectl("get", ",".join(KINDS), "--all-namespaces", selector, "--output=name").split())


def uid(cluster: ControlPlane) -> str:
    """Identity of the only resource: another one after it had been deleted and made again."""
    return cluster.kubectl("get", "clientcredentialtokens/graph", "--output=jsonpath={.metadata.uid}")


def test_nothing_but_the_definition_and_its_resources_outlives_a_release(released: ControlPlane) -> None:
    """Whoever uninstalls by mistake has lost nothing, and installs again."""
    before = uid(released)
    installed = ours(released)

    release(released, "uninstall", "--wait")

    assert len(installed) > 10
    assert ours(released) == {f"customresourcedefinition.apiextensions.k8s.io/{CRD.partition('/')[2]}"}
    assert "Your first token" in release(released, "install")
    assert (ours(released), uid(released)) == (installed, before)


def test_an_upgrade_turns_on_and_off_what_the_values_say(released: ControlPlane) -> None:
    """And leaves the resources alone."""
    before = uid(released)
    release(released, "upgrade", "--set=networkPolicy.enabled=true", "--set=podDisruptionBudget.enabled=false")

    changed = ours(released)

    assert f"networkpolicy.networking.k8s.io/{RELEASE}" in changed
    assert f"poddisruptionbudget.policy/{RELEASE}" not in changed
    assert uid(released) == before


def test_a_second_release_does_not_take_the_definition_of_the_first(released: ControlPlane) -> None:
    """It says whose the definition is; and goes without it, if it is told to."""
    with pytest.raises(ChartError, match=r"CustomResourceDefinition.* cannot be imported into the current release"):
        release(released, "install", name=SECOND)

    assert "STATUS: deployed" in release(
        released, "install", "--set=crds.enabled=false,namespaces={default}", name=SECOND
    )
