"""Resources are deleted: their Secrets go with them, none comes back, and nobody pays for a token any more."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from support.cluster import NewNamespace
from support.control_plane import ControlPlane
from support.entra import FakeEntra
from support.operator_process import StartOperator
from support.scenario import CERTIFICATE_SECRET, Scenario, quick_settings
from support.waiting import eventually

HOUR = timedelta(hours=1)
NAMES = [f"token-{number:03}" for number in range(100)]
WORKERS = 8


@pytest.fixture
def entra() -> Iterator[FakeEntra]:
    """A provider whose tokens are not due within a test."""
    with FakeEntra(lifetime=HOUR) as running:
        yield running


def create_all(scenario: Scenario) -> None:
    """Create a hundred resources, with a credential that works."""
    scenario.put_certificate()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda name: scenario.create(name, scopes=scenario.own_scope(name)), NAMES))


def wait_until_all_are_served(scenario: Scenario) -> None:
    """Wait for all tokens. None of the resources has a finalizer, nor has a target."""

    def served() -> bool:
        return all(resource["status"].get("token") for resource in scenario.cluster.resources.all(scenario.namespace))

    eventually(served, 60, "all have a token")
    secrets = scenario.cluster.secrets.all(scenario.namespace)
    assert len(secrets) == len(NAMES) + 1
    everything = [*secrets, *scenario.cluster.resources.all(scenario.namespace)]
    assert not any("finalizers" in each["metadata"] for each in everything)


def delete(scenario: Scenario, names: list[str], propagation: str = "Background") -> None:
    """Delete resources, several at a time."""
    with ThreadPoolExecutor(4) as threads:
        deletion = partial(scenario.cluster.resources.delete, scenario.namespace, propagation=propagation)
        list(threads.map(deletion, names))


def is_empty(scenario: Scenario) -> bool:
    """Whether nothing is left but the certificate."""
    left = [secret["metadata"]["name"] for secret in scenario.cluster.secrets.all(scenario.namespace)]
    return left == [CERTIFICATE_SECRET] and not scenario.cluster.resources.all(scenario.namespace)


def requests(scenario: Scenario) -> int:
    """How often a token of the hundred was asked for."""
    client_id = scenario.application.client_id
    return len([request for request in scenario.entra.requests if request.client_id == client_id])


def test_deletion_while_there_is_no_operator_leaves_nothing(
    operator: StartOperator, scenario: Scenario, ca: Path
) -> None:
    """What is deleted meanwhile stays so when it is back; what was to be retained stays too."""
    scenario.put_certificate()
    scenario.create("deleted", scopes=scenario.own_scope("deleted"))
    scenario.create("retained", target={"deletionPolicy": "Retain"})
    process = operator(quick_settings(scenario.entra, ca))
    for name in "deleted", "retained":
        scenario.wait_ready(name)
    kept = scenario.token("retained-token")
    process.stop()
    delete(scenario, ["deleted", "retained"])
    process.start()

    eventually(lambda: scenario.token("deleted-token") is None, 15, "the Secret goes with its resource")
    scenario.wait_for_turn()
    assert scenario.cluster.resources.all(scenario.namespace) == []
    left = {secret["metadata"]["name"] for secret in scenario.cluster.secrets.all(scenario.namespace)}
    assert left == {CERTIFICATE_SECRET, "retained-token"}
    assert scenario.token("retained-token") == kept
    assert requests(scenario) == 2


def test_deletion_of_a_hundred_under_a_running_operator(
    operator: StartOperator, scenario: Scenario, new_namespace: NewNamespace, ca: Path
) -> None:
    """No Secret comes back. Only where the Secrets can go before the resources, with their namespace, tokens are lost."""
    cluster = scenario.cluster
    hundreds = [Scenario(cluster, scenario.entra, new_namespace()) for _ in range(3)]
    for each in hundreds:
        create_all(each)
    scenario.put_certificate()
    process = operator(quick_settings(scenario.entra, ca, workers=WORKERS))
    for each in hundreds:
        wait_until_all_are_served(each)
    background, foreground, ending = hundreds

    delete(background, NAMES)
    delete(foreground, NAMES, "Foreground")
    cluster.delete_namespace(ending.namespace)

    for each in background, foreground:
        eventually(partial(is_empty, each), 60, "all are gone")
    cluster.wait_for_end_of_namespace(ending.namespace, timeout=60)
    scenario.wait_for_turn()
    assert is_empty(background)
    assert is_empty(foreground)
    assert requests(background) == requests(foreground) == len(NAMES)
    assert len(NAMES) <= requests(ending) <= len(NAMES) + WORKERS
    assert "defect" not in process.log_text


def test_deletion_of_a_hundred_that_the_watch_missed(
    operator: StartOperator, control_plane: ControlPlane, scenario: Scenario, ca: Path
) -> None:
    """Half of them go while the operator sees nothing and its watch expires (410), the others when it is back."""
    create_all(scenario)
    process = operator(quick_settings(scenario.entra, ca, workers=WORKERS))
    wait_until_all_are_served(scenario)

    process.pause()
    control_plane.expire_watches()
    delete(scenario, NAMES[::2])
    process.resume()
    delete(scenario, NAMES[1::2])

    eventually(lambda: is_empty(scenario), 60, "all are gone")
    scenario.wait_for_turn()
    assert is_empty(scenario)
    assert requests(scenario) == len(NAMES)
