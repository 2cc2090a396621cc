"""What was asked for and not granted."""

from typing import Any

import pytest

from support.builders import make_observation, make_resource, make_stored
from tokensync.rotation.conditions import LISTED, conditions
from tokensync.rotation.decide import Keep
from tokensync.rotation.scopes import missing_scopes

OTHER_SERVER = {"oidc": {"issuer": "https://login.example.com"}}
ASKED = ["reports:read", "reports:write"]
RESOURCE = make_resource(provider=OTHER_SERVER, scopes=ASKED)


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ("reports:read reports:write", ()),
        ("reports:write other reports:read", ()),
        ("reports:read", ("reports:write",)),
        ("other", ("reports:read", "reports:write")),
        ("Reports:Read reports:write", ("reports:read",)),
        ("reports:readonly reports:write", ("reports:read",)),
        (None, ()),
    ],
)
def test_missing_is_what_was_asked_for_and_is_not_in_the_answer(granted: str | None, missing: tuple[str, ...]) -> None:
    """Whole words, in upper and lower case as they are, in any order (RFC 6749, section 3.3)."""
    assert missing_scopes(make_observation(RESOURCE, granted=granted)) == missing


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"resource": make_resource(scopes=["https://a.example/.default"])}, id="Entra names permissions"),
        pytest.param({"resource": make_resource(provider=OTHER_SERVER, scopes=[])}, id="nothing was asked for"),
        pytest.param({"stored": None}, id="there is no token"),
        pytest.param({"stored": make_stored()}, id="the token is for another spec"),
    ],
)
def test_nothing_is_missing_where_answer_and_question_cannot_be_compared(changes: dict[str, Any]) -> None:
    """It would be said of tokens that have all that they should."""
    assert missing_scopes(make_observation(**{"resource": RESOURCE, "granted": "other", **changes})) == ()


def test_a_scope_that_is_asked_for_twice_is_named_once() -> None:
    """The list in the message has no double entries."""
    resource = make_resource(provider=OTHER_SERVER, scopes=["a", "b", "a"])
    assert missing_scopes(make_observation(resource, granted="b")) == ("a",)


def test_a_long_list_leaves_room_for_the_next_step() -> None:
    """The message ends with what to do, however much is missing."""
    resource = make_resource(provider=OTHER_SERVER, scopes=[f"{number}-{'a' * 100}" for number in range(32)])
    told = conditions(make_observation(resource, granted="other"), Keep())
    (message,) = [condition.message for condition in told if condition.reason == "ScopeNarrowed"]
    assert message.endswith("or take them out of spec.scopes")
    assert LISTED < len(message) < 2 * LISTED
