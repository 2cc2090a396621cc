"""The little that is asked of etcd itself, through its JSON gateway."""

import base64
import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any


def compact(host: str, port: int) -> None:
    """Forget all history: nobody can be told any more what changed before now."""
    # A write of our own first, beside Kubernetes' keys: every version seen so far is then an old one.
    written = _call(host, port, "/v3/kv/put", {"key": _base64("/tests/compaction")})
    _call(host, port, "/v3/kv/compaction", {"revision": written["header"]["revision"], "physical": True})


def rewrite(host: str, port: int, prefix: str) -> None:
    """Store every key that starts like this again, as it is: it gets another version and changes in nothing else."""
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    found = _call(host, port, "/v3/kv/range", {"key": _base64(prefix), "range_end": _base64(end)})
    for entry in found["kvs"]:
        _call(host, port, "/v3/kv/put", {"key": entry["key"], "value": entry["value"]})


def store(host: str, port: int, values: Mapping[str, str]) -> None:
    """Store values by their keys, all at once. etcd takes about a mebibyte and a half, in 128 keys at most."""
    puts = [{"requestPut": {"key": _base64(key), "value": _base64(value)}} for key, value in values.items()]
    _call(host, port, "/v3/kv/txn", {"success": puts})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _call(host: str, port: int, path: str, message: dict[str, Any]) -> Any:
    with closing(http.client.HTTPConnection(host, port, timeout=10)) as connection:
        connection.request("POST", path, json.dumps(message), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"etcd answered {answer.status} to {path}: {text}")
    return json.loads(text)
