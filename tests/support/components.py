"""The command lines of a control plane's programs. Each is what the tests need and no more."""

from pathlib import Path

from support.pki import KeyPair

HOST = "127.0.0.1"

SERVICE_RANGE = "10.0.0.0/24"
SERVICE_ADDRESS = "10.0.0.1"
"""The address of the Service `kubernetes`, the first of the range."""

CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "resourcequota-controller",  # a quota is enforced once this one has looked at it
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)
"""Those that an operator of Secrets meets. The others look after nodes, pods and volumes, which are not there."""


def etcd(program: Path, port: int, peer_port: int, data: Path) -> list[str | Path]:
    """One member of etcd, which need not survive a power cut."""
    clients, peers = f"http://{HOST}:{port}", f"http://{HOST}:{peer_port}"
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
    port: int,
    etcd_port: int,
    *,
    serving: KeyPair,
    ca: Path,
    service_account_key: Path,
    audit_policy: Path,
    audit_log: Path,
) -> list[str | Path]:
    """An API server with RBAC, the usual admission plugins, and an audit log."""
    return [
        program,
        f"--etcd-servers=http://{HOST}:{etcd_port}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        "--endpoint-reconciler-type=none",  # a loopback address may not be an endpoint
        f"--secure-port={port}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.private_key}",
        f"--client-ca-file={ca}",
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
    program: Path, port: int, *, kubeconfig: Path, ca: Path, service_account_key: Path
) -> list[str | Path]:
    """The controllers that matter here, each acting as its own ServiceAccount."""
    return [
        program,
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={HOST}",
        f"--secure-port={port}",
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={service_account_key}",
        f"--root-ca-file={ca}",
        f"--controllers={','.join(CONTROLLERS)}",
        "--kube-api-qps=500",  # at its defaults it takes seconds to get going
        "--kube-api-burst=1000",
    ]
