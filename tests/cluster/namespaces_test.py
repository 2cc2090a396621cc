"""The setting `namespaces`."""

from pathlib import Path

from support.cluster import NewNamespace
from support.entra import FakeEntra
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings


def test_a_namespace_without_any_secret_is_watched_all_the_same(
    operator: StartOperator, scenario: Scenario, entra: FakeEntra, ca: Path
) -> None:
    """The API server writes an empty list of metadata as null; what is created later is seen."""
    process = operator(quick_settings(entra, ca, namespaces=scenario.namespace))
    process.wait_for_log("started")
    scenario.create()
    scenario.wait_condition("Ready", "CredentialNotFound")
    scenario.put_certificate()
    scenario.wait_ready()
    assert "watch ended" not in process.log_text


def test_other_namespaces_are_left_alone(
    operator: StartOperator, scenario: Scenario, new_namespace: NewNamespace, ca: Path
) -> None:
    """Two installations share a cluster out by this."""
    elsewhere = Scenario(scenario.cluster, scenario.entra, new_namespace())
    for each in (elsewhere, scenario):
        each.put_certificate()
        each.create()
    operator(quick_settings(scenario.entra, ca, namespaces=scenario.namespace))
    scenario.wait_ready()
    assert elsewhere.token() is None
    assert elsewhere.status() == {"observedGeneration": -1}
