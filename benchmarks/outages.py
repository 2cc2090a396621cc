"""A run that a dashboard has something to show of: two replicas, five tokens, a killed leader and two outages."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import requests

from support.chart import NAMESPACE
from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.entra import FakeEntra
from support.identities import operator_kubeconfig
from support.operator_process import OperatorProcess
from support.ports import free_port
from support.scenario import Scenario, quick_settings
from support.scrapes import Scrapes

LIFETIME = timedelta(seconds=120)
TOKENS = ("ads", "crm", "dns", "hr", "web")
MARGINS = {"propagation": "10s", "clock_skew": "2s"}
INTERVAL = 5
"""Seconds between two scrapes."""

KILL = 105
SHORT, LONG = (170, 195), (270, 350)
"""Outages of the provider, in seconds since the beginning: one within the retry budget, 40 s, and one twice as long."""
END = 480


class Replica(NamedTuple):
    """An operator, and where it shows its metrics."""

    name: str
    process: OperatorProcess
    address: str

    @property
    def leads(self) -> bool:
        """Whether it says that it leads."""
        return "\ntokensync_leader 1.0" in requests.get(f"http://{self.address}/metrics", timeout=5).text

    @property
    def labels(self) -> dict[str, str]:
        """What Prometheus would add to its samples."""
        return {"job": "tokensync-metrics", "namespace": NAMESPACE, "pod": self.name, "instance": self.address}


class Run:
    """The run. What it recorded is in `scrapes`."""

    def __init__(self, folder: Path, scenario: Scenario, kubeconfig: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._scenario = scenario
        self._kubeconfig = kubeconfig
        self._stack = stack
        self._replicas: list[Replica] = []
        self.scrapes = Scrapes(INTERVAL)

    def record(self) -> Scrapes:
        """Let everything happen, which takes `END` seconds."""
        for name in ("tokensync-a", "tokensync-b"):
            self._start(name)
        self._scenario.put_certificate()
        for name in TOKENS:
            self._scenario.create(name)
        self._scrape_until(KILL)
        self._replace_leader()
        for begin, end in (SHORT, LONG):
            self._scrape_until(begin)
            with self._scenario.entra.unreachable():
                self._scrape_until(end)
        self._scrape_until(END)
        return self.scrapes

    def _start(self, name: str) -> None:
        address = f"127.0.0.1:{free_port()}"
        process = OperatorProcess(self._kubeconfig, self._settings(address), log=self._folder / f"{name}.log")
        process.start()
        self._stack.callback(process.stop)
        process.wait_for_log("started", timeout=30)
        self._replicas.append(Replica(name, process, address))

    def _settings(self, address: str) -> dict[str, Any]:
        ca = self._scenario.entra.write_ca(self._folder / "ca.pem")
        shared = {"leader_elect": "true", "lease_namespace": NAMESPACE, "metrics_address": address}
        return quick_settings(self._scenario.entra, ca, **MARGINS, **shared)

    def _replace_leader(self) -> None:
        """Kill it, and start another pod in its place, as a Deployment does."""
        leader = next(replica for replica in self._replicas if replica.leads)
        leader.process.send(signal.SIGKILL)
        self._replicas.remove(leader)
        self._start("tokensync-c")

    def _scrape_until(self, seconds: int) -> None:
        while self.scrapes.duration < seconds:
            self.scrapes.wait()
            self.scrapes.take({replica.address: replica.labels for replica in self._replicas})


@contextmanager
def prepared(folder: Path) -> Iterator[Run]:
    """Start a control plane and a provider for a run, and end all of it afterwards."""
    home = folder / "control-plane"
    home.mkdir()
    with ControlPlane(home) as control_plane, FakeEntra(lifetime=LIFETIME) as entra, ExitStack() as stack:
        scenario = Scenario(Cluster(control_plane.admin), entra, "reports")
        control_plane.kubectl("create", "namespace", "reports")
        yield Run(folder, scenario, operator_kubeconfig(control_plane), stack)
