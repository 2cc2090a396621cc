"""Where no node can be started, and no other cluster be used, it is said why, and what to do."""

from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from support.node import requirements
from support.node.foreign import HOST_VARIABLE, ForeignCluster, ForeignClusterError
from support.node.requirements import RequirementError


def test_missing_programs_are_named_by_their_packages(mocker: MockerFixture) -> None:
    """Each package once, as `apt-get install` takes them."""
    mocker.patch("os.geteuid", return_value=0)
    mocker.patch("sys.platform", "linux")
    mocker.patch.object(requirements, "PATH", "/nowhere")

    with pytest.raises(RequirementError, match="apt-get install busybox-static conntrack containerd "):
        requirements.check()


@pytest.mark.parametrize(
    ("user", "system", "said"),
    [(1000, "linux", "run the tests as root, or set KUBECONFIG"), (0, "darwin", "needs Linux")],
)
def test_it_takes_root_on_linux(mocker: MockerFixture, user: int, system: str, said: str) -> None:
    """Nothing is tried that would fail half way."""
    mocker.patch("os.geteuid", return_value=user)
    mocker.patch("sys.platform", system)

    with pytest.raises(RequirementError, match=said):
        requirements.check()


def test_another_cluster_must_reach_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody can guess at which address."""
    monkeypatch.delenv(HOST_VARIABLE, raising=False)

    with pytest.raises(ForeignClusterError, match=f"set {HOST_VARIABLE} to an address"):
        ForeignCluster(tmp_path)
