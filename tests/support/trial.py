"""Resources that the API server is asked about, and that nobody stores."""

import json
from http import HTTPStatus
from typing import Any, NamedTuple

from kubernetes.client import ApiException

from support.control_plane import ControlPlane
from support.example_resource import Resource
from tokensync.resource.names import API_VERSION, PLURAL

_PATH = f"/apis/{API_VERSION}/namespaces/default/{PLURAL}"


class Refusal(NamedTuple):
    """What the API server says of a resource that it does not take."""

    message: str
    fields: tuple[str, ...]


def accepted(control_plane: ControlPlane, sent: Resource) -> Resource:
    """What would be stored; unknown fields are refused.

    Raises:
        ApiException: if it would not be.
    """
    query = {"fieldValidation": "Strict", "dryRun": "All"}
    stored: dict[str, Any] = control_plane.admin.request("POST", _PATH, sent, query=query)
    return stored


def refusal(control_plane: ControlPlane, sent: Resource) -> Refusal | None:
    """Why a resource would not be stored; None if it would be.

    Raises:
        ApiException: if that is not the resource's fault.
    """
    try:
        accepted(control_plane, sent)
    except ApiException as error:
        if error.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        answer = json.loads(error.body or "")
        return Refusal(answer["message"], tuple(cause["field"] for cause in answer["details"]["causes"]))
    return None
