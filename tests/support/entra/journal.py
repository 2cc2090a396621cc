"""What the provider has seen and handed out, for tests to count and to search for."""

from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

from support.entra.tokens import IssuedToken


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request for a token, noted as it arrives and completed when it is answered.

    Attributes:
        time: when it arrived, by the provider's clock.
        tenant: as the path names it.
        client_id: as the form names it, or empty; so is every further one.
        scope: what was asked for.
        thumbprint: of the certificate that the assertion names, upper-case hexadecimal: SHA-256, or SHA-1 if it has
            only that.
        jti: of the assertion.
        status: of the answer; None until there is one.
        abandoned: the client went away before it was answered.
        error_code: the AADSTS number of an answer in Entra's form.
    """

    time: datetime
    tenant: str
    client_id: str
    scope: str
    thumbprint: str
    jti: str
    status: int | None = None
    error_code: int | None = None
    abandoned: bool = False


class Journal:
    """Written by the server's thread, read by any."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: list[TokenRequest] = []
        self._assertions: list[str] = []
        self._issued: list[IssuedToken] = []
        self._discovery_requests = 0

    def request_arrived(self, request: TokenRequest, assertion: str) -> int:
        """Note a request for a token, and return its number."""
        with self._lock:
            self._requests.append(request)
            if assertion:
                self._assertions.append(assertion)
            return len(self._requests) - 1

    def request_answered(self, number: int, status: int, error_code: int | None) -> None:
        """Complete a request's note."""
        with self._lock:
            self._requests[number] = replace(self._requests[number], status=status, error_code=error_code)

    def request_abandoned(self, number: int) -> None:
        """Note that nobody waits for an answer any more."""
        with self._lock:
            self._requests[number] = replace(self._requests[number], abandoned=True)

    def token_issued(self, token: IssuedToken) -> None:
        """Note a token."""
        with self._lock:
            self._issued.append(token)

    def discovery_arrived(self) -> None:
        """Note a request for a tenant's metadata."""
        with self._lock:
            self._discovery_requests += 1

    @property
    def requests(self) -> list[TokenRequest]:
        """Requests for tokens, by arrival."""
        with self._lock:
            return list(self._requests)

    @property
    def assertions(self) -> list[str]:
        """All assertions ever received, good or not."""
        with self._lock:
            return list(self._assertions)

    @property
    def issued(self) -> list[IssuedToken]:
        """All tokens ever handed out."""
        with self._lock:
            return list(self._issued)

    @property
    def discovery_requests(self) -> int:
        """How often a tenant's metadata was asked for."""
        with self._lock:
            return self._discovery_requests
