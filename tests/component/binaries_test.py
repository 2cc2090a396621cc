"""Where the programs of the tests come from, tried with a stand-in for Go."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import binaries, go_module
from support.programs import CONTROL_PLANE, KUBERNETES, Source, sources

PACKAGES = [
    "k8s.io/kubernetes/cmd/kube-apiserver",
    "k8s.io/kubernetes/cmd/kube-controller-manager",
    "k8s.io/kubernetes/cmd/kubectl",
    "go.etcd.io/etcd/server/v3",
]
"""What the control plane is built from, in order."""

GO = """\
#!/bin/sh
[ "$1" = env ] && { echo "$GO_VERSION"; exit; }
echo "$@" >> "$GO_CALLS"
[ -n "$GO_FAILS" ] && { echo 'no such module'; exit 1; }
[ "$1" = mod ] && { echo '{"Dir": "/modules/'"$4"'"}'; exit; }
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
    monkeypatch.delenv(KUBERNETES, raising=False)
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
    for name in set(CONTROL_PLANE) - set(without):
        make_program(folder / name)
    return folder


def test_assets_need_no_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Path) -> None:
    """Whoever has all the programs builds nothing."""
    go.unlink()
    assets = make_assets(tmp_path / "assets")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))

    assert binaries.provide() == {name: assets / name for name in CONTROL_PLANE}


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
    assert builds(tmp_path) == PACKAGES
    assert capfd.readouterr() == ("", "")


def test_another_go_builds_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another version of Go has built is left alone."""
    first = binaries.provide()
    monkeypatch.setenv("GO_VERSION", "go1.27.0")

    assert binaries.provide()["etcd"] != first["etcd"]
    assert len(builds(tmp_path)) == 2 * len(CONTROL_PLANE)


def test_build_says_what_it_does_and_how_long(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Before the first minute of silence stands how long it takes, and then how far it is."""
    monkeypatch.setattr(go_module, "REPORT_INTERVAL", 0.01)
    monkeypatch.setenv("GO_TAKES", "0.1")

    binaries.provide()

    said = capfd.readouterr().err.splitlines()
    assert said[0] == (
        "programs of the tests: building kube-apiserver, kube-controller-manager, kubectl, etcd: "
        "up to 10 minutes on 2 cores, once"
    )
    assert any(re.fullmatch(r"programs of the tests: \d+ s, at kubectl, 3 of 4", line) for line in said)
    assert re.match(r"programs of the tests: built in \d+ s, kept in ", said[-1])


@pytest.mark.parametrize(
    ("program", "folder", "module", "variable"),
    [
        ("kubectl", "kubernetes", "k8s.io/kubernetes", "k8s.io/component-base/version.gitVersion"),
        ("helm", "helm", "helm.sh/helm/v3", "helm.sh/helm/v3/internal/version.version"),
    ],
)
def test_binaries_carry_the_pinned_version(
    tmp_path: Path, program: str, folder: str, module: str, variable: str
) -> None:
    """The version in `go.mod` is the one that the programs tell."""
    binaries.provide(program)

    pins = (go_module.FOLDERS / folder / "go.mod").read_text().splitlines()
    (pinned,) = {line.split()[1] for line in pins if line.strip().startswith(f"{module} v")}
    assert re.search(rf"-X {variable}={pinned}( |$)", (tmp_path / "calls").read_text(), re.MULTILINE)


def test_changed_code_of_ours_is_built_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of ours depends on more than on what its module pins."""
    monkeypatch.setattr(go_module, "FOLDERS", shutil.copytree(go_module.FOLDERS, tmp_path / "modules"))
    before = binaries.provide("kstatus")
    with (tmp_path / "modules" / "kstatus" / "main.go").open("a") as code:
        code.write("// changed\n")

    assert binaries.provide("kstatus") != before


def test_failed_build_leaves_nothing_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go's own words are shown, and another run starts over."""
    monkeypatch.setenv("GO_FAILS", "yes")
    with pytest.raises(binaries.BinariesError, match=r"(?s)no such module.*Go module proxy.*KUBEBUILDER_ASSETS"):
        binaries.provide()
    monkeypatch.delenv("GO_FAILS")

    assert binaries.provide().keys() == set(CONTROL_PLANE)
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
    assert len(builds(tmp_path)) == len(CONTROL_PLANE)
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


def test_other_programs_come_from_modules_of_their_own(tmp_path: Path) -> None:
    """Each in a folder of the cache: a new version of one leaves the others alone."""
    found = binaries.provide("helm", "kube-scheduler")

    cache = tmp_path / "cache" / "tokensync"
    assert {name: file.relative_to(cache).parts[0] for name, file in found.items()} == {
        "helm": "helm",
        "kube-scheduler": "kubernetes",
    }
    assert builds(tmp_path) == ["k8s.io/kubernetes/cmd/kube-scheduler", "helm.sh/helm/v3/cmd/helm"]


def test_assets_count_for_every_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Path) -> None:
    """Helm of one's own needs no Go, and nothing else is asked for."""
    go.unlink()
    make_program(tmp_path / "assets" / "helm")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))

    assert binaries.provide("helm") == {"helm": tmp_path / "assets" / "helm"}


def test_unknown_program_is_told_with_those_that_there_are() -> None:
    """A slip in a name does not end in a missing key."""
    with pytest.raises(binaries.BinariesError, match=r"there is no kubctl\. Take of .*kubectl"):
        binaries.provide("kubctl")


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.folder)
def test_every_program_is_pinned_by_its_module(source: Source) -> None:
    """`go.mod` names what is built as a tool, or has it as code of ours."""
    folder = go_module.FOLDERS / source.folder
    pins = (folder / "go.mod").read_text()

    for package in source.packages.values():
        assert f"module {package}\n" in pins or f"{package}\n" in pins.partition("require")[0]


def test_oldest_kubernetes_comes_from_other_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One environment variable chooses, and both are kept side by side."""
    newest = binaries.provide()
    monkeypatch.setenv(KUBERNETES, "oldest")

    oldest = binaries.provide()

    cache = tmp_path / "cache" / "tokensync"
    assert {name: file.relative_to(cache).parts[0] for name, file in oldest.items()} == {
        "kube-apiserver": "oldest",
        "kube-controller-manager": "oldest-clients",
        "kubectl": "oldest-clients",
        "etcd": "kubernetes",
    }
    assert all(file.exists() for file in newest.values())


def test_kubernetes_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in the variable does not run the tests on another version than was meant."""
    monkeypatch.setenv(KUBERNETES, "1.31")

    with pytest.raises(binaries.BinariesError, match=r"TEST_KUBERNETES is 1\.31, which is none of newest, oldest"):
        binaries.provide()


def test_crds_of_the_prometheus_operator_are_in_its_module() -> None:
    """The folder that Go names, and nothing is built."""
    assert binaries.monitoring_crds() == Path(
        "/modules/github.com/prometheus-operator/prometheus-operator/example/prometheus-operator-crd"
    )


def test_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go's own words are shown there, too."""
    monkeypatch.setenv("GO_FAILS", "yes")

    with pytest.raises(binaries.BinariesError, match=r"(?s)no such module.*Go module proxy"):
        binaries.monitoring_crds()
