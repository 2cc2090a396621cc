"""What building an image takes from this machine, and what it says where it cannot."""

import os
from pathlib import Path

import pytest

from support.image import ImageError, commands, pip_settings


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests counts as root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def lent(folder: Path) -> tuple[list[str], list[str]]:
    """The lines of pip's configuration, and what is mounted where."""
    volumes = [option.removeprefix("--volume=") for option in pip_settings.volumes(folder)]
    return (folder / "pip.conf").read_text().splitlines(), volumes


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried before."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ImageError, match=r"needs root: run this as root$"):
        commands.require()


@pytest.mark.usefixtures("root")
def test_programs_that_are_missing_are_told_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """One command installs them all."""
    monkeypatch.setattr(commands, "PATH", "/nonexistent")
    with pytest.raises(ImageError, match=r"apt-get install buildah debootstrap util-linux$"):
        commands.require()


def test_the_build_gets_the_index_and_the_certificates_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mounted over files that the base has, so that they leave no trace."""
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    monkeypatch.setenv("PIP_CERT", str(bundle))
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("PIP_NO_INPUT", "1")

    configuration, volumes = lent(tmp_path)

    assert configuration[:2] == ["[global]", "cert = /etc/ssl/certs/ca-certificates.crt"]
    assert "index-url = https://index.example/simple" in configuration
    assert not [line for line in configuration if "input" in line]
    assert volumes == [
        f"{tmp_path}/pip.conf:/etc/pip.conf:ro",
        f"{bundle}:/etc/ssl/certs/ca-certificates.crt:ro",
    ]


def test_the_environment_outranks_pips_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for pip itself."""
    (tmp_path / "own.conf").write_text(
        "[global]\nindex-url = https://file.example/simple\ntrusted-host = file.example\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "own.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://environment.example/simple")

    configuration, _ = lent(tmp_path)

    assert [line for line in configuration if "index-url" in line] == ["index-url = https://environment.example/simple"]
    assert "trusted-host = file.example" in configuration
