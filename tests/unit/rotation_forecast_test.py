"""Until when tokens can still be had, told anew in each stage."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.builders import ISSUED_AT, make_credential, make_observation
from tokensync.resource.status import ConditionType
from tokensync.rotation.conditions import conditions
from tokensync.rotation.decide import Keep, next_check
from tokensync.rotation.forecast import STAGES, in_words, stage, turns

END = ISSUED_AT + timedelta(days=100)
LEAST = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("left", "within"),
    [
        (timedelta(days=30) + LEAST, None),
        (timedelta(days=30), timedelta(days=30)),
        (timedelta(days=14) + LEAST, timedelta(days=30)),
        (timedelta(days=14), timedelta(days=14)),
        (timedelta(days=7), timedelta(days=7)),
        (timedelta(days=1) + LEAST, timedelta(days=7)),
        (timedelta(days=1), timedelta(days=1)),
        (timedelta(0), timedelta(days=1)),
    ],
)
def test_stage_is_the_closest_one_that_has_begun(left: timedelta, within: timedelta | None) -> None:
    """It begins at its very moment, and lasts until the next one begins."""
    assert stage(END, END - left) == within


@given(st.timedeltas(timedelta(0), timedelta(days=60)), st.timedeltas(timedelta(0), timedelta(days=60)))
def test_what_is_said_changes_at_the_turns_and_nowhere_else(one: timedelta, other: timedelta) -> None:
    """Whoever looks again at each of them misses nothing, and has nothing to write in between."""
    earlier, later = sorted((END - one, END - other))
    turned = any(earlier < turn <= later for turn in turns(END))
    assert (stage(END, earlier) != stage(END, later)) is turned


def message(now: timedelta) -> str:
    """What `CredentialValid` says that long before the end."""
    seen = make_observation(now=END - now, credential=make_credential(not_after=END), stored=None)
    (told,) = [told for told in conditions(seen, Keep()) if told.type is ConditionType.CREDENTIAL_VALID]
    return told.message


def test_every_stage_has_words_of_its_own() -> None:
    """The words are what an Event is made of."""
    assert len({message(within) for within in (*STAGES, timedelta(days=31))}) == len(STAGES) + 1
    assert [in_words(within) for within in STAGES] == ["30 days", "14 days", "7 days", "a day"]


def test_the_next_look_is_when_the_next_stage_begins() -> None:
    """Though nothing else is due before."""
    now, looks = ISSUED_AT, []
    while True:
        seen = make_observation(now=now, credential=make_credential(not_after=END), stored=None)
        then = next_check(seen, Keep())
        if then is None:
            break
        looks.append(then)
        now = then
    assert looks == [*(END - within for within in STAGES), END + LEAST]
