"""Another host, with a certificate just as good, that nobody should ever ask for anything."""

import ssl

from aiohttp import web

from support.entra.listener import ADDRESS, Listener


class Bystander:
    """Counts requests, and answers them so well that whoever is led here takes it for the provider.

    Attributes:
        requests: how many there were.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.requests = 0
        self.listener = Listener(self._application, tls)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"https://{ADDRESS}:{self.listener.port}"

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.Response:  # noqa: ARG002 - whatever it is
        self.requests += 1
        return web.json_response({"token_type": "Bearer", "expires_in": 3600, "access_token": "from-elsewhere"})
