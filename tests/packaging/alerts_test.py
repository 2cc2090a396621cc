"""The alerts of the chart fire when they should, by Prometheus's own tool, and each has its page."""

import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import binaries
from support.chart import NAMESPACE, ChartError, Object, objects

ROOT = Path(__file__).parents[2]
SOURCE: dict[str, Any] = yaml.safe_load((ROOT / "charts" / "tokensync" / "alerts" / "tokensync.yaml").read_text())
RUNBOOKS = {page.stem: page for page in (ROOT / "docs" / "runbooks").glob("*.md")}
CASES = {file.stem: file for file in (Path(__file__).parent / "alerts").glob("*.yaml")}
ALERTS = list(dict.fromkeys(rule["alert"] for group in SOURCE["groups"] for rule in group["rules"]))

KUBECTL = re.compile(r"^ *kubectl (?P<command>.+)$", re.MULTILINE)
KINDS: dict[str, Callable[[list[Object]], set[str]]] = {
    "cct": lambda _: set(),
    "events": lambda _: set(),
    "pods": lambda _: set(),
    "deployment": lambda given: names(given, "Deployment"),
    "lease": lambda given: {
        name
        for each in given
        for rule in each.get("rules", [])
        if rule["resources"] == ["leases"]
        for name in rule.get("resourceNames", [])
    },
}
"""The kinds that the pages name, and what gives the names of those that are there."""


def rendered(namespace: str = NAMESPACE, values: Mapping[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """What the PrometheusRule holds.

    Args:
        namespace: where the chart is installed.
        values: of the chart.
        settings: values of its `prometheusRule`.
    """
    chosen = {**(values or {}), "prometheusRule": {"enabled": True, **settings}}
    (rule,) = (each for each in objects(chosen, namespace=namespace) if each["kind"] == "PrometheusRule")
    spec: dict[str, Any] = rule["spec"]
    return spec


def names(given: list[Object], kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in given if each["kind"] == kind}


def alerts(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in spec["groups"] for rule in group["rules"]]


@pytest.fixture
def promtool() -> Path:
    """Prometheus's own tool."""
    return binaries.provide("promtool")["promtool"]


def run(program: Path, *args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *args], capture_output=True, text=True, check=False)  # noqa: S603 - the tests' own commands


@pytest.fixture(name="rules")
def _rules(tmp_path: Path) -> Path:
    """The rules as the chart renders them, in a file."""
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rendered()))
    return file


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_it_should(alert: str, rules: Path, promtool: Path) -> None:
    """And not before, nor when something else is the matter; labels and texts are as its file says."""
    cases = rules.parent / "cases.yaml"
    cases.write_text(CASES[alert].read_text())

    done = run(promtool, "test", "rules", cases)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_both_sides_of_an_alert_are_tested(alert: str) -> None:
    """A case in which it fires, and one in which it does not."""
    tests = [test for group in yaml.safe_load(CASES[alert].read_text())["tests"] for test in group["alert_rule_test"]]
    fires = {bool(test["exp_alerts"]) for test in tests if test["alertname"] == alert}

    assert fires == {True, False}


@pytest.mark.parametrize(
    ("alert", "threshold", "other"),
    [
        ("TokenSyncTokenAboutToExpire", "> 0.5", "> 0.7"),
        ("TokenSyncTokenNotReady", "<= time()", "<= 0 * time() - 1"),
        ("TokenSyncCredentialExpiresSoon", "<= 14 * 86400", "<= 13 * 86400"),
        ("TokenSyncCredentialExpiresSoon", "> 7 * 86400", "> 6 * 86400"),
        ("TokenSyncTokenGap", "[10m]", "[20m]"),
        ("TokenSyncProviderFailing", "Provider.*", ".*"),
        ("TokenSyncOverloaded", "== 1", "== 0"),
        ("TokenSyncClockSkewed", "> 30", "> 29"),
        ("TokenSyncNoLeader", "== 0", "<= 1"),
        ("TokenSyncWatchStalled", "> 300", "> 400"),
        ("TokenSyncDown", "tokensync-system", "team"),
    ],
)
def test_a_change_of_an_alert_is_noticed(alert: str, threshold: str, other: str, rules: Path, promtool: Path) -> None:
    """The cases stand close to its threshold, on both sides."""
    spec = yaml.safe_load(rules.read_text())
    for rule in alerts(spec):
        if rule["alert"] == alert:
            rule["expr"] = rule["expr"].replace(threshold, other)
    assert spec != yaml.safe_load(rules.read_text())

    rules.write_text(yaml.safe_dump(spec))
    cases = rules.parent / "cases.yaml"
    cases.write_text(CASES[alert].read_text())
    assert run(promtool, "test", "rules", cases).returncode == 1


