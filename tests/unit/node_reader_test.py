"""What the reader pod makes of a file, and what is made of its samples."""

from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from support.node.reader import Reading, Sample
from support.node.reader_program import _expiry

END = 1_800_000_000


def test_program_takes_the_end_from_the_token_itself(tmp_path: Path) -> None:
    """Nothing that the operator wrote beside it counts."""
    file = tmp_path / "token"
    file.write_text(jwt.encode({"exp": END}, "a key of no meaning, long enough to be one"))

    assert _expiry(file) == END


@pytest.mark.parametrize("content", ["", "opaque", "a.b.c", "a.e30.c", None])
def test_program_goes_on_where_there_is_no_token(tmp_path: Path, content: str | None) -> None:
    """It says that it found none."""
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)

    assert _expiry(file) is None


def test_reading_tells_the_worst_moment() -> None:
    """Of a token that was read after its end, and a time without any."""
    reading = Reading(
        [Sample(END - 9.5, END), Sample(END + 2.5, END), Sample(END + 3, None), Sample(END + 4, END + 60)]
    )

    assert reading.worst == timedelta(seconds=-2.5)
    assert reading.missed == 1
    assert reading.tokens == 2
    assert reading.longest_pause == timedelta(seconds=12)
    assert reading.duration == timedelta(seconds=13.5)
