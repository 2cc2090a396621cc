"""What the API server's answers to a TokenRequest mean, and to whoever shows it a token as its only credential."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from tokensync.cluster.api import Api
from tokensync.cluster.connection import Connection
from tokensync.cluster.service_accounts import ClusterServiceAccounts
from tokensync.errors import ClusterError, NamespaceTerminatingError, Reason
from tokensync.resource.spec import Key
from tokensync.telemetry.metrics import Metrics

ACCOUNT = Key("reports", "reporter")
OUR_TOKEN = "our-own-token"


class Server:
    """Answers as a test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status = 201
        self.answer: dict[str, Any] = {}
        self.asked: list[tuple[str, str | None, Any]] = []

    async def respond(self, request: web.Request) -> web.Response:
        """Path, `Authorization` and body are kept."""
        self.asked.append((request.path, request.headers.get("Authorization"), await request.json()))
        return web.json_response(self.answer, status=self.status)


Opened = tuple[Server, ClusterServiceAccounts, Metrics]


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    """An API server, and a client that is known there by a token."""
    server, metrics = Server(), Metrics("1.2.3")
    application = web.Application()
    application.router.add_post("/{path:.*}", server.respond)
    async with TestServer(application) as listening:
        configuration = Configuration(host=str(listening.make_url("/")).rstrip("/"))
        configuration.api_key = {"BearerToken": f"Bearer {OUR_TOKEN}"}
        connection = Connection(configuration, connections=2)
        yield server, ClusterServiceAccounts(Api(connection.client, metrics), connection.stranger, metrics), metrics
        await connection.close()


async def test_exactly_one_audience_and_ten_minutes_are_asked_for(opened: Opened) -> None:
    """In the form of authentication.k8s.io/v1, as ourselves."""
    server, accounts, _ = opened
    server.answer = {"status": {"token": "a-token"}}

    assert await accounts.request_token(ACCOUNT, "api://one") == "a-token"

    (path, authorization, body) = server.asked[0]
    assert path == "/api/v1/namespaces/reports/serviceaccounts/reporter/token"
    assert authorization == f"Bearer {OUR_TOKEN}"
    assert body == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": ["api://one"], "expirationSeconds": 600},
    }


async def test_a_service_account_that_is_not_there_is_none(opened: Opened) -> None:
    """It is no failure of the API."""
    server, accounts, _ = opened
    server.status = 404

    assert await accounts.request_token(ACCOUNT, "api://one") is None


TERMINATING = {"details": {"causes": [{"reason": "NamespaceTerminating"}]}, "message": "it is being terminated"}
RBAC = {"message": 'serviceaccounts "reporter" is forbidden: User "tokensync" cannot create resource'}
POLICY = {"message": "ValidatingAdmissionPolicy 'frugal' denied request: not for reporter"}


@pytest.mark.parametrize(
    ("status", "answer", "reason", "says"),
    [
        (403, RBAC, Reason.FORBIDDEN, 'grant the operator\'s ServiceAccount the verb "create" on the resource'),
        (403, TERMINATING, Reason.NAMESPACE_TERMINATING, "namespace reports is being deleted"),
        (
            422,
            POLICY,
            Reason.FORBIDDEN,
            "'frugal' denied request: not for reporter: let the admission policy or webhook",
        ),
        (
            403,
            POLICY,
            Reason.FORBIDDEN,
            "'frugal' denied request: not for reporter: let the admission policy or webhook",
        ),
        (500, {}, Reason.CLUSTER_UNAVAILABLE, "answered create serviceaccounts/token in namespace reports with HTTP"),
    ],
)
async def test_a_refusal_says_what_to_do(
    opened: Opened, status: int, answer: dict[str, Any], reason: Reason, says: str
) -> None:
    """A policy's is about the request, not about a target."""
    server, accounts, _ = opened
    server.status, server.answer = status, answer

    with pytest.raises(ClusterError) as refused:
        await accounts.request_token(ACCOUNT, "api://one")

    assert refused.value.reason is reason
    assert says in refused.value.text
    assert isinstance(refused.value, NamespaceTerminatingError) is (reason is Reason.NAMESPACE_TERMINATING)


@pytest.mark.parametrize(("status", "accepted"), [(401, False), (201, True), (200, True), (403, True), (404, True)])
async def test_only_who_is_unknown_is_refused_as_such(opened: Opened, status: int, accepted: bool) -> None:
    """The token is the only credential of that request, and whatever is not 401 was said to somebody known."""
    server, accounts, metrics = opened
    server.status = status

    assert await accounts.accepts("a-token") is accepted

    (path, authorization, body) = server.asked[0]
    assert path == "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    assert authorization == "Bearer a-token"
    assert body == {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    labels = {"verb": "create", "resource": "selfsubjectreviews", "code": str(status)}
    assert metrics.registry.get_sample_value("tokensync_kubernetes_requests_total", labels) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_answer_that_tells_nothing_is_none(opened: Opened, status: int) -> None:
    """It has to be tried again before the token may go anywhere."""
    server, accounts, _ = opened
    server.status = status

    with pytest.raises(ClusterError) as unknown:
        await accounts.accepts("a-token")

    assert unknown.value.reason is Reason.CLUSTER_UNAVAILABLE


@pytest.mark.parametrize("failure", [aiohttp.ClientError, TimeoutError])
async def test_no_answer_is_none(opened: Opened, failure: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """As while the API server is away."""
    _, accounts, _ = opened

    async def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(accounts._stranger, "call_api", fail)

    with pytest.raises(ClusterError) as unknown:
        await accounts.accepts("a-token")

    assert unknown.value.reason is Reason.CLUSTER_UNAVAILABLE
