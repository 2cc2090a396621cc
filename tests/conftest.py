"""Fixtures for every kind of test."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from support import binaries
from support.audit import AuditLog
from support.cluster import Cluster
from support.control_plane import ControlPlane
from support.identities import operator_kubeconfig
from support.oidc_provider import OidcProvider, packages
from support.programs import CONTROL_PLANE

# How long one example takes says something about the machine, not about the code.
hypothesis.settings.register_profile("tokensync", deadline=None)
hypothesis.settings.load_profile("tokensync")


def pytest_configure() -> None:
    """Leave no event loop lying about: looptime would make one for each synchronous test, and close none."""
    asyncio.set_event_loop(None)


PROGRAMS = {
    "control_plane": (*CONTROL_PLANE, "helm"),
    "kstatus": ("kstatus",),
    "actionlint": ("actionlint",),
    "promtool": ("promtool",),
}
"""What has to be there, by the fixture that needs it."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build and install what is needed: a test's time is limited, and its output not shown."""
    fixtures = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    needed = [program for fixture in PROGRAMS if fixture in fixtures for program in PROGRAMS[fixture]]
    if session.config.option.collectonly:
        return
    try:
        if needed:
            binaries.provide(*needed)
        if "oidc_provider" in fixtures:
            packages.provide()
    except (binaries.BinariesError, packages.PackagesError) as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server with its controllers, one for the whole run."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        yield running


@pytest.fixture(scope="session")
def cluster(control_plane: ControlPlane) -> Cluster:
    """The cluster, seen by its administrator."""
    return Cluster(control_plane.admin)


@pytest.fixture(scope="session")
def audit_log(control_plane: ControlPlane) -> AuditLog:
    """Who called the API server what."""
    return AuditLog(control_plane.audit_log, control_plane.admin)


@pytest.fixture(scope="session")
def operator_identity(control_plane: ControlPlane) -> Path:
    """A kubeconfig with exactly the operator's rights."""
    return operator_kubeconfig(control_plane)


@pytest.fixture(scope="session")
def oidc_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    """An OpenID provider that is not ours, one for the whole run: each test registers clients of its own."""
    with OidcProvider(tmp_path_factory.mktemp("oidc-provider")) as running:
        yield running
