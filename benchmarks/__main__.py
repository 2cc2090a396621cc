"""`make bench`: how the operator does with many resources, on a real API server and a provider that takes 50 ms.

For each count: all resources are created at once, renewed once, and found again by a restarted operator. The API server,
the provider, the operator and this harness share the machine; trust counts fully, ratios well, seconds less.
"""

import argparse
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from measure import Burst, Measurement, Renewal, Restart
from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.entra import FakeEntra
from support.entra.faults import Latency
from support.identities import operator_kubeconfig
from workload import Workload

PROVIDER_LATENCY = 0.05
LIFETIME = timedelta(hours=1)


def main() -> int:
    """Measure, and print a table for each count."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[100, 1000], help="how many resources")
    console = Console()
    for count in parser.parse_args().counts:
        console.print(_table(count, _measure(count, console)))
    return 0


def _measure(count: int, console: Console) -> list[Measurement]:
    with (
        tempfile.TemporaryDirectory(prefix="tokensync-bench-") as folder,
        ControlPlane(Path(folder) / "control-plane") as control_plane,
        FakeEntra(lifetime=LIFETIME) as entra,
        entra.failing(Latency(PROVIDER_LATENCY)),
    ):
        workload = Workload(
            control_plane=control_plane,
            cluster=Cluster(control_plane.admin),
            entra=entra,
            kubeconfig=operator_kubeconfig(control_plane),
            folder=Path(folder),
            count=count,
        )
        with workload:
            measurements = []
            for phase in (Burst, Renewal, Restart):
                console.print(f"{count} resources: {phase.title} …")
                measurements.append(phase(workload).measure())
            return measurements


def _table(count: int, measurements: list[Measurement]) -> Table:
    table = Table("", *(measurement.title for measurement in measurements), title=f"{count} resources")
    for column in table.columns[1:]:
        column.justify = "right"
    for figure in measurements[0].figures:
        table.add_row(figure, *(measurement.figures[figure] for measurement in measurements))
    table.add_section()
    for call in sorted({call for measurement in measurements for call in measurement.calls}):
        table.add_row(call, *(str(measurement.calls.get(call, 0)) for measurement in measurements))
    return table


if __name__ == "__main__":
    sys.exit(main())
