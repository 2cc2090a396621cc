"""The page for beginners, followed from top to bottom by somebody who types what stands there."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support import chart
from support.binaries import provide
from support.entra import FakeEntra
from support.node.interface import PodCluster
from support.node.release import Release, values_for
from support.waiting import eventually
from tokensync.clock import parse_rfc3339

PAGE = (Path(__file__).parents[2] / "docs" / "getting-started.md").read_text()
TITLES = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
TOKEN_FILE = "/var/run/token/token"

CHART = "oci://ghcr.io/tokensync/charts/tokensync"
TENANT, CLIENT = "6babcaad-604b-40ac-a9d7-9fd97c0b779f", "535fb089-9ff3-47b6-9bfb-4f1264799865"
IMAGE = "docker.io/library/busybox:1.37"


def section(title: str) -> str:
    """The text of a section of the page."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


class Follower:
    """Types what stands on the page, in a folder, with what the page says to replace replaced.

    Attributes:
        followed: the titles of the sections, in order.
    """

    def __init__(self, folder: Path, kubeconfig: Path, replaced: dict[str, str]) -> None:
        self.followed: list[str] = []
        self._folder = folder
        self._replaced = replaced
        programs = {str(file.parent) for file in provide("helm", "kubectl").values()}
        self._environment = {
            "HOME": str(folder),
            "KUBECONFIG": str(kubeconfig),
            "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
        }

    def follow(self, title: str) -> list[str]:
        """Run the commands of a section, and return what each block printed."""
        self.followed.append(title)
        return [
            self._run(block) for block in re.findall(r"^```sh\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)
        ]

    def _run(self, block: str) -> str:
        for example, own in self._replaced.items():
            block = block.replace(example, own)
        done = subprocess.run(  # noqa: S603 - our own page
            ["/bin/bash", "-euo", "pipefail", "-c", block],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def follower(
    release: Release, pod_cluster: PodCluster, image: str, entra: FakeEntra, tmp_path: Path
) -> Iterator[Follower]:
    """Somebody with an application, and with values for the image and the provider of these tests."""
    assert release  # is removed in the end, whatever the page left of it
    (tmp_path / "values.yaml").write_text(json.dumps(values_for(image, entra)))
    replaced = {
        CHART: str(chart.CHART),
        f"{{tenantId: {TENANT}}}": f"{{tenantId: {TENANT}, authorityHost: '{entra.host}'}}",
        IMAGE: image,
    }
    for example in replaced:
        assert example in PAGE, f"the page no longer has {example}"
    yield Follower(tmp_path, pod_cluster.kubeconfig, replaced)
    pod_cluster.kubectl("delete", "namespace", "reports", "--ignore-not-found", "--timeout=90s")


def test_every_block_of_code_is_of_commands() -> None:
    """Nothing stands there to be typed that is not tried below."""
    assert set(re.findall(r"^```(\w*)$", PAGE, re.MULTILINE)) == {"sh", ""}
    assert PAGE.count("```sh\n") * 2 == PAGE.count("```")


@pytest.mark.timeout(900)
def test_the_page_leads_to_a_pod_that_reads_a_fresh_token(
    follower: Follower, pod_cluster: PodCluster, entra: FakeEntra, tmp_path: Path
) -> None:
    """And away again: nothing is left in the cluster."""

    def mounted() -> str:
        return pod_cluster.kubectl("exec", "reader", "--namespace=reports", "--", "cat", TOKEN_FILE)

    follower.follow("1. A certificate")
    entra.add_tenant(TENANT, "reports.onmicrosoft.com")
    entra.register(CLIENT, [(tmp_path / "tls.crt").read_bytes()], tenant_id=TENANT)
    assert "TEST SUITE" in follower.follow("3. The operator")[1]
    follower.follow("4. The certificate's Secret")
    assert " True " in follower.follow("5. The resource")[1]
    _, expires_at, renewed = follower.follow("6. A pod that reads it")

    first, second = entra.issued
    assert mounted() in {first.value, second.value}
    assert datetime.now(UTC) < parse_rfc3339(expires_at) <= first.expires_at
    assert "graph-token" in renewed
    eventually(lambda: mounted() == second.value, 120, "the renewed token is in the pod's file")

    described, pods_and_logs, events = follower.follow("When it does not work")
    assert "TokenValid" in described
    assert pods_and_logs.count("Running") == 2
    assert "reader" in events

    follower.follow("Away with it")
    assert follower.followed == [title for title in TITLES if "```sh" in section(title)]
    assert "tokensync" not in pod_cluster.kubectl("get", "namespaces,customresourcedefinitions", "--output=name")
