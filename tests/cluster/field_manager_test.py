"""Somebody writes a target under our own field manager's name."""

import json
from datetime import timedelta
from pathlib import Path

from support.cluster import encoded
from support.control_plane import ControlPlane
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from tokensync.resource.names import FIELD_MANAGER


def test_edit_under_our_name_lasts_until_the_renewal(
    operator: StartOperator, scenario: Scenario, ca: Path, control_plane: ControlPlane
) -> None:
    """It looks like a write of ours; whoever could do it may write the Secret anyway."""
    scenario.entra.lifetime = timedelta(seconds=30)
    scenario.put_certificate()
    scenario.create()
    operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready()

    edit = json.dumps({"data": encoded({"token": b"theirs"})})
    whose = f"--namespace={scenario.namespace}", f"--field-manager={FIELD_MANAGER}"
    control_plane.kubectl("patch", "secret", "graph-token", *whose, "--type=merge", "-p", edit)
    scenario.wait_for_turn()

    edited = scenario.token()
    assert edited is not None
    assert edited.value == "theirs"
    renewed = scenario.wait_renewed(edited, timeout=30)
    assert renewed.value == scenario.issued_to(scenario.application)[1].value
