"""Tokens of ServiceAccounts: requested, and tried at the API server before they may leave the cluster."""

from functools import partial
from http import HTTPStatus

import aiohttp
from kubernetes.aio.client import ApiClient

from tokensync.cluster.api import TIMEOUT, Api, Collection, Verb
from tokensync.cluster.refusals import Call, NotFoundError, refusal, unavailable
from tokensync.errors import ClusterError, Reason, TargetError
from tokensync.resource.spec import Key
from tokensync.telemetry.metrics import Metrics

SERVICE_ACCOUNTS = Collection("/api/v1", "serviceaccounts")
_REVIEWS = Collection("/apis/authentication.k8s.io/v1", "selfsubjectreviews")
_LIFETIME = 600
"""Seconds: the least that the API server grants."""
_AUTHENTICATION = {"apiVersion": "authentication.k8s.io/v1"}


class ClusterServiceAccounts:
    """The API server's ServiceAccounts, as the controller's `ServiceAccounts`."""

    def __init__(self, api: Api, stranger: ApiClient, metrics: Metrics) -> None:
        """Request tokens through `api`, and try them through a client that has no credential of its own."""
        self._api = api
        self._stranger = stranger
        self._metrics = metrics

    async def request_token(self, key: Key, audience: str) -> str | None:
        """A new token for one audience; None if there is no such ServiceAccount.

        Raises:
            ClusterError: refused, by an admission policy too, or not answered.
        """
        spec = {"audiences": [audience], "expirationSeconds": _LIFETIME}
        body = _AUTHENTICATION | {"kind": "TokenRequest", "spec": spec}
        try:
            answer = await self._api.call(
                Verb.CREATE, SERVICE_ACCOUNTS, key.namespace, key.name, subresource="token", body=body
            )
        except NotFoundError:
            return None
        except TargetError as error:
            raise ClusterError(
                Reason.FORBIDDEN, error.message, remedy="let the admission policy or webhook that it names allow it"
            ) from None
        return str((answer.get("status") or {}).get("token", ""))

    async def accepts(self, token: str) -> bool:
        """Whether the API server takes the token for a credential. Who is told anything but 401 was known to it.

        Raises:
            ClusterError: if that cannot be told now.
        """
        body = _AUTHENTICATION | {"kind": "SelfSubjectReview"}
        call = Call(Verb.CREATE, _REVIEWS.plural, None, None, None)
        count = partial(self._metrics.count_call, Verb.CREATE, _REVIEWS.plural)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = f"{self._stranger.configuration.host}{_REVIEWS.path(None)}"
        try:
            response = await self._stranger.call_api(
                "POST", url, header_params=headers, body=body, _request_timeout=TIMEOUT
            )
            await response.read()
        except (aiohttp.ClientError, OSError) as error:
            count(None)
            raise unavailable(call, type(error).__name__) from None
        count(response.status)
        if response.status == HTTPStatus.TOO_MANY_REQUESTS or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise refusal(call, response.status, {}, response.headers.get("Retry-After", ""))
        return bool(response.status != HTTPStatus.UNAUTHORIZED)
