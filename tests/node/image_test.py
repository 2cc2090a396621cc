"""The operator's image: what is in it, what it says of itself, and that it runs where little is allowed."""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tokensync
from support.image import Image, provide, provide_base
from support.image.container import ANY_USER, Container
from support.image.provision import build, temporary_store

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(900)  # the first test builds

UNWANTED_PROGRAMS = {"pip", "pip3", "uv", "gcc", "cc", "c++", "g++", "clang", "ld", "as", "make", "rustc", "go", "git"}
UNWANTED_MODULES = {"pip", "setuptools", "wheel", "ensurepip", "hatchling", "pytest"}

REPORT = """
import importlib.metadata, json, os, platform
print(json.dumps({
    "packages": {each.name: each.version for each in importlib.metadata.distributions()},
    "python_full_version": platform.python_version(),
    "user": os.getuid(),
    "capabilities": next(line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")),
    "root": os.statvfs("/").f_flag & os.ST_RDONLY,
}))
"""


@pytest.fixture(scope="module")
def image() -> Image:
    return provide()


@pytest.fixture(scope="module")
def base() -> Image:
    return provide_base()


@pytest.fixture(scope="module")
def container(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Container:
    return Container(image, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def paths(container: Container) -> set[str]:
    return container.files()


def programs(paths: set[str]) -> Iterator[str]:
    """Names of what stands in a folder for programs, with versions like those of `gcc-14` cut off."""
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder.rpartition("/")[2] in {"bin", "sbin"}:
            yield re.sub(r"-?[\d.]+$", "", name).rpartition("-linux-gnu-")[2]


def locked(python: str) -> dict[str, str]:
    """Names and versions of what requirements/run.txt has for a version of Python."""
    lines = re.findall(r"^([a-z0-9].*?)\s*\\$", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE)
    environment = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
    wanted = [each for each in map(Requirement, lines) if not each.marker or each.marker.evaluate(environment)]
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in wanted}


def layers(image: Image) -> dict[str, str]:
    """The digest of each file of an image's last layer, by its path."""
    with tarfile.open(image.archive) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        with tarfile.open(fileobj=archive.extractfile(json.load(manifest)[0]["Layers"][-1])) as layer:
            return {member.name: _description(layer, member) for member in layer}


def _description(layer: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    content = layer.extractfile(member) if member.isfile() else None
    return f"{member.get_info()} {hash(content.read()) if content else ''}"


def test_it_adds_less_than_its_base_has(image: Image, base: Image, capsys: pytest.CaptureFixture[str]) -> None:
    """The sizes are of what is unpacked; on the way to a cluster it is compressed."""
    with capsys.disabled():
        print(f"\nimage {image.size / 1e6:.0f} MB, its base {base.size / 1e6:.0f} MB")
    assert image.size - base.size < base.size


def test_no_tool_for_building_is_in_it(paths: set[str]) -> None:
    """Whoever gets in finds neither a compiler nor a way to install something."""
    modules = {path.rpartition("/")[2] for path in paths if re.search(r"python3[^/]*(/[^/]+-packages)?/[^/]+$", path)}

    assert "python" in set(programs(paths))
    assert not UNWANTED_PROGRAMS & set(programs(paths))
    assert {"asyncio", "tokensync", "kopf"} <= modules
    assert not UNWANTED_MODULES & modules


def test_nothing_of_the_checkout_is_in_it_but_the_package(paths: set[str]) -> None:
    """No history, no tests, no lock files, no settings of the machine that built it."""
    names = {path.rpartition("/")[2] for path in paths}

    assert not {".git", "tests", "benchmarks", "charts", "run.txt", "Dockerfile"} & {
        path for path in paths if "/" not in path
    }
    assert not {".git", ".dockerignore", "conftest.py", "dev.txt"} & names
    assert not [path for path in paths if path.startswith(("build", "root/.c", "tmp/"))]


def test_the_build_leaves_no_setting_of_its_machine(container: Container) -> None:
    """Where packages came from is no business of whoever runs the image."""
    assert (container.root / "etc" / "pip.conf").read_text() == ""


def test_everything_that_starts_is_compiled(container: Container) -> None:
    """In the standard library and in the packages; what is compiled is not held against its source's time."""
    packages = next((container.root / "opt" / "tokensync").glob("lib/python3.*/site-packages"))
    for source in (packages / "tokensync" / "startup.py", packages / "kopf" / "__init__.py"):
        (compiled,) = (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc")
        assert compiled.read_bytes()[4:8] == (1).to_bytes(4, "little")  # PEP 552: by hash, unchecked


def test_it_runs_as_a_number_that_is_not_root(container: Container) -> None:
    """`runAsNonRoot` cannot tell who a name is, and refuses it."""
    user, _, group = container.settings["User"].partition(":")

    assert int(user) > 0
    assert int(group) > 0


def test_it_says_what_it_is(container: Container) -> None:
    """By the annotations that the OCI image specification defines."""
    prefix = "org.opencontainers.image."
    labels = {key.removeprefix(prefix): value for key, value in container.settings["Labels"].items() if prefix in key}

    assert labels["title"] == "tokensync"
    assert labels["version"] == tokensync.__version__
    assert labels["licenses"] == "Apache-2.0"
    assert labels["source"] == "https://github.com/tokensync/tokensync"
    assert labels.keys() == {
        *("title", "version", "licenses", "source", "description", "revision", "created", "base.name"),
    }
    assert all(labels.values())


def test_it_leaves_probes_to_kubernetes(container: Container) -> None:
    """Kubernetes ignores a health check of the image, and others would restart a standby."""
    assert "Healthcheck" not in container.settings


def test_it_has_exactly_the_locked_packages(container: Container) -> None:
    """Nothing else is installed, and nothing in another version than the tests ran with."""
    report = json.loads(container.run("-c", REPORT, entrypoint=["python"]).stdout)
    packages = {canonicalize_name(name): version for name, version in report["packages"].items()}

    assert packages == locked(report["python_full_version"]) | {"tokensync": tokensync.__version__}


def test_the_container_of_these_tests_allows_little(container: Container) -> None:
    """Otherwise the tests below would say nothing."""
    report = json.loads(container.run("-c", REPORT, entrypoint=["python"]).stdout)

    assert report["user"] == ANY_USER
    assert int(report["capabilities"], 16) == 0
    assert report["root"] == 1


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["--version"]], ids=" ".join)
def test_it_explains_itself(container: Container, command: list[str]) -> None:
    """On a read-only file system, as any user, without a capability."""
    done = container.run(*command)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("usage: tokensync", f"tokensync {tokensync.__version__}"))
    assert not done.stderr


def test_a_setting_that_cannot_be_used_ends_it(container: Container) -> None:
    """With what is wrong, and nothing else: no traceback, no complaint about the file system."""
    done = container.run("run", "--workers=none")

    assert done.returncode == 2
    assert done.stderr.startswith("tokensync run: error: --workers (TOKENSYNC_WORKERS): 'none' ")
    assert len(done.stderr.splitlines()) == 1


def test_without_arguments_it_is_the_operator(container: Container) -> None:
    """Which finds no cluster here, and says so."""
    done = container.run()

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert json.loads(done.stderr.splitlines()[-1])["level"] == "error"


def test_two_builds_of_one_checkout_are_one_image(image: Image, base: Image, tmp_path: Path) -> None:
    """Byte by byte: whoever builds a release again can compare."""
    again = Image(image.name, tmp_path / "again.tar")
    with temporary_store() as store:
        build(store, base, image.name, image.name.rpartition(":")[2])
        store.save(again.name, again.archive)

    first, second = layers(image), layers(again)
    assert first.keys() == second.keys()
    assert [path for path in first if first[path] != second[path]] == []
    assert image.archive.read_bytes() == again.archive.read_bytes()