def test_prometheus_takes_the_rules(rules: Path, promtool: Path) -> None:
    """As the chart renders them, and as they lie in the repository."""
    for file in (rules, ROOT / "charts" / "tokensync" / "alerts" / "tokensync.yaml"):
        done = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", file)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_what_is_the_matter_and_how_bad_that_is() -> None:
    """A severity that routes know, a summary in one sentence, a description."""
    for rule in alerts(rendered()):
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith(".")


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    """At the address that it carries, in this repository."""
    base = "https://github.com/tokensync/tokensync/blob/main/"
    addresses = {rule["alert"]: rule["annotations"]["runbook_url"] for rule in alerts(rendered())}

    assert addresses == {name: f"{base}{page.relative_to(ROOT)}" for name, page in RUNBOOKS.items()}


@pytest.mark.parametrize("alert", ALERTS)
def test_a_page_answers_what_one_asks_at_night(alert: str) -> None:
    """Its title is the alert; the same headings everywhere; commands to paste."""
    text = RUNBOOKS[alert].read_text()

    assert text.startswith(f"# {alert}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["What users see", "Look", "Do", "When it goes away"]
    assert "```sh\n" in text.partition("## Look")[2].partition("## Do")[0]
    assert len(text.splitlines()) < 60


@pytest.mark.parametrize("alert", ALERTS)
def test_a_pages_commands_are_about_what_exists(alert: str) -> None:
    """Kinds that there are; names, labels and accounts that the chart gives."""
    given = objects()
    (pod,) = (each["spec"]["template"]["metadata"] for each in given if each["kind"] == "Deployment")
    accounts = {f"system:serviceaccount:{NAMESPACE}:{name}" for name in names(given, "ServiceAccount")}
    commands = [shlex.split(found["command"], comments=True) for found in KUBECTL.finditer(RUNBOOKS[alert].read_text())]

    assert commands
    for command in commands:
        if command[0] in {"get", "describe", "delete"}:
            kind, _, name = command[1].partition("/")
            assert name.startswith("$") or name in {"", *KINDS[kind](given)}, command
        options = dict(pairwise(command))
        assert options.get("--namespace", NAMESPACE) in {NAMESPACE, "$NAMESPACE"}
        assert options.get("--as") in {None, *accounts}
        if "--selector" in options:
            label, _, value = options["--selector"].partition("=")
            assert pod["labels"][label] == value


def test_an_alert_can_be_left_out() -> None:
    """All stages of it; the others stay."""
    left = {rule["alert"] for rule in alerts(rendered(disabledAlerts=["TokenSyncCredentialExpiresSoon"]))}

    assert left == set(ALERTS) - {"TokenSyncCredentialExpiresSoon"}


def test_an_unknown_alert_cannot_be_left_out() -> None:
    """A slip of the pen would leave it on; the message has the names that there are."""
    with pytest.raises(ChartError, match=r"there is no alert TokenSyncGap. Take of .*TokenSyncTokenGap"):
        rendered(disabledAlerts=["TokenSyncGap"])


def test_labels_and_the_address_of_the_pages_can_be_chosen() -> None:
    """What an alert says of itself is not overruled."""
    labels = {"team": "identity", "severity": "none"}

    for rule in alerts(rendered(additionalLabels=labels, runbookUrl="https://wiki.example/")):
        assert rule["labels"]["team"] == "identity"
        assert rule["labels"]["severity"] != "none"
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example/{rule['alert']}.md"


def test_without_metrics_for_each_token_there_are_no_alerts_on_them() -> None:
    """They could never fire, and would look as if they watched."""
    kept = alerts(rendered(values={"metricsPerObject": False}))

    assert {rule["alert"] for rule in kept} == {rule["alert"] for rule in SOURCE["groups"][1]["rules"]}
    assert [rule["alert"] for rule in kept if re.search(r"by \([^)]*\bname\b", rule["expr"])] == []


def test_the_absence_of_another_installation_is_not_ours() -> None:
    """The one alert that names a namespace names the release's."""
    (down,) = (rule for rule in alerts(rendered("team-a")) if rule["alert"] == "TokenSyncDown")

    assert down["expr"] == 'absent(tokensync_build_info{namespace="team-a"})'


def test_the_page_on_monitoring_lists_every_alert() -> None:
    """With a link to its page, and the severities that it can have."""
    page = (ROOT / "docs" / "monitoring.md").read_text()
    rows = re.findall(r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| ([a-z, ]+) \|", page, re.MULTILINE)
    given = alerts(rendered())
    severities = {
        name: list(dict.fromkeys(stage["labels"]["severity"] for stage in given if stage["alert"] == name))
        for name in ALERTS
    }

    assert {name: listed.split(", ") for name, _, listed in rows} == severities
    assert all(name == linked for name, linked, _ in rows)
