"""How the API server is reached: from inside a pod, or by the kubeconfig that `KUBECONFIG` names."""

import copy
import os
import socket
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from tokensync import __version__
from tokensync.cluster.observed import KINDS, Observer
from tokensync.errors import ClusterError, Reason
from tokensync.settings import in_a_pod

_METADATA_ONLY = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_EMPTY = b'"items":null'
"""How the API server writes an empty list of metadata. Kopf fails over it, so it is asked for the empty list of objects."""


class Connection:
    """One configuration, and what speaks with it.

    Attributes:
        configuration: of the official client.
        client: our API client.
        stranger: a client of the same server that has no credential of its own.
    """

    def __init__(self, configuration: Configuration, *, connections: int) -> None:
        configuration.connection_pool_maxsize = connections
        configuration.proxy = configuration.proxy or _environment_proxy(str(configuration.host))
        # Trusting the environment at every request means to look for a .netrc at every request: a sixth of its cost.
        configuration.client_session_kwargs = {"trust_env": False}
        self.configuration = configuration
        self.client, self.stranger = ApiClient(configuration), ApiClient(_without_credential(configuration))
        self.client.user_agent = self.stranger.user_agent = user_agent()

    @classmethod
    async def open(cls, *, connections: int) -> "Connection":
        """Read the configuration; `connections` is how many calls of ours may be under way at once.

        Raises:
            ClusterError: if there is none, or it cannot be read.
        """
        configuration = Configuration()
        try:
            if in_a_pod():
                config.load_incluster_config(client_configuration=configuration)
            else:
                await config.load_kube_config(client_configuration=configuration)
        except (config.ConfigException, OSError, ValueError) as error:
            raise ClusterError(
                Reason.CLUSTER_UNAVAILABLE,
                f"no cluster to connect to: {error}",
                remedy="run in a pod with a ServiceAccount, or set KUBECONFIG to the path of a kubeconfig with a current context",
            ) from None
        return cls(configuration, connections=connections)

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self.configuration.host)

    async def bearer_token(self) -> str:
        """What we are known by; empty where that is a client certificate."""
        return (await self._authorization()).removeprefix("Bearer ")

    def watch_session(self, on_list: Callable[[str], None], observer: Observer) -> aiohttp.ClientSession:
        """A session for Kopf, which closes it when the API server answers 401 and then asks for another.

        Secrets arrive as metadata only: no key material by watch, and other people's Secrets cost next to nothing.

        Args:
            on_list: called with the path of what Kopf is about to list.
            observer: sees all calls.
        """

        async def adapt(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
            authorization = await self._authorization()
            if authorization:
                request.headers["Authorization"] = authorization
            plural = request.url.path.rpartition("/")[2]
            watching = request.url.query.get("watch") == "true"
            if plural == "secrets":
                request.headers["Accept"] = _METADATA_ONLY.format("" if watching else "List")
            if watching:
                return await handler(request)
            if "continue" not in request.url.query:
                on_list(request.url.path)
            response = await handler(request)
            if _EMPTY in await response.read():
                del request.headers["Accept"]
                return await handler(request)
            return response

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self.client.rest_client.ssl_context),
            headers={"User-Agent": user_agent()},
            middlewares=(_expect_kinds, adapt, observer),
            proxy=self.configuration.proxy,
        )

    async def close(self) -> None:
        """Close our clients; the watch's sessions are Kopf's to close."""
        await self.client.close()
        await self.stranger.close()

    async def _authorization(self) -> str:
        """The header of that name; empty if there is none. It is read anew from time to time, as it is in a pod."""
        known = (await self.configuration.auth_settings()).get("BearerToken")
        return (known["value"] or "") if known else ""


def _without_credential(configuration: Configuration) -> Configuration:
    """The same server, for a client that nobody knows: it has neither a certificate nor a token."""
    bare = copy.deepcopy(configuration)
    bare.cert_file = bare.key_file = bare.refresh_api_key_hook = None
    bare.api_key = {}
    return bare


async def _expect_kinds(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Take a kind that is gone for an API server that is away: Kopf tries again, instead of ending over it."""
    response = await handler(request)
    plural = request.url.path.rpartition("/")[2]
    if response.status == HTTPStatus.NOT_FOUND and plural in KINDS:
        response.close()
        raise aiohttp.ClientConnectionError(
            f"the API server does not know {plural}: apply the CustomResourceDefinition"
        )
    return response


def _environment_proxy(server: str) -> str | None:
    """What `HTTPS_PROXY` and `NO_PROXY` say of a URL."""
    url = urlsplit(server)
    if urllib.request.proxy_bypass(url.hostname or ""):
        return None
    return urllib.request.getproxies().get(url.scheme)


def user_agent() -> str:
    """`tokensync/VERSION (POD)`: an audit log tells two replicas apart by it."""
    return f"tokensync/{__version__} ({own_name()})"


def own_name() -> str:
    """The pod's name; outside of a pod, the machine's."""
    return os.environ.get("POD_NAME") or socket.gethostname()
