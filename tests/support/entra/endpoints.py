"""The provider over HTTP: a tenant's metadata, its keys, its token endpoint."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.utils import format_datetime

from aiohttp import web
from multidict import MultiDict, MultiMapping

from support.entra import answers, errors
from support.entra.assertion import Assertion
from support.entra.directory import Directory, Tenant
from support.entra.errors import EntraError
from support.entra.faults import Proceed
from support.entra.grant import Grant, GrantForm
from support.entra.journal import Journal, TokenRequest
from support.entra.metadata import KEYS_PATH, METADATA_PATH, TOKEN_PATH, Addresses
from support.entra.switchboard import Endpoint, Switchboard
from support.entra.tokens import TokenIssuer

FORM = "application/x-www-form-urlencoded"


class Endpoints:
    """Takes requests apart, notes them, lets faults have their way, and answers."""

    def __init__(
        self,
        *,
        directory: Directory,
        grant: Grant,
        addresses: Addresses,
        journal: Journal,
        switchboard: Switchboard,
        now: Callable[[], datetime],
    ) -> None:
        self._directory = directory
        self._grant = grant
        self._addresses = addresses
        self._journal = journal
        self._switchboard = switchboard
        self._now = now

    def application(self) -> web.Application:
        """The routes, in an application that has not served yet."""
        application = web.Application()
        application.router.add_get(METADATA_PATH, self._metadata)
        application.router.add_get(KEYS_PATH, self._keys)
        application.router.add_post(TOKEN_PATH, self._token)
        application.on_response_prepare.append(self._date)
        return application

    async def _metadata(self, request: web.Request) -> web.StreamResponse:
        async def document() -> web.StreamResponse:
            return web.json_response(self._addresses.metadata(self._tenant(request)))

        self._journal.discovery_arrived()
        response, _ = await self._answer(Endpoint.DISCOVERY, request, document)
        return response

    async def _keys(self, request: web.Request) -> web.StreamResponse:  # noqa: ARG002 - all tenants share a key
        return web.json_response(TokenIssuer().key_set())

    async def _token(self, request: web.Request) -> web.StreamResponse:
        async def token() -> web.StreamResponse:
            issued = self._grant.token(self._tenant(request), GrantForm.read(form), self._now())
            self._journal.token_issued(issued)
            return answers.token(issued)

        form = await _form(request)
        number = self._journal.request_arrived(self._noted(request, form), form.get("client_assertion", ""))
        try:
            response, code = await self._answer(Endpoint.TOKEN, request, token)
        except asyncio.CancelledError:
            self._journal.request_abandoned(number)
            raise
        self._journal.request_answered(number, response.status, code)
        return response

    async def _answer(
        self, endpoint: Endpoint, request: web.Request, proceed: Proceed
    ) -> tuple[web.StreamResponse, int | None]:
        try:
            return await self._switchboard.answer(endpoint, request, proceed), None
        except EntraError as problem:
            response = answers.error(
                problem,
                error_uri=self._addresses.error(problem.code),
                now=self._now(),
                request_id=request.headers.get("client-request-id"),
            )
            return response, problem.code

    def _tenant(self, request: web.Request) -> Tenant:
        name = request.match_info["tenant"]
        tenant = self._directory.find(name)
        if tenant is None:
            raise errors.tenant_not_found(name)
        return tenant

    def _noted(self, request: web.Request, form: MultiMapping[str]) -> TokenRequest:
        assertion = _parsed(form.get("client_assertion", ""))
        return TokenRequest(
            time=self._now(),
            tenant=request.match_info["tenant"],
            client_id=form.get("client_id", ""),
            scope=form.get("scope", ""),
            thumbprint=assertion.thumbprint if assertion else "",
            jti=str(assertion.claims.get("jti", "")) if assertion else "",
        )

    async def _date(self, request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG002 - a signal's shape
        response.headers["Date"] = format_datetime(self._now(), usegmt=True)


async def _form(request: web.Request) -> MultiMapping[str]:
    """The form's parameters; none at all where the body is something else, which `GrantForm` then refuses."""
    if request.content_type != FORM:
        return MultiDict()
    return MultiDict((name, value) for name, value in (await request.post()).items() if isinstance(value, str))


def _parsed(assertion: str) -> Assertion | None:
    with suppress(EntraError):
        return Assertion.parse(assertion)
    return None
