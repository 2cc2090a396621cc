"""The little that is asked of etcd itself, through its JSON gateway."""

import base64
import http.client
import json
from contextlib import closing
from typing import Any


def compact(host: str, port: int) -> None:
    """Forget all history: nobody can be told any more what changed before now."""
    # A write of our own first, beside Kubernetes' keys: every version seen so far is then an old one.
    written = _call(host, port, "/v3/kv/put", {"key": base64.b64encode(b"/tests/compaction").decode()})
    _call(host, port, "/v3/kv/compaction", {"revision": written["header"]["revision"], "physical": True})


def _call(host: str, port: int, path: str, message: dict[str, Any]) -> Any:
    with closing(http.client.HTTPConnection(host, port, timeout=10)) as connection:
        connection.request("POST", path, json.dumps(message), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"etcd answered {answer.status} to {path}: {text}")
    return json.loads(text)
