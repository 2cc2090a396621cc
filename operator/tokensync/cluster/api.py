"""One call to the Kubernetes API: JSON in, JSON out, refusals as errors that say what to do."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

import aiohttp
from kubernetes.aio.client import ApiClient

from tokensync.cluster.quoting import without_data
from tokensync.cluster.refusals import Call, refusal, unavailable
from tokensync.telemetry.metrics import Metrics

TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
_OK = 300
_JSON = "application/json"
_PAGE = "500"


class Verb(StrEnum):
    """Kubernetes' words for what is done, as RBAC rules have them."""

    GET = "get"
    LIST = "list"
    WATCH = "watch"
    CREATE = "create"
    PATCH = "patch"
    DELETE = "delete"


_METHODS = {Verb.GET: "GET", Verb.LIST: "GET", Verb.CREATE: "POST", Verb.PATCH: "PATCH", Verb.DELETE: "DELETE"}

_READS = {Verb.GET, Verb.LIST}

DISCOVERY = "discovery"
"""How calls are counted that are about no object, but about what kinds there are."""


class Collection(NamedTuple):
    """A kind of object: where the API server has it, and how RBAC calls it."""

    base: str
    plural: str

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The path below the server's URL."""
        parts = [self.base, *(("namespaces", namespace) if namespace else ()), self.plural, name, subresource]
        return "/".join(part for part in parts if part)


class Api:
    """Calls through the official client's transport, without its models: they cost more than the call."""

    def __init__(self, client: ApiClient, metrics: Metrics, *, before_write: Callable[[], None] | None = None) -> None:
        """Speak through a client; `before_write` is called before each call that is no read, and may raise."""
        self._client = client
        self._metrics = metrics
        self._before_write = before_write

    async def call(
        self,
        verb: Verb,
        collection: Collection,
        namespace: str | None,
        name: str | None = None,
        *,
        subresource: str | None = None,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = _JSON,
        accept: str = _JSON,
    ) -> dict[str, Any]:
        """Do one thing.

        Raises:
            ConflictError: 409, 404 of a patch or delete, 422 of a precondition: nothing was written.
            NotFoundError: 404 of anything else.
            ClusterError: refused for good, or no answer.
            TargetError: admission or quota refused the content.
        """
        what = Call(verb, collection.plural, subresource, namespace, name)
        in_collection = verb is Verb.CREATE and subresource is None
        path = collection.path(namespace, None if in_collection else name, subresource)
        headers = {"Content-Type": content_type, "Accept": accept}
        url, headers, payload = await self._prepare(verb, path, query, body, headers)
        if self._before_write and verb not in _READS:
            self._before_write()
        count = partial(self._metrics.count_call, verb, what.resource if collection.base else DISCOVERY)
        try:
            response = await self._client.call_api(
                _METHODS[verb], url, header_params=headers, body=payload, _request_timeout=TIMEOUT
            )
            answer = _json(await response.read())
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            count(None)
            raise unavailable(what, type(error).__name__) from None
        count(response.status)
        if response.status >= _OK:
            told = without_data(answer, body)
            raise refusal(what, response.status, told, response.headers.get("Retry-After", ""))
        return answer

    async def pages(
        self,
        collection: Collection,
        namespace: str | None,
        *,
        accept: str = _JSON,
        query: Mapping[str, str] | None = None,
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """All objects of a namespace (None: of the cluster), in pages, each with the list's resourceVersion."""
        asked = {"limit": _PAGE, **(query or {})}
        while True:
            answer = await self.call(Verb.LIST, collection, namespace, query=asked, accept=accept)
            listed = answer.get("metadata") or {}
            yield answer.get("items") or [], listed.get("resourceVersion", "0")
            if not listed.get("continue"):
                return
            asked["continue"] = listed["continue"]

    async def _prepare(
        self, verb: Verb, path: str, query: Mapping[str, str] | None, body: Any, headers: dict[str, str]
    ) -> tuple[str, dict[str, str], Any]:
        _, url, prepared, payload, _ = await self._client.param_serialize(
            _METHODS[verb],
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        return url, prepared, payload


def _json(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
