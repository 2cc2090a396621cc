"""Where the control plane's programs come from, tried with a stand-in for Go."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import binaries, go_module

GO_MOD = Path(binaries.__file__).parent / "controlplane" / "go.mod"

GO = """\
#!/bin/sh
[ "$1" = env ] && { echo "$GO_VERSION"; exit; }
echo "$@" >> "$GO_CALLS"
[ -n "$GO_FAILS" ] && { echo 'no such module'; exit 1; }
while [ "$1" != -o ]; do shift; done
/bin/sleep "$GO_TAKES"
echo built > "$2"
/bin/chmod +x "$2"
"""


@pytest.fixture(autouse=True)
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in that builds at once and writes down how it was called; nothing else can be found."""
    folder = tmp_path / "go" / "bin"
    make_program(folder / "go", GO)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("GO_VERSION", "go1.26.3")
    monkeypatch.setenv("GO_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("GO_TAKES", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GO_FAILS", raising=False)
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return folder / "go"


def make_program(file: Path, text: str = "") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def builds(tmp_path: Path) -> list[str]:
    """The packages that were built, in order."""
    calls = tmp_path / "calls"
    return [line.split()[-1] for line in calls.read_text().splitlines()] if calls.exists() else []


def make_assets(folder: Path, *without: str) -> Path:
    for name in binaries.PACKAGES.keys() - without:
        make_program(folder / name)
    return folder


def test_assets_need_no_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Path) -> None:
    """Whoever has all the programs builds nothing."""
    go.unlink()
    assets = make_assets(tmp_path / "assets")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))

    assert binaries.provide() == {name: assets / name for name in binaries.PACKAGES}


def test_only_what_the_assets_lack_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Assets as they are usually downloaded have no controller manager."""
    assets = make_assets(tmp_path / "assets", "kube-controller-manager")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))

    found = binaries.provide()

    assert builds(tmp_path) == ["k8s.io/kubernetes/cmd/kube-controller-manager"]
    assert found["etcd"] == assets / "etcd"
    assert found["kube-controller-manager"].is_relative_to(tmp_path / "cache")


def test_assets_go_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was built earlier does not hide what is asked for."""
    binaries.provide()
    assets = make_assets(tmp_path / "assets", "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))

    found = binaries.provide()

    assert found["kubectl"] == assets / "kubectl"
    assert found["etcd"].is_relative_to(tmp_path / "cache")


def test_second_time_nothing_is_built(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What was built is kept, and found without a word."""
    first = binaries.provide()
    capfd.readouterr()

    assert binaries.provide() == first
    assert builds(tmp_path) == list(binaries.PACKAGES.values())
    assert capfd.readouterr() == ("", "")


def test_another_go_builds_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another version of Go has built is left alone."""
    first = binaries.provide()
    monkeypatch.setenv("GO_VERSION", "go1.27.0")

    assert binaries.provide()["etcd"] != first["etcd"]
    assert len(builds(tmp_path)) == 2 * len(binaries.PACKAGES)


def test_build_says_what_it_does_and_how_long(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Before the first minute of silence stands how long it takes, and then how far it is."""
    monkeypatch.setattr(go_module, "REPORT_INTERVAL", 0.01)
    monkeypatch.setenv("GO_TAKES", "0.1")

    binaries.provide()

    said = capfd.readouterr().err.splitlines()
    assert said[0] == (
        "control plane: building kube-apiserver, kube-controller-manager, kubectl, etcd: "
        "up to 8 minutes on 2 cores, once"
    )
    assert "control plane: 0 s, at kubectl, 3 of 4" in said
    assert said[-1].startswith("control plane: built in 0 s, kept in ")


def test_binaries_carry_the_pinned_version(tmp_path: Path) -> None:
    """The version in `go.mod` is the one that the programs tell."""
    binaries.provide()

    pinned = next(line for line in GO_MOD.read_text().splitlines() if line.strip().startswith("k8s.io/kubernetes v"))
    assert f"version.gitVersion={pinned.split()[1]} " in (tmp_path / "calls").read_text()


def test_failed_build_leaves_nothing_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go's own words are shown, and another run starts over."""
    monkeypatch.setenv("GO_FAILS", "yes")
    with pytest.raises(binaries.BinariesError, match=r"(?s)no such module.*Go module proxy.*KUBEBUILDER_ASSETS"):
        binaries.provide()
    monkeypatch.delenv("GO_FAILS")

    assert binaries.provide().keys() == binaries.PACKAGES.keys()
    assert builds(tmp_path)[:2] == ["k8s.io/kubernetes/cmd/kube-apiserver"] * 2


def test_what_a_killed_build_left_is_no_obstacle(tmp_path: Path) -> None:
    """Half a program from an interrupted run is never taken for a whole one."""
    finished = binaries.provide()["etcd"]
    finished.unlink()
    make_program(finished.parent / "unfinished" / "etcd", "half")

    assert binaries.provide()["etcd"].read_text() == "built\n"
    assert builds(tmp_path)[-1] == "go.etcd.io/etcd/server/v3"


def test_two_runs_at_once_build_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The second one waits for the first, says so, and takes what that one built."""
    monkeypatch.setenv("GO_TAKES", "0.2")
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda _: binaries.provide(), range(2))

    assert first == second
    assert len(builds(tmp_path)) == len(binaries.PACKAGES)
    assert "waiting for another build" in capfd.readouterr().err


def test_missing_go_is_told_with_the_next_step(go: Path) -> None:
    """Without Go and without assets there is a message, not a traceback of a missing file."""
    go.unlink()

    with pytest.raises(binaries.BinariesError, match=r"Go is missing. Install Go 1\.26 or newer.*KUBEBUILDER_ASSETS"):
        binaries.provide()


def test_old_go_is_told_with_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Go that cannot read the module is named, and so is the one that can."""
    monkeypatch.setenv("GO_VERSION", "go1.22.12")

    with pytest.raises(binaries.BinariesError, match=r"Go is too old: go1\.22\.12. Install Go 1\.26 or newer"):
        binaries.provide()
