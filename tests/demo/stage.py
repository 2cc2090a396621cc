"""The stage: a control plane, a provider, the operator, and a consumer that watches the token."""

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from demo.checks import CheckFailedError
from demo.footer import LiveFooter
from demo.sampler import Sampler
from demo.sightings import Sighting
from demo.timeline import Timeline
from support.audit import AuditLog
from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.entra import FakeEntra
from support.identities import operator_kubeconfig
from support.operator_process import OperatorProcess
from support.scenario import Scenario, quick_settings
from support.waiting import eventually

T = TypeVar("T")

NAMESPACE = "reports"
RESOURCE = "graph"
TARGET = "graph-token"

LIFETIME = 20
PROPAGATION = 2
CLOCK_SKEW = 1
"""Seconds. With these the formula decides when a token is renewed, not the share of its lifetime that has passed."""

PATIENCE = 15
"""Seconds that anything is waited for, even where it should take less: a failure then tells how long it took."""


@dataclass
class Stage:
    """Everything that an act has to do with.

    Attributes:
        checks: how many things were verified.
        figures: what the summary is to show, by what it is.
    """

    timeline: Timeline
    control_plane: ControlPlane
    entra: FakeEntra
    scenario: Scenario
    operator: OperatorProcess
    audit: AuditLog
    sampler: Sampler
    checks: int = 0
    figures: dict[str, str] = field(default_factory=dict)

    def kubectl(self, *args: str, stdin: str | None = None, show_stdin: bool = False) -> None:
        """Show a command, run it, and show what it printed."""
        self.timeline.command(shlex.join(["kubectl", *args]))
        if stdin and show_stdin:
            self.timeline.yaml(stdin)
        self.timeline.output(self.control_plane.kubectl(*args, stdin=stdin))

    def verify(self, claim: str, holds: bool, *, seen: object, expected: str = "") -> None:
        """Tell what is so, if it is.

        Args:
            claim: a statement.
            holds: whether it is true.
            seen: what is so instead if it is not.
            expected: what should be so, where the claim does not say it.

        Raises:
            CheckFailedError: if it is not true.
        """
        if not holds:
            raise CheckFailedError(expected or claim, seen)
        self.checks += 1
        self.timeline.ok(claim)

    def wait(self, probe: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
        """Wait until a probe gives something.

        Raises:
            CheckFailedError: if it does not in time, or something is harmed meanwhile.
        """

        def look() -> T | None:
            self.verify_unharmed()
            return probe()

        try:
            return eventually(look, patience, what)
        except AssertionError:
            raise CheckFailedError(f"{what} within {patience:g} s", "none") from None

    def wait_for_token(self, suits: Callable[[Sighting], bool], what: str, patience: float = PATIENCE) -> Sighting:
        """Wait until the consumer sees a token that suits, and the status tells when that one is renewed."""

        def suitable() -> Sighting | None:
            current = self.sampler.current
            return current if current and current.renew_at and suits(current) else None

        return self.wait(suitable, what, patience)

    def conditions(self) -> list[str]:
        """The resource's conditions, a line for each."""
        resource = self.scenario.cluster.resources.find(NAMESPACE, RESOURCE) or {}
        return [
            f"{entry['type']} {entry['status']}, {entry['reason']}: {entry.get('message', '')}"
            for entry in resource.get("status", {}).get("conditions", [])
        ]

    def verify_unharmed(self) -> None:
        """See that the operator runs, and that the consumer always had what it needs.

        Raises:
            CheckFailedError: if not.
        """
        if self.operator.crashed:
            raise CheckFailedError("the operator runs", f"it ended by itself with {self.operator.exit_code}")
        self.sampler.verify()


@contextmanager
def set_up(folder: Path, timeline: Timeline) -> Iterator[Stage]:
    """Set everything up, with nothing in it yet, and take it down afterwards.

    Args:
        folder: for all that is written.
        timeline: is told what happens.

    Raises:
        CheckFailedError, and what else `demo.checks.FAILURES` lists: if something cannot be set up.
    """
    timeline.heading("The stage")
    timeline.say("etcd, kube-apiserver and kube-controller-manager are started")
    timeline.put_busy_footer("the stage is set up …")
    home = folder / "control-plane"
    home.mkdir()
    with ControlPlane(home) as control_plane, FakeEntra(lifetime=timedelta(seconds=LIFETIME)) as entra:
        timeline.ok(f"Kubernetes {control_plane.admin.request('GET', '/version')['gitVersion']} at {control_plane.url}")
        _enter_namespace(control_plane)
        timeline.ok(f"a fake Microsoft Entra ID on {entra.host}; tokens live {LIFETIME} s")
        scenario = Scenario(Cluster(control_plane.admin), entra, NAMESPACE)
        operator = _operator(folder, control_plane, entra)
        audit = AuditLog(control_plane.audit_log, control_plane.admin)
        with Sampler(scenario, RESOURCE, TARGET, timeline.event) as sampler:
            stage = Stage(timeline, control_plane, entra, scenario, operator, audit, sampler)
            timeline.put_footer(LiveFooter(sampler, entra))
            try:
                _start_operator(stage)
                yield stage
            finally:
                timeline.put_busy_footer("everything is stopped …")
                code = operator.stop()
        if code:
            raise CheckFailedError("the operator ends with 0 when it is asked to end", code)


def _enter_namespace(control_plane: ControlPlane) -> None:
    """Make a namespace, and kubectl's own default of it."""
    control_plane.kubectl("create", "namespace", NAMESPACE)
    control_plane.kubectl("config", "set-context", "--current", f"--namespace={NAMESPACE}")


def _operator(folder: Path, control_plane: ControlPlane, entra: FakeEntra) -> OperatorProcess:
    margins = {"propagation": f"{PROPAGATION}s", "clock_skew": f"{CLOCK_SKEW}s"}
    settings = quick_settings(
        entra, entra.write_ca(folder / "provider-ca.pem"), log_level="info", log_format="text", **margins
    )
    return OperatorProcess(operator_kubeconfig(control_plane), settings, log=folder / "operator.log")


def _start_operator(stage: Stage) -> None:
    """Start it, and wait until it watches resources and Secrets."""
    mark = stage.audit.mark()
    stage.timeline.command(f"tokensync run --propagation={PROPAGATION}s --clock-skew={CLOCK_SKEW}s …")
    began = time.monotonic()
    stage.operator.start()

    def watched() -> bool:
        kinds = {call.resource for call in stage.audit.calls(mark) if call.verb == "watch"}
        return {"secrets", "clientcredentialtokens"} <= kinds

    stage.wait(watched, "the operator watches resources and Secrets", patience=30)
    stage.timeline.ok(f"the operator watches, {time.monotonic() - began:.1f} s after its start")
