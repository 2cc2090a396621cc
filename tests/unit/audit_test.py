"""What of an audit log can be counted when its writer was killed."""

from pathlib import Path

import pytest

from support.audit import drop_unfinished_line


@pytest.mark.parametrize(
    ("written", "kept"), [(b"{}\n{}\n", b"{}\n{}\n"), (b'{}\n{"ve', b"{}\n"), (b'{"ve', b""), (b"", b"")]
)
def test_a_line_that_was_never_finished_goes(tmp_path: Path, written: bytes, kept: bytes) -> None:
    """Whoever writes next begins a line of its own."""
    log = tmp_path / "audit.log"
    log.write_bytes(written)

    drop_unfinished_line(log)

    assert log.read_bytes() == kept
