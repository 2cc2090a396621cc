"""Which programs the tests run, and which Go module of ours pins each."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kubectl", "etcd")

ETCD = "go.etcd.io/etcd/server/v3"

KUBERNETES = "TEST_KUBERNETES"
"""The environment variable that chooses the Kubernetes of the tests, `newest` or `oldest`."""


class UnknownProgramError(LookupError):
    """Something is asked for that is not listed here. The message has what is."""


@dataclass(frozen=True)
class Source:
    """A Go module of ours, a folder of `gomodules`.

    Attributes:
        folder: its name.
        pinned: the module that all of it is about. Its version is the one that the programs tell.
        packages: what each program is built from, by the program's name.
        variables: what the linker sets; `{version}`, `{major}` and `{minor}` are those of `pinned`.
        build_time: of all programs, where nothing was compiled before.
    """

    folder: str
    pinned: str
    packages: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    build_time: str = ""


def _kubernetes(folder: str, *programs: str) -> Source:
    """Without the variables every component calls itself v0.0.0-master."""
    facts = {"gitVersion": "{version}", "gitMajor": "{major}", "gitMinor": "{minor}", "gitTreeState": "clean"}
    return Source(
        folder,
        "k8s.io/kubernetes",
        {name: ETCD if name == "etcd" else f"k8s.io/kubernetes/cmd/{name}" for name in programs},
        {f"k8s.io/component-base/version.{name}": value for name, value in facts.items()},
        "up to 10 minutes on 2 cores, once",
    )


MONITORING = Source("monitoring", "github.com/prometheus-operator/prometheus-operator")
"""Only to be read: the Prometheus operator's CustomResourceDefinitions."""

_KUBERNETES = {
    "newest": (_kubernetes("kubernetes", *CONTROL_PLANE, "kube-scheduler", "kube-proxy", "kubelet"),),
    "oldest": (
        _kubernetes("oldest", "kube-apiserver"),
        _kubernetes("oldest-clients", "kube-controller-manager", "kubectl"),
        _kubernetes("kubernetes", "etcd"),
    ),
}

_OTHERS = (
    Source(
        "helm",
        "helm.sh/helm/v3",
        {"helm": "helm.sh/helm/v3/cmd/helm"},
        {"helm.sh/helm/v3/internal/version.version": "{version}"},
        "up to 6 minutes on 2 cores, once",
    ),
    Source(
        "promtool",
        "github.com/prometheus/prometheus",
        {"promtool": "github.com/prometheus/prometheus/cmd/promtool"},
        build_time="up to 8 minutes on 2 cores, once",
    ),
    Source(
        "actionlint",
        "github.com/rhysd/actionlint",
        {"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"},
        build_time="a minute, once",
    ),
    Source(
        "kstatus",
        "sigs.k8s.io/cli-utils",
        {"kstatus": "tokensync.dev/kstatus"},
        build_time="two minutes, once",
    ),
)


def sources() -> tuple[Source, ...]:
    """Where each program comes from; Kubernetes in the version that the environment asks for, or in the newest.

    Raises:
        UnknownProgramError: if the environment asks for another one.
    """
    wanted = os.environ.get(KUBERNETES) or "newest"
    if wanted not in _KUBERNETES:
        raise UnknownProgramError(f"{KUBERNETES} is {wanted}, which is none of {', '.join(_KUBERNETES)}")
    return (*_KUBERNETES[wanted], *_OTHERS)


def by_source(names: Collection[str]) -> list[tuple[Source, list[str]]]:
    """Sort programs by where they come from, in the order in which they are built.

    Raises:
        UnknownProgramError: if there is one that comes from nowhere.
    """
    known = [name for source in sources() for name in source.packages]
    if unknown := sorted(set(names) - set(known)):
        raise UnknownProgramError(f"there is no {', '.join(unknown)}. Take of {', '.join(known)}")
    groups = [(source, [name for name in source.packages if name in names]) for source in sources()]
    return [(source, wanted) for source, wanted in groups if wanted]
