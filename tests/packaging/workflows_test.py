"""The workflows: they cannot run here, so what can be said of them without running is."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import binaries
from support.image import commands
from support.node import requirements
from support.servers import requirements as servers

ROOT = Path(__file__).parents[2]
WORKFLOWS = {file.stem: file for file in (ROOT / ".github" / "workflows").glob("*.yaml")}
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yaml"))
FILES = [*WORKFLOWS.values(), *ACTIONS]

USES = re.compile(r"\buses: (?P<what>.+)")
PINNED = re.compile(r"(?P<action>[\w-]+(?:/[\w-]+)+)@(?P<digest>[0-9a-f]{40}) # v\d+\.\d+\.\d+")
MAKE = re.compile(r"\bmake (?P<target>[a-z-]+)")


def load(file: Path) -> dict[str, Any]:
    """Read a workflow, or an action. YAML takes its `on` for a truth value."""
    loaded: dict[str, Any] = yaml.safe_load(file.read_text())
    return loaded


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, file in WORKFLOWS.items():
        for job, body in load(file)["jobs"].items():
            yield f"{name}/{job}", body


def go_version(file: Path) -> tuple[int, ...]:
    """What a `go.mod` needs."""
    (version,) = re.findall(r"^go ([\d.]+)$", file.read_text(), re.MULTILINE)
    return tuple(map(int, version.split(".")))


def scopes(permissions: dict[str, str], access: str) -> set[str]:
    return {scope for scope, granted in permissions.items() if granted == access}


@pytest.fixture
def actionlint() -> Path:
    """The program that knows the grammar of workflows."""
    return binaries.provide("actionlint")["actionlint"]


def test_actionlint_has_no_complaint(actionlint: Path) -> None:
    """About keys, expressions, runners, permissions. The programs that it would run on scripts need not be here."""
    command: list[str | Path] = [actionlint, "-no-color", "-shellcheck=", "-pyflakes=", *WORKFLOWS.values()]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own files

    assert run.stdout + run.stderr == ""
    assert run.returncode == 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_action_is_pinned_by_its_digest(file: Path) -> None:
    """A tag can be moved to other code; which one the digest had stands beside it."""
    used = [match["what"] for match in USES.finditer(file.read_text())]

    assert used
    assert [what for what in used if not what.startswith("./") and not PINNED.fullmatch(what)] == []


def test_an_action_has_one_digest() -> None:
    """Whoever moves to another version does so everywhere."""
    found = {(pin["action"], pin["digest"]) for file in FILES for pin in PINNED.finditer(file.read_text())}

    assert len(found) == len({action for action, _ in found})


def test_the_workflows_make_what_there_is_to_make() -> None:
    """All that has to pass before a merge is in the tests, and every target that is named exists."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = {name: set(MAKE.findall(file.read_text())) for name, file in WORKFLOWS.items()}

    assert made["tests"] | made["release"] <= targets
    assert made["tests"] >= set(MAKE.findall((ROOT / ".ci" / "run").read_text()))


def test_go_is_new_enough_for_every_module() -> None:
    """It is the version of one of them, and a runner's Go fetches no newer one by itself."""
    (setup,) = (file for file in ACTIONS if file.parent.name == "set-up")
    (chosen,) = re.findall(r"go-version-file: (\S+)", setup.read_text())
    needed = {file: go_version(file) for file in (ROOT / "tests" / "support" / "gomodules").glob("*/go.mod")}

    assert needed[ROOT / chosen] == max(needed.values())


def test_only_publishing_may_write() -> None:
    """A workflow begins with the right to read, or none; the job that publishes has exactly what it needs."""
    assert {name: load(file)["permissions"] for name, file in WORKFLOWS.items()} == {
        "tests": {"contents": "read"},
        "release": {},
    }
    writing = {job: scopes(body.get("permissions", {}), "write") for job, body in jobs()}
    assert {job: granted for job, granted in writing.items() if granted} == {
        "release/publish": {"packages", "id-token", "attestations"}
    }


def test_nothing_is_published_that_was_not_tested() -> None:
    """The release runs the tests' own workflow first."""
    release = dict(jobs())

    assert release["release/tests"]["uses"] == "./.github/workflows/tests.yaml"
    assert release["release/publish"]["needs"] == "tests"


def test_no_token_stays_in_a_checkout() -> None:
    """Where any later step could read it."""
    steps = [step for _, body in jobs() for step in body.get("steps", ())]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]

    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize(
    ("what", "needed"),
    [
        ("NODE", {*requirements.PACKAGES.values(), *commands.PACKAGES.values()}),
        ("SERVER", {*servers.PACKAGES.values()}),
    ],
)
def test_the_run_before_a_merge_installs_what_tests_need(what: str, needed: set[str]) -> None:
    """Every package that the harness asks for, but for the one that each Debian has."""
    (installed,) = re.findall(rf"^{what}_PACKAGES=\(([^)]+)\)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)

    assert needed - {"util-linux"} == set(installed.split())
