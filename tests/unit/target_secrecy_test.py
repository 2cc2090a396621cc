"""No token in the `repr` of anything that holds one."""

from hypothesis import given
from hypothesis import strategies as st

from support.builders import ISSUED_AT, make_issue, make_observation, make_resource, make_secret, make_token
from tokensync.controller.memory import Memory
from tokensync.resource.spec import Key
from tokensync.rotation.attempts import Attempts
from tokensync.target.stored import read_stored

TOKENS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=24, max_size=64)
"""Unlike anything else that is shown here."""


@given(TOKENS)
def test_token_is_in_no_repr(value: str) -> None:
    """Neither its own, nor that of what carries it to the Secret, nor of what is read back."""
    resource = make_resource()
    token = make_token(value)
    issue = make_issue(resource, token)
    memory = Memory("u", (Key("a", "b"),), Attempts(), None, -1, ISSUED_AT, None, None, bought=issue)
    secret = make_secret(resource, issue).seen()
    stored = read_stored(secret, resource.spec, written_resource_version="", reported=None)
    seen = make_observation(resource, secret=secret, stored=stored)
    for holder in (token, issue, memory, secret, stored, seen):
        assert value not in f"{holder!r} {holder!s} {holder:}"


@given(TOKENS)
def test_token_is_where_it_belongs(value: str) -> None:
    """The test above would pass if the token were lost."""
    memory = Memory("u", (Key("a", "b"),), Attempts(), None, -1, None, None, None)
    memory.bought = make_issue(make_resource(), make_token(value))
    assert memory.bought.token.value == value
