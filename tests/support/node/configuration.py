"""The configuration of a node's programs. Whatever is not said is as it comes: kubelet's timings above all."""

from pathlib import Path
from typing import Any

from support.node import busybox
from support.node.plan import Plan
from support.node.requirements import PLUGINS
from support.pki import KeyPair

SOCKET = "/run/containerd/containerd.sock"


def containerd(networks: Path) -> str:
    """Of containerd, in TOML.

    Args:
        networks: the folder of the network plugins' configuration.
    """
    return f"""\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{busybox.NAME}"
  restrict_oom_score_adj = true  # lower than its own it may not be where CAP_SYS_RESOURCE is missing, as in containers
  disable_apparmor = true  # the machine's profiles are not the node's
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{PLUGINS}"
    conf_dir = "{networks}"
"""


def network(plan: Plan) -> dict[str, Any]:
    """Of the pods' network.

    Every pod has a link of its own to the node, rather than all a bridge: what pods send each other is then routed, and
    passes the rules of Services.
    """
    addresses = {"type": "host-local", "ranges": [[{"subnet": str(plan.pods)}]], "routes": [{"dst": "0.0.0.0/0"}]}
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {"type": "ptp", "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def kubelet(plan: Plan, serving: KeyPair, ca: Path) -> dict[str, Any]:
    """Of kubelet.

    Args:
        plan: names and addresses.
        serving: what it shows the API server, for logs and commands in pods.
        ca: the certificate that clients are verified with, a PEM file.
    """
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "authentication": {"x509": {"clientCAFile": str(ca)}},
        "tlsCertFile": str(serving.certificate),
        "tlsPrivateKeyFile": str(serving.private_key),
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",  # else it makes one in the machine's /usr/libexec
        "cgroupDriver": "cgroupfs",  # there need be no systemd
        "cgroupRoot": f"/{plan.name}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "resolvConf": "",  # there is no DNS, and the machine's would not be reached
        # Images cannot be pulled again, and the machine's disk may be nearly full.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    }


def kube_proxy(plan: Plan, kubeconfig: Path) -> dict[str, Any]:
    """Of kube-proxy."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": plan.name,
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": str(plan.pods),
        # Those that are not the node's own but the machine's stay as they are.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
