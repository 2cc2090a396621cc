"""Where things go wrong: a namespace, a provider that works, and others each in trouble of its own."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from support.certificates import ClientCertificate
from support.cluster import encoded
from support.entra import FakeEntra
from support.entra.faults import throttled
from support.objects import Json
from support.providers import settings_for
from support.scenario import Scenario
from tokensync.resource.names import ADOPTABLE_BY, OWNER_UID_LABEL


class Stage:
    """Arranges what a case needs; most methods return what the resource's spec has for it.

    A case is known by its name, which is its resource's too.

    Attributes:
        scenario: the namespace and the provider that works.
        skewed: a provider whose clock is an hour ahead.
        throttled: one that asks for fewer requests.
        absent: one that does not answer.
        untrusted: one whose authority the operator does not know.
        not_allowed: one that the operator may not ask.
    """

    def __init__(self, scenario: Scenario, stack: ExitStack) -> None:
        """Start the providers; `stack` stops them."""
        self.scenario = scenario
        self.skewed, self.throttled, self.absent, self.untrusted, self.not_allowed = (
            stack.enter_context(FakeEntra()) for _ in range(5)
        )
        self.skewed.clock_offset = timedelta(hours=1)
        stack.enter_context(self.throttled.failing(throttled("30")))
        stack.enter_context(self.absent.unreachable())
        self._facts: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def facts(self, name: str) -> dict[str, str]:
        """What the messages of a case may name."""
        return {
            "name": name,
            "namespace": self.scenario.namespace,
            "host": self.scenario.entra.host,
            "tenant": self.scenario.entra.tenant_id,
            "client": self.scenario.application.client_id,
            "sha1": self.scenario.certificate.thumbprint_sha1,
            "sha256": self.scenario.certificate.thumbprint_sha256,
            **self._facts[name],
        }

    def settings(self, folder: Path, further: Sequence[FakeEntra] = ()) -> dict[str, Any]:
        """Settings of an operator that may ask all but one of the providers, and trusts all but another.

        Args:
            folder: for the files that they name.
            further: providers beside these.
        """
        trusted = [self.scenario.entra, self.skewed, self.throttled, self.absent, *further]
        allowed = ",".join(provider.host for provider in [*trusted, self.untrusted])
        return settings_for(trusted, folder, allowed_hosts=allowed)

    def credential(self, name: str, data: dict[str, bytes]) -> Json:
        """A credential with this in its Secret."""
        self.scenario.put_certificate(name=name, data=data)
        return _credential(name)

    def client_secret(self, name: str, value: bytes) -> Json:
        """A client secret, in the key `value`."""
        self.scenario.cluster.create_secret(self.scenario.namespace, name, {"value": value})
        return {"credential": {"clientSecret": {"secretKeyRef": {"name": name, "key": "value"}}}}

    def pair(self, name: str, certificate: ClientCertificate) -> Json:
        """A credential of this certificate and its key."""
        self._facts[name]["sha1"] = certificate.thumbprint_sha1
        return self.credential(name, certificate.secret_data())

    def altered(self, name: str, **data: bytes) -> Json:
        """The credential that works, with `tls_crt` or `tls_key` replaced."""
        return self.credential(
            name,
            self.scenario.certificate.secret_data() | {key.replace("_", "."): value for key, value in data.items()},
        )

    def sealed(self, name: str, data: dict[str, bytes], **form: str) -> Json:
        """A credential with the certificate that works and this in its Secret, which `form` says how to read."""
        self.scenario.put_certificate(name=name, data=self.scenario.certificate.secret_data() | data)
        return {"credential": {"certificate": {"secretRef": {"name": name}, **form}}}

    def target_as_credential(self, name: str) -> Json:
        """A credential whose Secret is marked as the target of a resource."""
        labels = {OWNER_UID_LABEL: "3b8f5a0c-6c37-4d2b-9d8e-1f6f0c0b7a11"}
        data = self.scenario.certificate.secret_data()
        self.scenario.cluster.create_secret(self.scenario.namespace, name, data, metadata={"labels": labels})
        return _credential(name)

    def application(self, name: str, **changes: bool) -> Json:
        """An application of its own, with some attributes changed."""
        application = self.scenario.register()
        for attribute, value in changes.items():
            setattr(application, attribute, value)
        self._facts[name]["client"] = application.client_id
        return {"clientId": application.client_id}

    def unknown_application(self, name: str) -> Json:
        """An application that is not there."""
        client_id = self._facts[name]["client"] = str(uuid.uuid4())
        return {"clientId": client_id}

    def unregistered(self, name: str) -> Json:
        """An application without any certificate."""
        application = self.scenario.entra.register()
        self._facts[name]["client"] = application.client_id
        return {"clientId": application.client_id}

    def at(self, name: str, provider: FakeEntra) -> Json:
        """Another provider, that knows the certificate."""
        application = provider.register(certificates=[self.scenario.certificate.certificate_pem])
        self._facts[name] |= {"host": provider.host, "client": application.client_id}
        return {"clientId": application.client_id, "provider": _provider(provider, provider.tenant_id)}

    def tenant(self, tenant_id: str) -> Json:
        """Another tenant of the provider that works."""
        return {"provider": _provider(self.scenario.entra, tenant_id)}

    def existing(self, name: str, *, adopt: bool = False, kind: str = "Opaque", immutable: bool = False) -> Json:
        """A Secret of the target's name, with its owner's consent if it is to be adopted."""
        target = f"{name}-token"
        body = {
            "metadata": {"name": target, "annotations": {ADOPTABLE_BY: name} if adopt else {}},
            "type": kind,
            "data": encoded({"username": b"somebody"}),
            "immutable": immutable,
        }
        self.scenario.cluster.secrets.create(self.scenario.namespace, body)
        return {"target": {"name": target, "adopt": adopt}}


def _credential(secret: str) -> Json:
    return {"credential": {"certificate": {"secretRef": {"name": secret}}}}


def _provider(provider: FakeEntra, tenant_id: str) -> Json:
    return {"entra": {"tenantId": tenant_id, "authorityHost": provider.host}}
