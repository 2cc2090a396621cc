"""The Helm chart as a whole: its metadata, its package, the custom resource definition that it takes along."""

import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import tokensync
from support.chart import CHART, ChartError, Object, helm, objects, rendered
from support.chart_snapshots import names, values_of

ROOT = Path(__file__).parents[2]
METADATA: dict[str, Any] = yaml.safe_load((CHART / "Chart.yaml").read_text())
CRDS = [yaml.safe_load(file.read_text()) for file in sorted((ROOT / "crds").glob("*.yaml"))]


@pytest.fixture(name="package", scope="module")
def _package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart as `helm package` packs it."""
    folder = tmp_path_factory.mktemp("package")
    helm("package", str(CHART), f"--destination={folder}")
    (archive,) = folder.glob("*.tgz")
    return archive


def definitions(found: list[Object]) -> list[Object]:
    return [each for each in found if each["kind"] == "CustomResourceDefinition"]


@pytest.mark.parametrize("name", names())
def test_helm_finds_nothing_to_complain_of(name: str) -> None:
    """A warning counts as a mistake."""
    helm("lint", "--strict", str(CHART), f"--values={values_of(name)}")


def test_versions_are_those_of_the_package() -> None:
    """Chart, application and image are released together."""
    (image,) = yaml.safe_load(METADATA["annotations"]["artifacthub.io/images"])

    assert METADATA["version"] == METADATA["appVersion"] == tokensync.__version__
    assert rendered("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"] == image["image"]
    assert image["image"].endswith(f":{tokensync.__version__}")


def test_metadata_names_the_custom_resources() -> None:
    """Artifact Hub shows what the chart brings."""
    shown = yaml.safe_load(METADATA["annotations"]["artifacthub.io/crds"])

    assert [(each["name"], each["kind"], each["version"]) for each in shown] == [
        (crd["metadata"]["name"], crd["spec"]["names"]["kind"], crd["spec"]["versions"][0]["name"]) for crd in CRDS
    ]


def test_a_cluster_that_is_too_old_is_refused() -> None:
    """Kubernetes 1.30 lacks what the definition and the policies need."""
    with pytest.raises(ChartError, match=r">=1\.31\.0-0 which is incompatible with Kubernetes v1\.30\.9"):
        objects(None, "--kube-version=1.30.9")


def test_the_definition_is_the_repositorys() -> None:
    """Nothing but its metadata is the chart's."""
    (rendered_crd,) = definitions(objects())

    assert [{**rendered_crd, "metadata": crd["metadata"]} for crd in CRDS] == CRDS
    assert rendered_crd["metadata"]["name"] == CRDS[0]["metadata"]["name"]


def test_the_definition_outlives_the_release() -> None:
    """Unless it is said otherwise: with the definition go all resources, and with these the tokens."""
    (kept,), (gone,) = definitions(objects()), definitions(objects({"crds": {"keep": False}}))

    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "annotations" not in gone["metadata"]


def test_the_definition_can_be_left_out() -> None:
    """For whoever applies it in another way."""
    assert not definitions(objects({"crds": {"enabled": False}}))


def test_a_chart_that_lost_the_definition_says_so(tmp_path: Path) -> None:
    """Some tools leave symbolic links out of what they copy."""
    chart = shutil.copytree(CHART, tmp_path / "tokensync", symlinks=True)
    (chart / "files" / "crds").unlink()

    with pytest.raises(ChartError, match=r"holds no CustomResourceDefinition.* set crds\.enabled to false"):
        objects(chart=chart)
    assert objects({"crds": {"enabled": False}}, chart=chart)


def test_the_package_stands_alone(package: Path) -> None:
    """It holds the definition as a file, no link, and nothing that only the repository needs."""
    with tarfile.open(package) as archive:
        members = archive.getmembers()

    assert {file.name for file in (ROOT / "crds").iterdir()} == {
        member.name.removeprefix("tokensync/files/crds/") for member in members if "/files/crds/" in member.name
    }
    assert all(member.isfile() for member in members)
    assert not [member.name for member in members if "/ci/" in member.name]


def test_the_package_renders_what_the_folder_renders(package: Path) -> None:
    """Every manifest is the same."""
    assert objects(chart=package) == objects()


def test_another_chart_can_depend_on_it(package: Path, tmp_path: Path) -> None:
    """Helm hands a dependency the global values, and the condition that switches it."""
    (tmp_path / "charts").mkdir()
    shutil.copy(package, tmp_path / "charts")
    dependency = {"name": "tokensync", "version": tokensync.__version__, "condition": "tokensync.enabled"}
    (tmp_path / "Chart.yaml").write_text(
        yaml.safe_dump({"apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency]})
    )
    values = {"global": {"region": "north"}, "tokensync": {"enabled": True, "workers": 7}}

    assert rendered("Deployment", values, chart=tmp_path)["metadata"]["name"] == "tokensync"
    assert not objects({"tokensync": {"enabled": False}}, chart=tmp_path)
