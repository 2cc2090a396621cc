"""The provider that is not ours: it comes where it never was, says why if it cannot, and leaves nothing behind."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.oidc_provider import OidcProvider, packages
from support.ports import free_port
from support.processes import ProgramEndedError


@pytest.fixture
def nowhere_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing was ever installed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_the_packages_are_installed_once(nowhere_yet: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By one of two runs at the same time, and over what one that was killed left."""
    with ThreadPoolExecutor(2) as runs:
        first, second = runs.map(lambda _: packages.provide(), range(2))
    assert first == second == packages.provide()
    assert first.is_relative_to(nowhere_yet)
    assert (first / "oidc-provider" / "package.json").is_file()
    assert capfd.readouterr().err.count("npm installs") == 1


def test_a_registry_that_is_away_is_named(nowhere_yet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what npm said, and how to see which one it is; nothing half is kept."""
    registry = f"http://127.0.0.1:{free_port()}"
    npm = {"registry": registry, "cache": str(nowhere_yet / "npm"), "fetch_retries": "0"}
    for name, value in npm.items():
        monkeypatch.setenv(f"npm_config_{name}", value)
    with pytest.raises(packages.PackagesError, match="npm config get registry") as caught:
        packages.provide()
    assert "ECONNREFUSED" in str(caught.value)
    monkeypatch.undo()
    assert list(nowhere_yet.glob("tokensync/*/*/node_modules")) == []


def test_it_ends_with_its_block(tmp_path: Path) -> None:
    """Nothing listens on its port any more."""
    with OidcProvider(tmp_path) as provider:
        assert provider.metadata()["issuer"] == provider.issuer
    with socket.socket() as client:
        assert client.connect_ex(_address(provider)) != 0


def test_why_it_does_not_start_is_said(tmp_path: Path) -> None:
    """In its own words."""
    provider = OidcProvider(tmp_path)
    with socket.socket() as somebody:
        somebody.bind(_address(provider))
        with pytest.raises(ProgramEndedError, match="EADDRINUSE"), provider:
            pass


def _address(provider: OidcProvider) -> tuple[str, int]:
    return "127.0.0.1", int(provider.host.rpartition(":")[2])
