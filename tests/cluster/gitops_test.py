"""Flux and Argo CD see how a resource is: through kstatus, and through the health check in docs/gitops.md."""

import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from lupa.lua51 import LuaRuntime

from support import binaries
from support.objects import Json
from support.operator_process import OperatorProcess, StartOperator
from support.scenario import Scenario, quick_settings
from tokensync.errors import Reason

PAGE = Path(__file__).parents[2] / "docs" / "gitops.md"

Judge = Callable[[Json], tuple[str, str]]
"""Says what it makes of a resource, and why."""


@pytest.fixture(scope="session")
def kstatus() -> Judge:
    """What Flux, `kpt` and others judge by."""
    program = binaries.provide("kstatus")["kstatus"]

    def judge(resource: Json) -> tuple[str, str]:
        done = subprocess.run([program], input=json.dumps(resource), capture_output=True, text=True, check=True)  # noqa: S603 - the tests' own program
        result = json.loads(done.stdout)
        return result["status"], result["message"]

    return judge


@pytest.fixture(scope="session")
def argo() -> Judge:
    """The script of the page, run as Argo CD runs it: Lua 5.1, with the resource in `obj`."""
    (block,) = (text for text in PAGE.read_text().split("```")[1::2] if "argocd-cm" in text)
    (script,) = yaml.safe_load(block.removeprefix("yaml"))["data"].values()

    def judge(resource: Json) -> tuple[str, str]:
        lua = LuaRuntime(register_eval=False, register_builtins=False)
        lua.globals().obj = lua.table_from(resource, recursive=True)
        health = lua.execute(script)
        return health["status"], health["message"]

    return judge


HELD = {"metadata": {"finalizers": ["example.com/held"]}}
RELEASED: Json = {"metadata": {"finalizers": None}}


def stages(scenario: Scenario, start: Callable[[], OperatorProcess]) -> dict[str, Json]:
    """Resources as they are at the stages of a life."""
    seen: dict[str, Json] = {"new": scenario.create()}
    scenario.put_certificate()
    operator = start()
    seen["ready"] = scenario.wait_ready()

    operator.pause()
    seen["changed"] = scenario.patch({"spec": {"renewal": {"before": "1m"}}})
    operator.resume()
    scenario.wait_ready()

    with scenario.entra.unreachable():
        scenario.create("waiting", clientId=scenario.register().client_id)  # with graph's it would have graph's token
        scenario.wait_condition("RenewalSucceeded", Reason.PROVIDER_UNREACHABLE, "waiting")
        seen["provider away"] = scenario.resource("waiting")

    scenario.create("refused", provider={"entra": {"tenantId": "example.com", "authorityHost": "not.allowed"}})
    scenario.wait_condition("Stalled", Reason.HOST_NOT_ALLOWED, "refused")
    seen["never worked"] = scenario.resource("refused")

    scenario.put_certificate(data={"tls.crt": b"none", "tls.key": b"none"})
    scenario.wait_condition("Stalled", Reason.CREDENTIAL_MALFORMED)
    seen["works on"] = scenario.wait_ready()
    scenario.put_certificate()
    scenario.patch({"spec": {"suspend": True}})
    scenario.wait_condition("RenewalSucceeded", Reason.SUSPENDED)
    seen["suspended"] = scenario.wait_ready()

    scenario.patch(HELD)
    scenario.cluster.resources.delete(scenario.namespace, "graph")
    seen["deleted"] = scenario.resource()
    scenario.patch(RELEASED)
    return seen


def test_tools_for_gitops_see_how_it_is(
    operator: StartOperator, scenario: Scenario, ca: Path, kstatus: Judge, argo: Judge
) -> None:
    """At every stage of a life, and kstatus and Argo CD agree as far as they have a word for it."""
    scenario.entra.lifetime = timedelta(hours=1)

    seen = stages(scenario, lambda: operator(quick_settings(scenario.entra, ca)))

    assert {stage: (kstatus(resource)[0], argo(resource)[0]) for stage, resource in seen.items()} == {
        "new": ("InProgress", "Progressing"),
        "ready": ("Current", "Healthy"),
        "changed": ("InProgress", "Progressing"),
        "provider away": ("InProgress", "Progressing"),
        "never worked": ("Failed", "Degraded"),
        "works on": ("Failed", "Degraded"),
        "suspended": ("Current", "Suspended"),
        "deleted": ("Terminating", "Progressing"),
    }
    assert "holds a token that is valid until" in argo(seen["ready"])[1]
    for stage in "never worked", "works on", "provider away":
        assert argo(seen[stage])[1] == kstatus(seen[stage])[1] != "", stage
