"""Free TCP ports."""

import secrets
import socket
from contextlib import suppress

_FIRST, _LAST = 20000, 29999


def free_port(address: str = "127.0.0.1") -> int:
    """A port of this machine's address that nothing listens on.

    It is below what systems hand out for outgoing connections: a server that is killed and started again must find its
    port free, however often clients tried to connect to it meanwhile (one of them may even connect to itself).
    Chosen by the system's randomness: test runs side by side may have seeded Python's alike.
    """
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST + 1)
        with suppress(OSError), socket.create_server((address, port)):
            return port
