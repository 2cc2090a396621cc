"""Dashboard, alerts and runbooks ask for what the operator really shows."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from support import dashboard
from support.binaries import provide
from support.chart import CHART
from support.cluster import Cluster
from support.dashboard import Query
from support.entra import FakeEntra
from support.operator_process import OperatorProcess
from support.ports import free_port
from support.promql import Sample, about, evaluate
from support.scenario import Scenario, quick_settings
from support.scrapes import Scrapes

TARGET_LABELS = {"job": "tokensync-metrics", "instance": "10.0.0.1:8080", "namespace": "tokensync-system", "pod": "a"}
"""What a ServiceMonitor of the Prometheus operator adds to every sample."""
VARIABLES = {"job": ".*", "namespace": ".*", "rate_interval": "1m", "range": "1m"}
RUNBOOKS = sorted((CHART.parents[1] / "docs" / "runbooks").glob("*.md"))
PROMQL = re.compile(r"^```promql\n(.+?)^```", re.MULTILINE | re.DOTALL)


pytestmark = pytest.mark.usefixtures("promtool")


@pytest.fixture(scope="module")
def promtool() -> Path:
    """Prometheus's own tool, which `support.promql` asks."""
    return provide("promtool")["promtool"]


def alert_expressions() -> list[str]:
    groups = yaml.safe_load((CHART / "alerts" / "tokensync.yaml").read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def runbook_queries() -> list[str]:
    blocks = [block for page in RUNBOOKS for block in PROMQL.findall(page.read_text())]
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module", name="scrapes")
def _scrapes(cluster: Cluster, operator_identity: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scrapes]:
    """A run with renewals, a provider that fails, and a resource that never gets a token."""
    folder = tmp_path_factory.mktemp("dashboard")
    address = f"127.0.0.1:{free_port()}"
    namespace = cluster.create_namespace()
    with FakeEntra(lifetime=timedelta(seconds=10)) as entra:
        scenario = Scenario(cluster, entra, namespace)
        settings = quick_settings(entra, entra.write_ca(folder / "ca.pem"), metrics_address=address)
        operator = OperatorProcess(operator_identity, settings, log=folder / "operator.log")
        operator.start()
        try:
            yield record(scenario, address, operator)
        finally:
            operator.stop()
            cluster.abandon_namespace(namespace)


def record(scenario: Scenario, address: str, operator: OperatorProcess) -> Scrapes:
    operator.wait_for_log("started", timeout=30)
    scrapes = Scrapes(interval=1)
    scenario.put_certificate()
    scenario.create("graph")
    scenario.create("unknown", clientId="00000000-0000-4000-8000-000000000000")

    def scrape_until(renewals: int) -> None:
        while len(scenario.issued_to(scenario.application)) <= renewals:
            assert scrapes.duration < 120, operator.tail()
            scrapes.wait()
            scrapes.take({address: TARGET_LABELS})

    scrape_until(renewals=3)
    with scenario.entra.unreachable():
        for _ in range(4):
            scrapes.wait()
            scrapes.take({address: TARGET_LABELS})
    scrape_until(renewals=6)
    return scrapes


@pytest.fixture(scope="module", name="shown")
def _shown(scrapes: Scrapes) -> dict[str, set[str]]:
    """The metrics that there were, with their labels."""
    shown: defaultdict[str, set[str]] = defaultdict(set)
    for series in scrapes.series:
        metric, _, labels = series.partition("{")
        shown[metric] |= set(re.findall(r'(\w+)="', labels))
    return shown


@pytest.fixture(scope="module", name="answers")
def _answers(scrapes: Scrapes) -> dict[str, list[Sample]]:
    """What each query of the dashboard gives at the end of the run."""
    asked = {query.filled(**VARIABLES) for query in dashboard.queries()}
    end = scrapes.duration
    given = evaluate(asked, scrapes.series, start=scrapes.start, interval=scrapes.interval, times=[end])
    return {query: samples[end] for query, samples in given.items()}


@pytest.mark.parametrize("query", dashboard.queries(), ids=lambda query: f"{query.panel}-{query.legend}")
def test_a_panel_shows_something(query: Query, answers: dict[str, list[Sample]]) -> None:
    """Its query gives values, with the labels that its legend shows."""
    samples = answers[query.filled(**VARIABLES)]

    assert samples, query.expression
    assert all(query.legend_labels <= sample.labels.keys() for sample in samples)


@pytest.mark.parametrize(
    "query",
    [*(query.filled(**VARIABLES) for query in dashboard.queries()), *alert_expressions(), *runbook_queries()],
)
def test_what_is_asked_for_is_shown(query: str, shown: dict[str, set[str]]) -> None:
    """Every metric that is named, with every label that it is selected or grouped by."""
    named = about(query)
    ours = {metric: labels for metric, labels in named.metrics.items() if metric != "up"}  # Prometheus makes that one

    for metric, labels in ours.items():
        assert metric in shown
        assert set(labels) <= shown[metric]
    if ours:
        assert named.labels <= set().union(*(shown[metric] for metric in ours))


def test_the_variables_of_the_dashboard_have_values(shown: dict[str, set[str]]) -> None:
    """Each is filled from a label that there is."""
    lists = [variable for variable in dashboard.load()["templating"]["list"] if variable["type"] == "query"]
    found = [re.fullmatch(r"label_values\((\w+)(?:\{.+\})?, (\w+)\)", each["definition"]) for each in lists]

    assert len(found) == 2
    assert all(match and match[2] in shown[match[1]] for match in found)


def test_every_metric_of_ours_is_on_the_dashboard(shown: dict[str, set[str]]) -> None:
    """What nobody looks at need not be counted."""
    asked = {metric for query in dashboard.queries() for metric in about(query.filled(**VARIABLES)).metrics}
    ours = {re.sub(r"_(bucket|sum|count)$", "", metric) for metric in shown if metric.startswith("tokensync_")}

    assert ours <= {re.sub(r"_bucket$", "", metric) for metric in asked}
