"""Fixtures for tests on a cluster that runs pods."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import binaries
from support import image as images
from support.cluster import Cluster
from support.entra import FakeEntra
from support.node import requirements
from support.node.cluster import NodeCluster
from support.node.foreign import IMAGE_VARIABLE, ForeignCluster
from support.node.interface import PodCluster
from support.node.release import Release, values_for
from support.programs import CONTROL_PLANE
from support.scenario import Scenario

HERE = Path(__file__).parent

PROGRAMS_ANYWHERE = ("kubectl", "helm")
PROGRAMS_OF_OUR_OWN = (*CONTROL_PLANE, "kube-scheduler", "kubelet", "kube-proxy")

MEASURED = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep what is measured for the end."""
    config.stash[MEASURED] = []


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build what is needed and missing: a test's time is limited, and its output not shown."""
    fixtures = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if "pod_cluster" not in fixtures or session.config.option.collectonly:
        return
    try:
        if "KUBECONFIG" not in os.environ:
            requirements.check()
            binaries.provide(*PROGRAMS_OF_OUR_OWN)
        binaries.provide(*PROGRAMS_ANYWHERE)
        if "image" in fixtures and IMAGE_VARIABLE not in os.environ:
            images.provide()
    except (requirements.RequirementError, binaries.BinariesError, images.ImageError) as error:
        raise pytest.UsageError(str(error)) from error


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show it."""
    if lines := config.stash[MEASURED]:
        terminalreporter.section("measured")
        terminalreporter.write("".join(f"{line}\n" for line in lines))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark everything in this folder, and leave out what is about a node of our own where another cluster is used."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.node)
    if "KUBECONFIG" in os.environ:
        others = [item for item in items if item.path != HERE / "one_node_test.py"]
        config.hook.pytest_deselected(items=[item for item in items if item not in others])
        items[:] = others


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes what a test has measured: it is printed at once, and again at the end of the run."""

    def tell(line: str) -> None:
        print(line)
        request.config.stash[MEASURED].append(line)

    return tell


@pytest.fixture(scope="session")
def pod_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodCluster]:
    """The cluster that `KUBECONFIG` names, or else one of our own; one for the whole run."""
    folder = tmp_path_factory.mktemp("pod-cluster")
    if "KUBECONFIG" in os.environ:
        yield ForeignCluster(folder)
    else:
        with NodeCluster(folder) as running:
            yield running


@pytest.fixture(scope="session")
def cluster(pod_cluster: PodCluster) -> Cluster:
    """The cluster, seen by its administrator."""
    return Cluster(pod_cluster.rest)


@pytest.fixture(scope="session")
def image(pod_cluster: PodCluster) -> str:
    """The name of the operator's image, which pods can be made of: the checkout's, unless another is given."""
    if given := os.environ.get(IMAGE_VARIABLE):
        return given
    built = images.provide()
    pod_cluster.load_image(built.archive)
    return built.name


@pytest.fixture
def namespace(cluster: Cluster, pod_cluster: PodCluster) -> Iterator[str]:
    """A namespace of the test's own, in which pods can be created."""
    name = cluster.create_namespace()
    pod_cluster.kubectl("wait", "--for=create", "serviceaccount/default", f"--namespace={name}", "--timeout=30s")
    yield name
    cluster.delete_namespace(name)


@pytest.fixture
def entra(pod_cluster: PodCluster) -> Iterator[FakeEntra]:
    """A provider of the test's own, on this machine, where pods reach it."""
    with FakeEntra(address=pod_cluster.host_address) as running:
        yield running


@pytest.fixture
def release(pod_cluster: PodCluster, image: str, entra: FakeEntra) -> Iterator[Release]:
    """The chart as a release that may ask the provider; the test installs it. Nothing of it is left afterwards."""
    with Release(pod_cluster, values_for(image, entra)) as prepared:
        yield prepared


@pytest.fixture
def scenario(release: Release, cluster: Cluster, entra: FakeEntra, namespace: str) -> Scenario:  # noqa: ARG001 - goes first
    """An application, its certificate and a namespace for its resources, which are gone before the release is."""
    return Scenario(cluster, entra, namespace)
