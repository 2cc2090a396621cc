"""What npm installs for the tests is pinned, and comes from wherever npm is configured to get it."""

import json
from typing import Any

from support.oidc_provider import packages

PROJECT: dict[str, Any] = json.loads((packages.SERVER / "package.json").read_text())
LOCK: dict[str, Any] = json.loads((packages.SERVER / "package-lock.json").read_text())
LOCKED = {path: package for path, package in LOCK["packages"].items() if path}


def test_the_lock_is_of_the_ranges() -> None:
    """Whoever changes one runs npm again."""
    assert LOCK["packages"][""]["dependencies"] == PROJECT["dependencies"]
    assert {f"node_modules/{name}" for name in PROJECT["dependencies"]} <= LOCKED.keys()


def test_every_locked_package_has_its_hash() -> None:
    """Another content is refused."""
    assert [path for path, package in LOCKED.items() if not package["integrity"].startswith("sha512-")] == []


def test_the_lock_names_no_registry() -> None:
    """Each machine has its own."""
    assert [path for path, package in LOCKED.items() if "resolved" in package] == []


def test_nothing_is_run_while_it_is_installed() -> None:
    """No package brings a script for that, and npm is told to run none."""
    assert [path for path, package in LOCKED.items() if package.get("hasInstallScript")] == []
    assert "ignore-scripts=true" in (packages.SERVER / ".npmrc").read_text().splitlines()
