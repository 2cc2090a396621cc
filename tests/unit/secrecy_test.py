"""Every value that holds something secret leaves it out of its `repr`."""

from datetime import UTC, datetime

import pytest

from tokensync.credentials.entry import Block, Entry, Part
from tokensync.credentials.password import Password
from tokensync.credentials.proof import ClientSecret, FederatedToken
from tokensync.identity.cleaning import Cleaner
from tokensync.identity.conversation import Reply
from tokensync.identity.response import Response
from tokensync.target.previous import PreviousToken
from tokensync.token import AccessToken

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CANARY = "canary-of-something-secret"
BYTES = CANARY.encode()

HOLDERS = [
    Entry("reports/client", "tls.key", Part.PRIVATE_KEY, BYTES),
    Block("PRIVATE KEY", BYTES),
    Password(BYTES, None),
    ClientSecret(CANARY, "uid.1"),
    FederatedToken(CANARY, "system:serviceaccount:reports:reader", "api://audience"),
    Cleaner([CANARY]),
    Reply(CANARY),
    Response(200, {"WWW-Authenticate": CANARY}, BYTES, NOW, NOW),
    PreviousToken(CANARY, NOW),
    AccessToken(CANARY, "Bearer", "", NOW, NOW),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_a_secret_is_not_in_the_repr_of_what_holds_it(holder: object) -> None:
    """Nor in its text: logs, tracebacks and f-strings show no more than these."""
    for shown in (repr(holder), str(holder), f"{[holder]}"):
        assert CANARY not in shown
