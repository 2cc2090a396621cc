"""The README of the Helm chart: its tables of values are made from the comments in values.yaml.

`python -m support.chart_readme`, in `tests/`, writes them.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from support.chart import CHART

README = CHART / "README.md"
VALUES = CHART / "values.yaml"

_BEGIN, _END = "<!-- values.yaml begins -->", "<!-- values.yaml ends -->"
_SECTION = re.compile(r"^# @section (?P<title>.+)$", re.MULTILINE)
_DESCRIPTION = re.compile(r"^ *# -- (?P<text>.+(?:\n *# .+)*)\n *\Z", re.MULTILINE)


class UndocumentedValueError(ValueError):
    """A value has no comment that describes it."""


@dataclass(frozen=True)
class Value:
    """A value of the chart: its path, as in `image.tag`, its default, and what its comment says."""

    path: str
    default: object
    description: str


def sections() -> dict[str, list[Value]]:
    """All values, by the title of their section, in the order of the file.

    Raises:
        UndocumentedValueError: if one has no description, and is no group of values that have.
    """
    text = VALUES.read_text()
    titles = list(_SECTION.finditer(text))
    found: dict[str, list[Value]] = {title["title"]: [] for title in titles}
    for position, value in _values(text, _parsed(text), yaml.safe_load(text), ""):
        title = [title["title"] for title in titles if title.start() < position][-1]
        found[title].append(value)
    return found


def written() -> str:
    """The README as it should be: its own text around the tables."""
    before, _, rest = README.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    return f"{before}{_BEGIN}\n\n{_tables()}\n{_END}{after}"


def _parsed(text: str) -> yaml.Node:
    root = yaml.compose(text)
    assert root
    return root


def _values(text: str, node: yaml.Node, defaults: dict[str, Any], prefix: str) -> Iterator[tuple[int, Value]]:
    """Values with their positions in the text. A mapping without a description is a group."""
    for key, child in node.value:
        path = f"{prefix}{key.value}"
        described = _DESCRIPTION.search(text[: key.start_mark.index])
        if described:
            description = re.sub(r"\s*\n *# *", " ", described["text"])
            yield key.start_mark.index, Value(path, defaults[key.value], description)
        elif isinstance(child, yaml.MappingNode) and not child.flow_style:
            yield from _values(text, child, defaults[key.value], f"{path}.")
        else:
            raise UndocumentedValueError(f"{path} has no description: write a comment above it that begins with --")


def _tables() -> str:
    return "\n".join(f"### {title}\n\n{_table(values)}" for title, values in sections().items())


def _table(values: list[Value]) -> str:
    rows = "".join(f"| `{value.path}` | `{json.dumps(value.default)}` | {value.description} |\n" for value in values)
    return f"| value | default | meaning |\n|---|---|---|\n{rows}"


if __name__ == "__main__":
    README.write_text(written())
