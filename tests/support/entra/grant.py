"""The client credentials grant (RFC 6749, section 4.4) as Entra runs it: a form in, a token or a refusal out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from multidict import MultiMapping

from support.entra import errors
from support.entra.assertion import Assertion, AssertionVerifier
from support.entra.client_secrets import verify_secret
from support.entra.directory import Application, Tenant
from support.entra.federation import is_federated, verify_federated
from support.entra.metadata import Addresses
from support.entra.tokens import IssuedToken, TokenIssuer

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DEFAULT = "/.default"


@dataclass(frozen=True, slots=True)
class GrantForm:
    """The parameters of a request that is a client credentials request: with an assertion, or with a client secret."""

    client_id: str
    scope: str
    client_assertion: str = field(repr=False)
    client_secret: str = field(repr=False)

    @classmethod
    def read(cls, form: MultiMapping[str]) -> "GrantForm":
        """Read the parameters.

        Raises:
            EntraError: if the form is another one, or lacks something.
        """
        if not form or len(form) != len(set(form)):
            raise errors.request_malformed()
        if (grant_type := _parameter(form, "grant_type")) != "client_credentials":
            raise errors.grant_type_unsupported(grant_type)
        client_id = _parameter(form, "client_id")
        assertion, secret = form.get("client_assertion", ""), form.get("client_secret", "")
        if not assertion and not secret:
            raise errors.assertion_missing()
        if assertion and secret:  # RFC 6749, section 2.3: one method in each request
            raise errors.request_malformed()
        if assertion and _parameter(form, "client_assertion_type") != ASSERTION_TYPE:
            raise errors.assertion_type_unsupported()
        return cls(client_id, _parameter(form, "scope"), assertion, secret)


class Grant:
    """Decides who gets a token."""

    def __init__(self, verifier: AssertionVerifier, addresses: Addresses, lifetime: Callable[[], timedelta]) -> None:
        self._verifier = verifier
        self._addresses = addresses
        self._lifetime = lifetime
        self._issuer = TokenIssuer()

    def token(self, tenant: Tenant, form: GrantForm, now: datetime) -> IssuedToken:
        """Issue a token.

        Raises:
            EntraError: if the client may not have one.
        """
        application = self._application(tenant, form.client_id)
        thumbprint = self._authenticate(tenant, application, form, now)
        resource = _resource(tenant, form.scope)
        if application.blocked_by_policy:
            raise errors.blocked_by_policy()
        return self._issuer.issue(
            issuer=self._addresses.issuer(tenant),
            tenant_id=tenant.tenant_id,
            client_id=application.client_id,
            resource=resource,
            thumbprint=thumbprint,
            now=now,
            lifetime=application.lifetime or self._lifetime(),
        )

    def _authenticate(self, tenant: Tenant, application: Application, form: GrantForm, now: datetime) -> str:
        """Verify the client's credential; returns the thumbprint of the certificate that it proved to have, if any."""
        if form.client_secret:
            verify_secret(form.client_secret, application, now)
            return ""
        assertion = Assertion.parse(form.client_assertion)
        if is_federated(assertion, application):
            verify_federated(assertion, application, now)
            return ""
        audiences = frozenset({self._addresses.token_endpoint(tenant), self._addresses.issuer(tenant)})
        return self._verifier.verify(assertion, application, audiences, now).thumbprint_sha256

    @staticmethod
    def _application(tenant: Tenant, client_id: str) -> Application:
        application = tenant.applications.get(client_id)
        if application is None:
            raise errors.application_not_found(client_id, tenant.domain)
        if application.disabled:
            raise errors.application_disabled(client_id)
        return application


def _parameter(form: MultiMapping[str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise errors.parameter_missing(name)
    return value


def _resource(tenant: Tenant, scope: str) -> str:
    resource = scope.removesuffix(DEFAULT)
    if resource in {"", scope} or " " in scope:
        raise errors.scope_wrong(scope)
    if resource not in tenant.resources:
        raise errors.resource_not_found(resource, tenant.domain)
    return resource
