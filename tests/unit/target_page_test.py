"""docs/secret-shapes.md shows what is written, for each value and each format."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.builders import make_token
from tokensync.resource.target import Format, Target, ValueName
from tokensync.target.content import render

PAGE = (Path(__file__).parents[2] / "docs" / "secret-shapes.md").read_text()
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)]
EXAMPLES = list(zip(BLOCKS[::2], BLOCKS[1::2], strict=True))
TOKEN = make_token("eyJhbGciOiJSUzI1NiJ9.e30.c2ln")


@pytest.mark.parametrize(("wanted", "held"), EXAMPLES)
def test_example_is_what_is_written(wanted: dict[str, Any], held: dict[str, str]) -> None:
    """Key by key."""
    assert render(Target.model_validate(wanted["target"]), TOKEN) == held


def test_every_value_and_every_format_has_an_example() -> None:
    """One that is added is not forgotten."""
    targets = [Target.model_validate(wanted["target"]) for wanted, _ in EXAMPLES]
    shown = {name for target in targets for name, shape in (target.format or ()) if shape}
    assert shown == set(Format.model_fields)
    assert {value for target in targets for value in (target.data or {}).values()} == set(ValueName)
