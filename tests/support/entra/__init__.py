"""A strict fake of Microsoft Entra ID: start a `FakeEntra`, register applications, ask it for tokens, break it."""

from support.entra.directory import Application, FederatedCredential
from support.entra.errors import EntraError
from support.entra.faults import Fault
from support.entra.journal import TokenRequest
from support.entra.server import FakeEntra
from support.entra.switchboard import Endpoint
from support.entra.tokens import IssuedToken

__all__ = [
    "Application",
    "Endpoint",
    "EntraError",
    "FakeEntra",
    "Fault",
    "FederatedCredential",
    "IssuedToken",
    "TokenRequest",
]
