"""Federated credentials: which audiences a ServiceAccount's token may be requested for, and how it becomes a proof."""

from collections.abc import Collection

from tokensync.controller.ports import ServiceAccounts
from tokensync.credentials.federated_token import read_federated_token
from tokensync.credentials.proof import FederatedToken
from tokensync.errors import CredentialError, NamespaceTerminatingError, Reason, SpecError, TokenSyncError
from tokensync.resource.credential import ServiceAccountCredential
from tokensync.resource.provider import Cloud, Provider
from tokensync.resource.spec import ClientCredentialToken, Key, Spec

AUDIENCES = {
    Cloud.PUBLIC: "api://AzureADTokenExchange",
    Cloud.US_GOVERNMENT: "api://AzureADTokenExchangeUSGov",
    Cloud.CHINA: "api://AzureADTokenExchangeChina",
}
"""By cloud, what Microsoft's page "Workload identity federation considerations" recommends."""


class Federation:
    """Tokens of ServiceAccounts as assertions (RFC 7523). Each is requested when it is needed, and never kept.

    A token for an audience of the API server would be a credential for the cluster. None is requested for an audience that
    the administrator did not list, and the first one of each audience is tried at the API server before it goes anywhere.
    """

    def __init__(self, service_accounts: ServiceAccounts, allowed: Collection[str]) -> None:
        self._service_accounts = service_accounts
        self._allowed = allowed
        self._tried: set[str] = set()

    def refusal(self, spec: Spec) -> SpecError | None:
        """Why no token may be requested; None if one may, or if it takes none. Asks nobody."""
        account = spec.credential.service_account
        if account is None:
            return None
        audience = _audience(account, spec.provider)
        if not audience:
            return SpecError(
                Reason.INVALID_SPEC,
                "credential.serviceAccount.audience is not set, and only the Microsoft Entra clouds have a default",
                remedy="set it to the audience that the provider expects",
            )
        if audience in self._allowed:
            return None
        return SpecError(
            Reason.AUDIENCE_NOT_ALLOWED,
            f"this installation does not allow tokens of ServiceAccounts for the audience {audience}",
            remedy="ask the administrator of tokensync to add it to the setting allowed-audiences, "
            "or correct credential.serviceAccount.audience",
        )

    async def proof(self, resource: ClientCredentialToken, account: ServiceAccountCredential) -> FederatedToken:
        """Request a token, good for a few minutes, and of no use in the cluster.

        Raises:
            SpecError: what `refusal` says.
            CredentialError: if there is none to be had, for whichever reason.
            NamespaceTerminatingError: if that is the reason.
        """
        refused = self.refusal(resource.spec)
        if refused:
            raise refused
        audience = _audience(account, resource.spec.provider)
        try:
            token = await self._request(Key(resource.metadata.namespace, account.name), audience)
            if audience not in self._tried:
                await self._try(token)
        except NamespaceTerminatingError:
            raise
        except TokenSyncError as error:
            raise CredentialError(
                error.reason, error.message, remedy=error.remedy, retry_after=error.retry_after
            ) from None
        return token

    async def _request(self, account: Key, audience: str) -> FederatedToken:
        value = await self._service_accounts.request_token(account, audience)
        if value is None:
            raise CredentialError(
                Reason.CREDENTIAL_NOT_FOUND,
                f"ServiceAccount {account} does not exist",
                remedy="create it, or correct credential.serviceAccount.name",
            )
        return read_federated_token(value, namespace=account.namespace, name=account.name, audience=audience)

    async def _try(self, token: FederatedToken) -> None:
        """Make sure, once for each audience, that the API server has no use for its tokens."""
        if await self._service_accounts.accepts(token.value):
            raise CredentialError(
                Reason.AUDIENCE_NOT_ALLOWED,
                f"the API server accepts tokens for the audience {token.audience} as credentials, so none may leave the cluster",
                remedy="ask the administrator of tokensync to remove it from the setting allowed-audiences, "
                "and set credential.serviceAccount.audience to another one",
            )
        self._tried.add(token.audience)


def _audience(account: ServiceAccountCredential, provider: Provider) -> str:
    """To whom a token is addressed; empty where nobody said, and there is no default."""
    entra = provider.entra
    default = AUDIENCES[entra.cloud or Cloud.PUBLIC] if entra and not entra.authority_host else ""
    return account.audience or default
