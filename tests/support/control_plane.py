"""A real control plane: etcd, kube-apiserver and kube-controller-manager on this machine."""

import json
import shutil
import signal
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from kubernetes.client.exceptions import NotFoundException, ServiceException
from urllib3.exceptions import HTTPError

from support import binaries, components, etcd
from support.audit import drop_unfinished_line
from support.components import LOCAL, LOOPBACK, Site
from support.kubectl import Kubectl
from support.objects import Json
from support.pki import Authority, KeyPair, write_kubeconfig, write_rsa_key
from support.ports import free_port
from support.processes import Program
from support.rest import Rest
from tokensync.resource.names import GROUP, PLURAL

CRDS = Path(__file__).parents[2] / "crds"

START_TIMEOUT = 60
"""Seconds for each program: many times what it needs."""

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]  # no bodies: what a Secret holds never reaches the log
"""


class ControlPlane:
    """A control plane in a folder of its own, with RBAC and an audit log; a context manager.

    Attributes:
        url: the API server's. It outlives a restart.
        authority: of all keys and certificates.
        ca: the certificate that the API server is verified with, a PEM file.
        administrator: key and certificate of a member of `system:masters`.
        admin: requests as that user.
        admin_kubeconfig: the same user, for programs.
        audit_log: a file with one JSON document on each line.
    """

    def __init__(self, folder: Path, site: Site = LOCAL, *, with_crds: bool = True) -> None:
        """Make keys and certificates and choose ports.

        Args:
            folder: an existing folder for all that is written: keys, kubeconfigs, logs, etcd's data.
            site: where it stands; on the loopback address, without nodes, unless told.
            with_crds: whether our CustomResourceDefinitions are there from the start.

        Raises:
            BinariesError: if the programs are not there and cannot be built.
        """
        self._folder = folder
        self._site = site
        self._with_crds = with_crds
        self._files = binaries.provide()
        self.authority = Authority(folder / "pki")
        self.ca = self.authority.certificate
        self._service_account_key = write_rsa_key(folder / "pki" / "service-accounts.key")
        self._etcd_port, port = free_port(), free_port(site.host)
        self.url = f"https://{site.host}:{port}"
        self.audit_log = folder / "audit.log"
        self.administrator = self.authority.client("admin", "system:masters")
        self.admin = Rest.of_pair(self.url, self.ca, self.administrator)
        self.admin_kubeconfig = self.kubeconfig("admin", self.administrator)
        self._kubectl = Kubectl(self._files["kubectl"], self.admin_kubeconfig, home=folder)
        self._etcd = self._etcd_program()
        self._apiserver = self._apiserver_program(port)
        self._controllers = self._controllers_program()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything, and wait until it works.

        Raises:
            ProgramEndedError: if a program ends instead. The message has the end of its log.
            AssertionError: if one is not ready in time. So has this one.
        """
        try:
            self._etcd.start()
            self._start_apiserver()
            if self._with_crds:
                self._establish_crds()
            self._start_controllers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, what was started last first. The logs stay, etcd's data go."""
        self.admin.close()
        self._controllers.stop()
        self._apiserver.stop(patience=2)  # it would serve open watches on for a minute
        self._etcd.stop()
        shutil.rmtree(self._folder / "etcd", ignore_errors=True)

    def kill_apiserver(self) -> None:
        """End the API server with SIGKILL: after SIGTERM it serves open watches on for a minute.

        The controllers go with it. Where they elect a leader they end by themselves when they cannot reach it, and
        ours would take up to a minute to come back. A line of the audit log that it was writing goes, too: the next
        API server would go on in the middle of it.
        """
        self._controllers.kill()
        self._apiserver.kill()
        drop_unfinished_line(self.audit_log)

    def start_apiserver(self) -> None:
        """Start what `kill_apiserver` ended, where it was before, and wait until it works."""
        self._start_apiserver()
        self._start_controllers()

    @contextmanager
    def apiserver_down(self) -> Iterator[None]:
        """Have no API server meanwhile."""
        self.kill_apiserver()
        try:
            yield
        finally:
            self.start_apiserver()

    @contextmanager
    def controllers_paused(self) -> Iterator[None]:
        """Have nothing collected meanwhile: what is being deleted stays as it is."""
        self._controllers.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._controllers.send(signal.SIGCONT)

    @contextmanager
    def crds_deleted(self) -> Iterator[None]:
        """Have no kind of ours meanwhile; what there was of it goes too. The controllers start anew to know it again."""
        self.kubectl("delete", "-f", CRDS)
        try:
            yield
        finally:
            self._controllers.kill()
            self._establish_crds()
            self._start_controllers()

    def expire_watches(self) -> None:
        """Make every version seen so far too old to watch from: the API server answers 410 to it.

        The API server keeps recent changes in memory, and etcd keeps older ones: so one is restarted and the other
        compacted meanwhile.
        """
        with self.apiserver_down():
            etcd.compact(LOOPBACK, self._etcd_port)

    def rewrite_secrets(self, namespace: str) -> None:
        """Store a namespace's Secrets again, unchanged: each gets another resourceVersion.

        So it is when `kubectl replace` puts all Secrets in their own place after encryption at rest was switched on.
        Without such a switch the API server sees that nothing changes, and stores nothing.
        """
        etcd.rewrite(LOOPBACK, self._etcd_port, f"/registry/secrets/{namespace}/")

    def store_secrets(self, namespace: str, secrets: Mapping[str, Json]) -> None:
        """Have Secrets, by their names, past the API server: thirty times as fast as creating each through it.

        It reads what it did not write itself as long as that is whole: uid and creationTimestamp are the caller's.
        """
        values = {f"/registry/secrets/{namespace}/{name}": json.dumps(body) for name, body in secrets.items()}
        etcd.store(LOOPBACK, self._etcd_port, values)

    def store_resources(self, namespace: str, resources: Mapping[str, Json]) -> None:
        """Have ClientCredentialTokens, by their names, with the uids and the status that they bring along."""
        prefix = f"/registry/{GROUP}/{PLURAL}/{namespace}"
        values = {f"{prefix}/{name}": json.dumps(body) for name, body in resources.items()}
        etcd.store(LOOPBACK, self._etcd_port, values)

    def apply_crds(self, crds: Path = CRDS) -> None:
        """Apply CustomResourceDefinitions over those that are there; unless told, ours as they are now."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", crds)

    def kubectl(self, *args: str | Path, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as administrator; another `--kubeconfig` among the arguments goes before.

        Returns:
            What it printed; without `check`, followed by what it complained about.

        Raises:
            KubectlError: if it failed, unless `check` is off.
        """
        return self._kubectl.run(*args, stdin=stdin, check=check)

    def kubeconfig(self, name: str, user: KeyPair | str) -> Path:
        """Write a kubeconfig for a client certificate or a bearer token."""
        return write_kubeconfig(self._folder / f"{name}.kubeconfig", self.url, self.ca, user)

    def _start_apiserver(self) -> None:
        self._apiserver.start()
        self._apiserver.wait_until(self._is_ready, START_TIMEOUT, "/readyz answers")

    def _is_ready(self) -> bool:
        try:
            return bool(self.admin.request("GET", "/readyz") == "ok")
        except (HTTPError, ServiceException):  # it does not listen yet, or says that it is not ready
            return False

    def _establish_crds(self) -> None:
        """Before the controllers start: the garbage collector looks for new kinds only every 30 s."""
        self.kubectl("apply", "--server-side", "-f", CRDS)
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", CRDS)

    def _start_controllers(self) -> None:
        self._controllers.start()
        orphan = self._create_orphan()
        self._controllers.wait_until(lambda: self._is_gone(orphan), START_TIMEOUT, "it collects garbage")

    def _create_orphan(self) -> str:
        """Create an object whose owner does not exist, and return its path. It needs no namespace: none may be there."""
        rbac = "rbac.authorization.k8s.io/v1"
        owner = {"apiVersion": rbac, "kind": "ClusterRole", "name": "absent", "uid": str(uuid.uuid4())}
        body = {"metadata": {"generateName": "orphan-", "ownerReferences": [owner]}}
        orphan = self.admin.request("POST", f"/apis/{rbac}/clusterroles", body)
        return f"/apis/{rbac}/clusterroles/{orphan['metadata']['name']}"

    def _is_gone(self, path: str) -> bool:
        try:
            self.admin.request("GET", path)
        except NotFoundException:
            return True
        return False

    def _etcd_program(self) -> Program:
        command = components.etcd(self._files["etcd"], self._etcd_port, free_port(), self._folder / "etcd")
        return self._program("etcd", command)

    def _apiserver_program(self, port: int) -> Program:
        policy = self._folder / "audit-policy.yaml"
        policy.write_text(AUDIT_POLICY)
        serving = self.authority.server(
            "kube-apiserver", self._site.host, self._site.service_address, "localhost", "kubernetes.default.svc"
        )
        command = components.kube_apiserver(
            self._files["kube-apiserver"],
            self._site,
            port,
            self._etcd_port,
            serving=serving,
            kubelet_client=self.authority.client("kube-apiserver-kubelet-client", "system:masters"),
            ca=self.ca,
            service_account_key=self._service_account_key,
            audit_policy=policy,
            audit_log=self.audit_log,
        )
        return self._program("kube-apiserver", command)

    def _controllers_program(self) -> Program:
        user = self.authority.client("system:kube-controller-manager")
        command = components.kube_controller_manager(
            self._files["kube-controller-manager"],
            self._site,
            free_port(),
            kubeconfig=self.kubeconfig("kube-controller-manager", user),
            ca=self.ca,
            service_account_key=self._service_account_key,
        )
        return self._program("kube-controller-manager", command)

    def _program(self, name: str, command: list[str | Path]) -> Program:
        return Program(name, command, log=self._folder / f"{name}.log", environment={})
