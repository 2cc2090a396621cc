"""The operator as a process, tried with a stand-in that tells how it was called."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from support.operator_process import OperatorProcess, Settings
from support.waiting import eventually

STAND_IN = """
import json, os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ)}), flush=True)
time.sleep(600)
"""
SETTINGS: Settings = {"allowed-hosts": ["login.example", "*.login.example"], "workers": 4, "propagation": "2s"}


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OperatorProcess]:
    """A stand-in that has said how it was called."""
    monkeypatch.setenv("TOKENSYNC_WORKERS", "99")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    process = OperatorProcess(
        tmp_path / "kubeconfig",
        SETTINGS,
        log=tmp_path / "operator.log",
        environment={"TOKENSYNC_LOG_LEVEL": "debug"},
        command=(sys.executable, "-c", STAND_IN),
    )
    process.start()
    process.wait_for_log("\n")
    yield process
    process.kill()


def test_settings_become_flags(process: OperatorProcess) -> None:
    """Lists are separated by commas, as a user writes them."""
    assert json.loads(process.log_text)["arguments"] == [
        "--metrics-address=127.0.0.1:0",
        "--allowed-hosts=login.example,*.login.example",
        "--workers=4",
        "--propagation=2s",
    ]


def test_environment_is_its_own(process: OperatorProcess, tmp_path: Path) -> None:
    """It has its kubeconfig and what the test gives it; nothing of ours changes what it does."""
    environment = json.loads(process.log_text)["environment"]

    assert environment["KUBECONFIG"] == str(tmp_path / "kubeconfig")
    assert environment["TOKENSYNC_LOG_LEVEL"] == "debug"
    assert environment.keys().isdisjoint({"TOKENSYNC_WORKERS", "HTTPS_PROXY"})


def test_stop_gives_the_exit_code(process: OperatorProcess) -> None:
    """It ends as a pod does."""
    assert process.stop() == 0


def test_kill_leaves_it_no_time(process: OperatorProcess) -> None:
    """It ends wherever it is."""
    process.kill()

    assert process.exit_code == -signal.SIGKILL


def test_paused_it_does_nothing_until_it_is_resumed(process: OperatorProcess) -> None:
    """It is frozen as a whole."""
    process.pause()
    eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, 5, "it is frozen")

    process.resume()
    eventually(lambda: psutil.Process(process.pid).status() != psutil.STATUS_STOPPED, 5, "it goes on")


def test_paused_it_can_be_stopped(process: OperatorProcess) -> None:
    """It is resumed first, and ends in its own way."""
    process.pause()

    assert process.stop() == 0
