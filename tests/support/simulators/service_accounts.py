"""The simulated API server's ServiceAccounts, as the operator calls them."""

import itertools

import jwt

from support.simulators.api import Api
from tokensync.errors import NamespaceTerminatingError
from tokensync.resource.spec import Key

_KEY = "the key of the simulated API server"


class SimulatedServiceAccounts:
    """The controller's `ServiceAccounts`.

    Attributes:
        accounts: those that there are.
        audiences: those of the API server: tokens for them are its credentials.
        added: an audience that an admission webhook adds to every token; empty for none.
        terminating: the namespaces that are being deleted, which are those of Secrets.
        issued: all tokens.
        tried: those that were offered as credentials.
    """

    def __init__(self, api: Api, terminating: set[str]) -> None:
        self.accounts: set[Key] = set()
        self.audiences = {"https://kubernetes.default.svc.cluster.local"}
        self.added = ""
        self.terminating = terminating
        self.issued: list[str] = []
        self.tried: list[str] = []
        self._numbers = itertools.count(1)
        self._api = api

    async def request_token(self, key: Key, audience: str) -> str | None:
        """Issue a token."""
        async with self._api.call("create", "serviceaccounts/token", key):
            if key.namespace in self.terminating:
                raise NamespaceTerminatingError(key.namespace)
            if key not in self.accounts:
                return None
            audiences = [audience, *filter(None, [self.added])]
            subject = f"system:serviceaccount:{key.namespace}:{key.name}"
            claims = {"sub": subject, "aud": audiences, "jti": str(next(self._numbers))}
            self.issued.append(jwt.encode(claims, _KEY))
        return self.issued[-1]

    async def accepts(self, token: str) -> bool:
        """Whether it is for an audience of the API server."""
        async with self._api.call("create", "selfsubjectreviews", Key("", "")):
            self.tried.append(token)
            audiences = jwt.decode(token, options={"verify_signature": False})["aud"]
        return bool(self.audiences.intersection(audiences))
