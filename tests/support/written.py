"""What the operator writes where people read it: none of it may hold anything secret."""

import json

from support.control_plane import ControlPlane
from support.operator_process import OperatorProcess
from support.scenario import Scenario


def everything_written(process: OperatorProcess, control_plane: ControlPlane, scenario: Scenario) -> dict[str, str]:
    """What the operator wrote anywhere but into the data of Secrets, by place."""
    events = control_plane.admin.request("GET", f"/api/v1/namespaces/{scenario.namespace}/events")
    metadata = [secret["metadata"] for secret in scenario.cluster.secrets.all(scenario.namespace)]
    return {
        "log": process.log_text,
        "events": json.dumps(events),
        "resources": json.dumps(scenario.cluster.resources.all(scenario.namespace)),
        "Secrets' metadata": json.dumps(metadata),
    }
