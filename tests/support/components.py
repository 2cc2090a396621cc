"""The command lines of a control plane's programs. Each is what the tests need and no more."""

from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from support.pki import KeyPair

LOOPBACK = "127.0.0.1"

SECRET_CONTROLLERS = (
    "clusterrole-aggregation-controller",  # without it the roles view and edit are empty
    "garbage-collector-controller",
    "namespace-controller",
    "resourcequota-controller",  # a quota is enforced once this one has looked at it
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "validatingadmissionpolicy-status-controller",  # checks the types in policies
)
"""Those that an operator of Secrets meets. The others look after nodes, pods and volumes, which are not there."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a control plane stands, and what for.

    Attributes:
        host: the address that the API server listens on.
        services: the range of Services' addresses.
        controllers: the names of those that run.
        has_nodes: whether there are nodes. They must reach the host; without them a loopback address will do.
    """

    host: str
    services: IPv4Network
    controllers: tuple[str, ...]
    has_nodes: bool

    @property
    def service_address(self) -> str:
        """The address of the Service `kubernetes`, the first of the range."""
        return str(self.services[1])


LOCAL = Site(LOOPBACK, IPv4Network("10.0.0.0/24"), SECRET_CONTROLLERS, has_nodes=False)
"""For those who want a control plane and nothing else."""


def etcd(program: Path, port: int, peer_port: int, data: Path) -> list[str | Path]:
    """One member of etcd, which need not survive a power cut."""
    clients, peers = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{peer_port}"
    return [
        program,
        f"--data-dir={data}",
        "--unsafe-no-fsync",
        "--log-level=warn",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
    ]


def kube_apiserver(
    program: Path,
    site: Site,
    port: int,
    etcd_port: int,
    *,
    serving: KeyPair,
    kubelet_client: KeyPair,
    ca: Path,
    service_account_key: Path,
    audit_policy: Path,
    audit_log: Path,
) -> list[str | Path]:
    """An API server with RBAC, the usual admission plugins, and an audit log."""
    return [
        program,
        f"--etcd-servers=http://{LOOPBACK}:{etcd_port}",
        f"--bind-address={site.host}",
        f"--advertise-address={site.host}",
        # A loopback address may not be an endpoint.
        f"--endpoint-reconciler-type={'lease' if site.has_nodes else 'none'}",
        f"--secure-port={port}",
        f"--service-cluster-ip-range={site.services}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.private_key}",
        f"--client-ca-file={ca}",
        f"--kubelet-client-certificate={kubelet_client.certificate}",
        f"--kubelet-client-key={kubelet_client.private_key}",
        f"--kubelet-certificate-authority={ca}",
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-signing-key-file={service_account_key}",
        f"--service-account-key-file={service_account_key}",
        f"--audit-policy-file={audit_policy}",
        f"--audit-log-path={audit_log}",
        "--audit-log-maxsize=10000",  # MB: one file, or positions in it would be lost
    ]


def kube_controller_manager(
    program: Path, site: Site, port: int, *, kubeconfig: Path, ca: Path, service_account_key: Path
) -> list[str | Path]:
    """The controllers that matter there, each acting as its own ServiceAccount."""
    return [
        program,
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={service_account_key}",
        f"--root-ca-file={ca}",
        f"--controllers={','.join(site.controllers)}",
        "--kube-api-qps=500",  # at its defaults it takes seconds to get going
        "--kube-api-burst=1000",
    ]


def kube_scheduler(program: Path, port: int, *, kubeconfig: Path) -> list[str | Path]:
    """The scheduler, at its defaults."""
    return [
        program,
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        "--leader-elect=false",
    ]
