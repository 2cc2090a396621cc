"""The pod of `helm test`, whose program runs here against a server of its own."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from support.chart import Object, rendered


class Operator(BaseHTTPRequestHandler):
    """Becomes ready with the second request."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200 if len(self.asked) > 1 else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(name="pod", scope="module")
def _pod() -> Object:
    """The pod's spec."""
    spec: Object = rendered("Pod")["spec"]
    return spec


@pytest.fixture(name="port")
def _port() -> Iterator[int]:
    Operator.asked = []
    with HTTPServer(("127.0.0.1", 0), Operator) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_it_ends_well_once_the_operator_is_ready(pod: Object, port: int) -> None:
    """It reads the Service's address from the variables that the kubelet sets, and needs no DNS."""
    (container,) = pod["containers"]
    variables = {"TOKENSYNC_METRICS_SERVICE_HOST": "127.0.0.1", "TOKENSYNC_METRICS_SERVICE_PORT": str(port)}
    command = [sys.executable, *container["command"][1:], *container["args"]]
    run = subprocess.run(command, env=variables, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own chart

    assert Operator.asked == ["/readyz", "/readyz"]
    assert [line.rpartition(": ")[2] for line in run.stdout.splitlines()] == ["503", "200"]


def test_it_does_not_wait_for_ever(pod: Object) -> None:
    """The kubelet ends it, and the test has failed."""
    assert pod["activeDeadlineSeconds"] == 120
    assert pod["restartPolicy"] == "Never"


def test_it_gets_the_variables_of_services(pod: Object) -> None:
    """Their names are made of that of the Service."""
    assert pod["enableServiceLinks"] is True
    assert rendered("Service")["metadata"]["name"] == "tokensync-metrics"
