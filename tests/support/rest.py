"""The Kubernetes API as JSON, through the official client's plain half.

Its typed half turns objects into models and back; tests want to see, and send, exactly what the API server has.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from kubernetes import config
from kubernetes.client import ApiClient, Configuration

from support.pki import KeyPair

USER_AGENT = "tests"

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"


class Rest:
    """Requests of one user."""

    def __init__(self, configuration: Configuration) -> None:
        configuration.retries = 0  # one request is one call: tests count them
        self._client: Any = ApiClient(configuration)
        self._client.user_agent = USER_AGENT

    @classmethod
    def of_pair(cls, url: str, ca: Path, user: KeyPair) -> Self:
        """Requests of a user with a client certificate, without any proxy."""
        configuration = Configuration(host=url)
        configuration.ssl_ca_cert = str(ca)
        configuration.cert_file = str(user.certificate)
        configuration.key_file = str(user.private_key)
        configuration.proxy = None  # the client would take the environment's
        return cls(configuration)

    @classmethod
    def of_kubeconfig(cls, kubeconfig: Path) -> Self:
        """Requests of the user of a kubeconfig's current context."""
        configuration = Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=configuration)
        return cls(configuration)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = JSON,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request and return the answer's JSON.

        Raises:
            kubernetes.client.ApiException: if the API server refuses it.
            urllib3.exceptions.HTTPError: if there is no API server.
        """
        request = self._client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": JSON, "Content-Type": content_type},
            body=body,
        )
        response = self._client.call_api(*request, _request_timeout=30)
        response.read()
        return self._client.response_deserialize(response, {"default": "object"}).data
