"""Fixtures for tests on a real API server."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from support.cluster import Cluster, NewNamespace
from support.entra import FakeEntra
from support.operator_process import OperatorProcess, Settings, StartOperator
from support.scenario import Scenario
from support.stage import Stage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder as in need of the control plane."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture
def new_namespace(cluster: Cluster) -> Iterator[NewNamespace]:
    """Creates namespaces, whose resources are gone when the test ends."""
    created: list[str] = []

    def create() -> str:
        created.append(cluster.create_namespace())
        return created[-1]

    yield create
    for name in created:
        cluster.abandon_namespace(name)


@pytest.fixture
def namespace(new_namespace: NewNamespace) -> str:
    """A namespace of the test's own."""
    return new_namespace()


@pytest.fixture
def entra() -> Iterator[FakeEntra]:
    """A provider of the test's own."""
    with FakeEntra(lifetime=timedelta(seconds=15)) as running:
        yield running


@pytest.fixture
def ca(entra: FakeEntra, tmp_path: Path) -> Path:
    """The file of the provider's certificate authority."""
    return entra.write_ca(tmp_path / "ca.pem")


@pytest.fixture
def scenario(cluster: Cluster, entra: FakeEntra, namespace: str) -> Scenario:
    """An application, its certificate and a namespace for its resources; nothing is created yet."""
    return Scenario(cluster, entra, namespace)


@pytest.fixture
def stage(scenario: Scenario) -> Iterator[Stage]:
    """The scenario, and providers in trouble beside its own."""
    with ExitStack() as stack:
        yield Stage(scenario, stack)


@pytest.fixture
def operator(operator_identity: Path, tmp_path: Path) -> Iterator[StartOperator]:
    """Starts operators, and stops them at the end of the test. None may have ended by itself."""
    started: list[OperatorProcess] = []

    def start(
        settings: Settings | None = None,
        *,
        kubeconfig: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> OperatorProcess:
        log = tmp_path / f"operator-{len(started)}.log"
        process = OperatorProcess(kubeconfig or operator_identity, settings or {}, log=log, environment=environment)
        started.append(process)
        process.start()
        return process

    yield start
    crashed = [process for process in started if process.crashed]
    unwilling = [process for process in started if process.running and process.stop() != 0]
    assert not crashed, _obituary("ended by itself", crashed)
    assert not unwilling, _obituary("did not end well when it was asked to", unwilling)


def _obituary(what: str, processes: list[OperatorProcess]) -> str:
    return "\n".join(f"the operator {what}, with {process.exit_code}\n{process.tail()}" for process in processes)
