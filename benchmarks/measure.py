"""What is measured: a burst of new resources, a renewal of all, and a restart."""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol

from support.audit import Call
from workload import Workload

SETTLE = 10.0
"""How long a restarted operator is watched."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One column of the table.

    Attributes:
        title: what was done.
        figures: what it took, by what is measured.
        calls: the operator's API calls, by verb and resource.
    """

    title: str
    figures: dict[str, str]
    calls: dict[str, int]


class Phase(Protocol):
    """One thing to measure."""

    title: ClassVar[str]

    def measure(self) -> Measurement:
        """Do it once."""
        ...


class _Phase:
    title: ClassVar[str]

    def __init__(self, workload: Workload) -> None:
        self.workload = workload

    def measure(self) -> Measurement:
        """Do it once, and count."""
        workload = self.workload
        mark, requests = workload.audit.mark(), workload.entra.token_requests
        began, before = time.monotonic(), workload.processor_seconds()
        self._started = datetime.now(UTC)
        self.act(mark)
        seconds = time.monotonic() - began
        spent = workload.processor_seconds()
        calls = workload.calls(mark)
        return Measurement(
            self.title,
            {
                "seconds, all": f"{seconds:.1f}",
                **self.quantiles(calls),
                "token requests": str(workload.entra.token_requests - requests),
                "API writes for each": f"{sum(_writes(call) for call in calls) / workload.count:.2f}",
                **{
                    f"CPU ms for each, {part}": f"{(spent[part] - self.owed(part, before)) * 1000 / workload.count:.1f}"
                    for part in spent
                },
                "RSS MiB after": f"{workload.memory():.0f}",
            },
            dict(Counter(_name(call) for call in calls)),
        )

    def owed(self, part: str, before: dict[str, float]) -> float:
        """The processor seconds that a part had used before."""
        return before[part]

    def act(self, mark: int) -> None:
        """What is measured; `mark` is the audit log's place before it."""
        raise NotImplementedError

    def quantiles(self, calls: list[Call]) -> dict[str, str]:
        """When the statuses were written, in seconds after the first call."""
        written = sorted(call.time for call in calls if call.subresource == "status")
        if not written:
            return {"seconds, median": "-", "seconds, 99 %": "-"}
        return {
            "seconds, median": _after(self._started, written[len(written) // 2]),
            "seconds, 99 %": _after(self._started, written[len(written) * 99 // 100]),
        }


class Burst(_Phase):
    """Every resource is created at once."""

    title = "burst"

    def act(self, mark: int) -> None:
        """Create them, and wait until all are ready."""
        self.workload.create_all()
        self.workload.wait(lambda: self.workload.all_reported(mark), 300)
        unready = self.workload.unready()
        assert not unready, f"reported and not ready: {unready}"


class Renewal(_Phase):
    """Every token is renewed once, because somebody asks for it."""

    title = "renewal"

    def act(self, mark: int) -> None:
        """Ask, and wait until all have answered."""
        self.workload.request_all()
        self.workload.wait(lambda: self.workload.all_reported(mark), 300)


class Restart(_Phase):
    """The operator is killed and started again; nothing is due."""

    title = f"restart, {SETTLE:.0f} s"

    def owed(self, part: str, before: dict[str, float]) -> float:
        """A new process has used none."""
        return 0.0 if part == "operator" else before[part]

    def act(self, mark: int) -> None:  # noqa: ARG002  nothing to wait for: nothing must happen
        """Restart, and let it look at everything."""
        self.workload.operator.kill()
        self.workload.start()
        time.sleep(SETTLE)


def _name(call: Call) -> str:
    about = "/".join(filter(None, (call.resource or "discovery", call.subresource)))
    return f"{call.verb} {about}" + (" by name" if call.verb == "get" and call.name else "")


def _writes(call: Call) -> bool:
    return call.verb in {"create", "update", "patch", "delete"}


def _after(start: datetime, moment: datetime) -> str:
    return f"{(moment - start) / timedelta(seconds=1):.1f}"
