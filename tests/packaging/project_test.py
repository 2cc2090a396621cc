"""The repository itself: what is built, what is locked, what a release says."""

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tokensync

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN, BUILD, DEVELOP = (ROOT / "requirements" / name for name in ("run.txt", "build.txt", "dev.txt"))
PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[\w.+!]+)(?P<rest>(?:.*\\\n)*.*)$", re.MULTILINE)

DIRECT = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
DEVELOPMENT = [Requirement(text) for text in PROJECT["dependency-groups"]["dev"]]


def locked(file: Path) -> dict[str, re.Match[str]]:
    return {canonicalize_name(pin["name"]): pin for pin in PINNED.finditer(file.read_text())}


@pytest.mark.parametrize(
    ("file", "requirement"),
    [(RUN, each) for each in DIRECT] + [(DEVELOP, each) for each in DIRECT + DEVELOPMENT],
    ids=lambda value: value.stem if isinstance(value, Path) else value.name,
)
def test_the_lock_fits_the_ranges(file: Path, requirement: Requirement) -> None:
    """Whoever changes a range locks anew: `make lock`."""
    pin = locked(file).get(canonicalize_name(requirement.name))

    assert pin, f"{requirement.name} is not locked: run make lock"
    assert requirement.specifier.contains(pin["version"]), f"{requirement} is locked to {pin['version']}: run make lock"


def versions(file: Path) -> dict[str, str]:
    return {name: pin["version"] for name, pin in locked(file).items()}


def test_what_is_tested_is_what_is_shipped() -> None:
    """Every version of the image's lock is the checkout's too."""
    assert versions(RUN).items() <= versions(DEVELOP).items()
    assert len(versions(RUN)) > len(DIRECT)


def test_what_builds_here_builds_the_image() -> None:
    """The build backend and all that it needs, in the versions of the checkout."""
    (backend,) = map(Requirement, PROJECT["build-system"]["requires"])

    assert backend.name in versions(BUILD)
    assert versions(BUILD).items() <= versions(DEVELOP).items()


@pytest.mark.parametrize("file", [RUN, BUILD, DEVELOP], ids=lambda file: file.stem)
def test_every_locked_version_has_its_hashes(file: Path) -> None:
    """What is downloaded is checked, and a lock in which one is missing is refused."""
    assert [name for name, pin in locked(file).items() if "--hash=sha256:" not in pin["rest"]] == []


def test_this_environment_has_the_locked_versions() -> None:
    """Otherwise the tests say nothing of what is shipped: `make venv`."""
    for requirement in DIRECT:
        pin = locked(RUN)[canonicalize_name(requirement.name)]
        assert importlib.metadata.version(requirement.name) == pin["version"], f"{requirement.name}: run make venv"


def test_the_version_is_that_of_the_package() -> None:
    """It stands in one place."""
    assert "version" in PROJECT["project"]["dynamic"]
    assert importlib.metadata.version("tokensync") == tokensync.__version__


@pytest.mark.parametrize("name", ["tokensync", "kubectl-tokensync"])
def test_the_command_is_installed_under_both_names(name: str) -> None:
    """`kubectl tokensync` works as soon as the second one is on the path."""
    (script,) = importlib.metadata.entry_points(group="console_scripts", name=name)

    assert script.value == "tokensync.cli:main"
    assert callable(script.load())


def test_the_import_root_does_not_hide_the_standard_library() -> None:
    """An `operator/__init__.py` would end every `python -m` from the repository's root while Python starts."""
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_the_licence_is_complete() -> None:
    """The text that `pyproject.toml` names, from its first heading to the end of its terms."""
    text = (ROOT / "LICENSE").read_text()

    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in text


def test_every_fragment_of_the_changelog_can_be_told() -> None:
    """Its type is one that the changelog has, and it says something."""
    types = {each["directory"] for each in PROJECT["tool"]["towncrier"]["type"]}
    for fragment in (ROOT / "changelog.d").iterdir():
        assert re.fullmatch(rf"\+[a-z0-9-]+\.({'|'.join(types)})\.md", fragment.name)
        assert fragment.read_text().strip()


def makefile_targets() -> list[str]:
    return re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_make_lists_every_target() -> None:
    """In 80 columns; whoever does not know the project starts there."""
    command = ["make", "--silent", "--no-print-directory", "help"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own Makefile

    assert [line.split()[0] for line in run.stdout.splitlines()] == makefile_targets()
    assert max(map(len, run.stdout.splitlines())) <= 80


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_the_targets_that_are_named_exist(document: str) -> None:
    """What a document says to type works."""
    named = set(re.findall(r"\bmake ([a-z-]+)(?=[`\s])", (ROOT / document).read_text()))

    assert named
    assert named <= set(makefile_targets())
