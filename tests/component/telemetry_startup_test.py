"""The operator starts to serve its metrics before it has heard of the cluster."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.operator_process import OperatorProcess
from support.pki import Authority, write_kubeconfig
from support.ports import free_port
from support.scrape import get


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """Of an API server that is not there."""
    return write_kubeconfig(
        tmp_path / "kubeconfig", f"https://127.0.0.1:{free_port()}", Authority(tmp_path / "pki").certificate, "nobody"
    )


@pytest.fixture
def taken() -> Iterator[str]:
    """An address at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"127.0.0.1:{other.getsockname()[1]}"


def test_a_port_that_is_taken_ends_it(kubeconfig: Path, tmp_path: Path, taken: str) -> None:
    """With status 1 and one line that names the setting; without a traceback."""
    process = OperatorProcess(kubeconfig, {"metrics-address": taken}, log=tmp_path / "log")
    process.start()
    assert process.wait(20) == 1

    (line,) = process.log_text.splitlines()
    record = json.loads(line)
    assert (record["level"], record["msg"]) == ("error", "cannot start")
    assert record["detail"] == (
        f"--metrics-address: {taken} cannot be listened at (Address already in use): "
        "end what uses it, or give another address"
    )


def test_it_serves_at_the_address_that_it_names(kubeconfig: Path, tmp_path: Path) -> None:
    """Alive without a cluster, not ready, and ended by a signal at once."""
    process = OperatorProcess(kubeconfig, {}, log=tmp_path / "log")
    process.start()
    try:
        assert get(process.metrics_address, "/healthz").text == "ok\n"
        assert process.readiness().status == 503
        assert process.metrics().value("tokensync_leader") == 1
    finally:
        assert process.stop() == 0
