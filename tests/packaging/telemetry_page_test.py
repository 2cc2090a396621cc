"""docs/telemetry.md tells of every metric and every log line what the code has, and of no other."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import Counter, Info
from prometheus_client.metrics import MetricWrapperBase

from tokensync.telemetry.collector import TokenCollector
from tokensync.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "telemetry.md").read_text()
PACKAGE = ROOT / "operator" / "tokensync"
LOGGERS = {"log", "logger"}
LEVELS = {"debug", "info", "warning", "error", "exception"}
HEAD = {"time", "level", "msg", "logger", "exception"}
"""What `telemetry/logs.py` gives every record."""


@dataclass
class Line:
    """A message: the levels that it is logged at, and its keys."""

    levels: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def table(header: str) -> list[list[str]]:
    """The cells of the rows below a table's header."""
    rows = PAGE.partition(f"| {header} |\n")[2].partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def names(cell: str) -> set[str]:
    """The names that a cell has, between backticks."""
    return set(re.findall(r"`([^`]+)`", cell))


def metrics() -> Iterator[tuple[str, str, set[str], str]]:
    """Name, type, labels and help of every metric in the code."""
    for metric in Metrics("1.2.3").registry._collector_to_names:
        if isinstance(metric, Info):
            yield f"{metric._name}_info", "gauge", set(metric._value), metric._documentation
        elif isinstance(metric, MetricWrapperBase):
            suffix = "_total" if isinstance(metric, Counter) else ""
            yield metric._name + suffix, str(metric._type), set(metric._labelnames), metric._documentation
    for family in TokenCollector(list).collect():
        yield family.name, family.type, set(family._labelnames), family.documentation


def logged() -> dict[str, Line]:
    """The messages in the code."""
    trees = [ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")]
    functions = {each.name: each for tree in trees for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
    lines: defaultdict[str, Line] = defaultdict(Line)
    for call in (each for tree in trees for each in ast.walk(tree) if is_record(each)):
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Attribute)
        line = lines[ast.literal_eval(call.args[0])]  # the same words each time
        line.levels.add(call.func.attr.replace("exception", "error"))
        for keyword in call.keywords:
            line.keys |= {keyword.arg} if keyword.arg else keys_of(keyword.value, functions)
    return lines


def is_record(node: ast.AST) -> bool:
    """Whether a call logs something."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in LOGGERS
        and node.func.attr in LEVELS
    )


def keys_of(spread: ast.expr, functions: dict[str, ast.FunctionDef]) -> set[str]:
    """The keys of `**function(…)`, which returns a literal."""
    if isinstance(spread, ast.Call):
        assert isinstance(spread.func, ast.Name)
        (returned,) = [each for each in functions[spread.func.id].body if isinstance(each, ast.Return)]
        assert isinstance(returned.value, ast.Dict)
        spread = returned.value
    assert isinstance(spread, ast.Dict)
    found = set[str]()
    for key, value in zip(spread.keys, spread.values, strict=True):
        found |= {ast.literal_eval(key)} if key else keys_of(value, functions)
    return found


def test_the_page_has_every_metric_and_no_other() -> None:
    """With its type, its labels and its help."""
    told = [
        (*names(name), kind, names(labels), meaning)
        for name, kind, labels, meaning in table("metric | type | labels | meaning")
    ]

    assert sorted(told) == sorted(metrics())


def test_the_page_has_every_message_and_no_other() -> None:
    """In the order of the alphabet, with its levels and keys."""
    rows = table("message | level | keys | meaning")

    assert [row[0] for row in rows] == sorted(logged())
    for message, levels, keys, meaning in rows:
        assert set(levels.split(", ")) == logged()[message].levels, message
        assert names(keys) == logged()[message].keys, message
        assert meaning, message


def test_the_page_explains_every_key_and_no_other() -> None:
    """Those of the head, and those of single messages."""
    told = {name for row in table("key | holds") for name in names(row[0])}

    assert told == HEAD.union(*(line.keys for line in logged().values()))


def test_there_are_messages_and_metrics_to_be_told_of() -> None:
    """A search that finds nothing would hold whatever the page says."""
    assert len(list(metrics())) > 12
    assert len(logged()) > 15
    assert logged()["token renewed"].keys == {"namespace", "name", "secret", "because", "expires_at"}
