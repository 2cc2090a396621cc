"""The log: one form for everybody's records, and nothing secret in any of them."""

import base64
import io
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from support.certificates import make_certificate
from tokensync.errors import CredentialError, Reason
from tokensync.telemetry import logs
from tokensync.telemetry.masking import masked

CHANGED = (None, "tokensync", "kopf.objects", "msal")
TOKEN = jwt.encode({"aud": "https://graph.example", "sub": "canary"}, "x" * 32)
OPAQUE = "correct-horse"
PEM = make_certificate().private_key_pem.decode()

Start = Callable[..., Callable[[], str]]


@pytest.fixture(name="start")
def _start() -> Iterator[Start]:
    """Configures the log; what it returns gives the lines so far. Afterwards all is as before."""
    root = logging.getLogger()
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in CHANGED]
    handlers, raising = root.handlers, logging.raiseExceptions

    def start(level: str = "debug", log_format: Any = "json") -> Callable[[], str]:
        stream = io.StringIO()
        logs.configure(level, log_format, stream)
        return stream.getvalue

    yield start
    root.handlers, logging.raiseExceptions = handlers, raising
    for logger, level in before:
        logger.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def ours() -> Any:
    return structlog.get_logger("tokensync.controller.reconciler")


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def fail(value: str) -> None:
    """Raise as a defect would: the text of the exception is the value."""
    raise ValueError(f"cannot use {value}")


def test_a_record_is_one_json_object_with_what_every_record_has_first(start: Start) -> None:
    """Time in RFC 3339, UTC, milliseconds; then level, msg, logger; then what the caller adds, in its order."""
    log = start()
    ours().info("token renewed", namespace="reports", name="graph", reason=Reason.RENEWED, attempts=2)

    (record,) = records(log())
    time = record.pop("time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    assert abs(datetime.fromisoformat(time) - datetime.now(UTC)) < timedelta(minutes=1)
    assert list(record.items()) == [
        ("level", "info"),
        ("msg", "token renewed"),
        ("logger", "tokensync.controller.reconciler"),
        ("namespace", "reports"),
        ("name", "graph"),
        ("reason", "Renewed"),
        ("attempts", 2),
    ]


def test_an_outage_is_not_told_of_at_each_try(start: Start) -> None:
    """Kopf tries every five seconds: the first failure is logged, and one in five minutes."""
    lines = start("info")
    for number in range(1, 122):
        told = f"Request attempt #{number} failed; will retry: GET …"  # as one text, as Kopf does
        logging.getLogger("kopf._cogs.clients.watching").error(told)

    assert [json.loads(line)["msg"].split()[2] for line in lines().splitlines()] == ["#1", "#61", "#121"]


def test_libraries_log_in_the_same_form(start: Start) -> None:
    """Whoever reads the log needs one parser."""
    log = start()
    logging.getLogger("kopf.reactor").warning("stream %s ended", "secrets")

    (record,) = records(log())
    assert list(record) == ["time", "level", "msg", "logger"]
    assert (record["level"], record["msg"], record["logger"]) == ("warning", "stream secrets ended", "kopf.reactor")


def test_warnings_of_python_are_records_too(start: Start) -> None:
    """A deprecation somewhere must not put half a line of text between the objects."""
    log = start()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("that will go", DeprecationWarning, stacklevel=1)

    (record,) = records(log())
    assert "DeprecationWarning: that will go" in record["msg"]


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_is_the_least_that_we_log(start: Start, level: str, heard: list[str]) -> None:
    """What is below it is not written."""
    log = start(level)
    for name in ("debug", "info", "warning", "error"):
        getattr(ours(), name)(name)

    assert [record["msg"] for record in records(log())] == heard


@pytest.mark.parametrize(
    ("library", "least"),
    [
        ("msal.token_cache", "critical"),
        ("kopf.objects", "error"),
        ("kopf.reactor", "warning"),
        ("kubernetes.aio.client.rest", "warning"),
        ("aiohttp.client", "warning"),
        ("urllib3.connectionpool", "warning"),
        ("asyncio", "warning"),
        ("something.new", "warning"),
    ],
)
def test_libraries_are_quiet_at_every_level(start: Start, library: str, least: str) -> None:
    """Their details may hold requests and answers, so asking us for details does not ask them."""
    log = start("debug")
    for name in ("debug", "info", "warning", "error", "critical"):
        getattr(logging.getLogger(library), name)(name)

    assert next(record["msg"] for record in records(log())) == least


def test_a_log_of_errors_has_no_warnings_of_libraries(start: Start) -> None:
    """The level holds for all."""
    log = start("error")
    logging.getLogger("kopf.reactor").warning("never mind")

    assert log() == ""


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SECRETS = {
    "token": (TOKEN, TOKEN),
    "cut token": (TOKEN[:60], TOKEN[:60]),
    "authorization": (f"Bearer {TOKEN}", TOKEN),
    "form": (f"client_assertion={TOKEN}&scope=x", TOKEN),
    "token of a Secret": (encoded(TOKEN), encoded(TOKEN)[:40]),
    "header of a Secret": (encoded(f"Bearer {TOKEN}"), encoded(f"Bearer {TOKEN}")[10:50]),
    "response of a Secret": (
        encoded(json.dumps({"access_token": TOKEN})),
        encoded(json.dumps({"access_token": TOKEN}))[20:],
    ),
    "key": (PEM, PEM.splitlines()[2]),
    "escaped key": (repr(PEM), PEM.splitlines()[2]),
    "cut key": (PEM[:400], PEM.splitlines()[2]),
    "key of a Secret": (encoded(PEM), encoded(PEM)[40:80]),
}


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("secret", SECRETS)
def test_tokens_and_keys_are_masked_wherever_they_are(start: Start, secret: str, log_format: str) -> None:
    """In the message, in a value, in a key, deep inside, as bytes, as an argument of a library's record."""
    value, seen = SECRETS[secret]
    log = start(log_format=log_format)
    ours().warning(f"got {value}", where="in the message")
    ours().warning("a value", where=value)
    ours().warning("deep inside", where={"list": [{"of": (value,)}], value: 1})
    ours().warning("bytes", where=value.encode())
    ours().warning("an object", where=CredentialError(Reason.INTERNAL_ERROR, value))
    logging.getLogger("kopf").error("a library says %s", value)

    assert log().count("[masked]") == 7
    assert seen not in log()
    assert log().count("\n") == 6


def test_what_stands_around_a_secret_stays(start: Start) -> None:
    """Masking costs as little as possible of what helps."""
    log = start()
    ours().info("answer", body=f'{{"access_token":"{TOKEN}","token_type":"Bearer"}}', chain=f"first\n{PEM}last")

    (record,) = records(log())
    assert record["body"] == '{"access_token":"[masked]","token_type":"Bearer"}'
    assert record["chain"] == "first\n[masked]\nlast"


@pytest.mark.parametrize("text", ["keyJson", "eyJ", "6BABCAAD-604b", "https://login.example/eyJ/token", "BEGIN"])
def test_what_only_resembles_a_secret_stays(text: str) -> None:
    """Names and identifiers are needed to understand the rest."""
    assert masked(text) == text


JSON_LIKE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON_LIKE, st.text(max_size=20))
def test_any_value_can_be_written_and_hides_a_token(value: object, before: str) -> None:
    """Masking never fails, always gives JSON, and finds a token after any text."""
    written = json.dumps(masked({"value": value, "list": [f"{before}{TOKEN}"]}))

    assert TOKEN.split(".")[2] not in written


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_traceback_holds_places_and_types_but_no_values(start: Start, log_format: str) -> None:
    """Of foreign exceptions neither the texts nor the local variables are written, of causes neither."""
    log = start(log_format=log_format)
    try:
        try:
            fail(OPAQUE)
        except ValueError as error:
            raise KeyError(OPAQUE) from error
    except KeyError:
        ours().exception("stopped by a defect", name="graph")

    for line in (
        "Traceback (most recent call last)",
        "logs_test.py",
        "in fail",
        "builtins.ValueError",
        "builtins.KeyError",
    ):
        assert line in log()
    assert log().index("ValueError") < log().index("KeyError")
    assert OPAQUE not in log()


def test_the_text_of_our_own_and_of_the_systems_exceptions_is_kept(start: Start) -> None:
    """They hold no values, and say what happened; a token in one of them is masked all the same."""
    log = start()
    for error in (
        CredentialError(Reason.KEY_MISMATCH, "the key is of another certificate"),
        ConnectionRefusedError(111, f"refused with {TOKEN}"),
    ):
        try:
            raise error
        except (CredentialError, OSError):
            ours().exception("failed")

    first, second = records(log())
    assert first["exception"].endswith("tokensync.CredentialError: KeyMismatch: the key is of another certificate")
    assert second["exception"].endswith("builtins.ConnectionRefusedError: [Errno 111] refused with [masked]")


def test_every_member_of_a_group_is_told(start: Start) -> None:
    """Tasks that fail together are all to be seen."""
    log = start()
    try:
        raise ExceptionGroup("workers", [OSError(1, "one"), OSError(2, "two")])
    except* OSError:
        ours().exception("failed")

    (record,) = records(log())
    assert "[Errno 1] one" in record["exception"]
    assert "[Errno 2] two" in record["exception"]


def test_exceptions_that_name_each_other_as_cause_are_told_once(start: Start) -> None:
    """A circle ends."""
    log = start()
    first, second = OSError(1, "one"), OSError(2, "two")
    first.__cause__, second.__cause__ = second, first
    ours().error("failed", exc_info=first)

    (record,) = records(log())
    assert record["exception"].count("Traceback") == 2


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\x0b", "\x85", "\u2028", "\x1b[2K\r"])
def test_no_value_can_forge_a_line(start: Start, log_format: str, end: str) -> None:
    """A provider's or a user's text with ends of lines or terminal codes stays inside its own line."""
    forged = f"harmless{end}13:45:00Z info     token renewed name=graph"
    log = start(log_format=log_format)
    ours().info(forged, value=forged, inside=[forged])
    logging.getLogger("kopf").error(forged)
    ours().error("failed", exc_info=OSError(2, forged))

    assert not [line for line in log().splitlines() if line.startswith("13:45:00Z")]
    assert "\x1b" not in log()


def test_a_line_for_people_is_short_and_plain(start: Start) -> None:
    """Time of day, level, message, keys; quotes only where they help; our own logger goes without saying."""
    log = start(log_format="text")
    ours().info("token renewed", namespace="reports", name="graph", remedy="nothing to do", attempts=2, last=None)
    logging.getLogger("kopf").error("a library's")

    first, second = log().splitlines()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\dZ info     token renewed namespace=reports name=graph remedy='nothing to do' attempts=2 last=None",
        first,
    )
    assert second[10:] == "error    a library's [kopf]"


class Terminal(io.StringIO):
    """A stream that calls itself a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(
    start: Start, monkeypatch: pytest.MonkeyPatch, no_color: str | None, *, coloured: bool
) -> None:
    """`NO_COLOR` is respected."""
    start()
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    stream = Terminal()
    logs.configure("info", "text", stream)
    ours().info("token renewed")

    assert ("\x1b[" in stream.getvalue()) is coloured


def test_a_record_that_cannot_be_written_is_not_printed_instead(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python's own report of such a record shows its arguments as they are."""
    start()
    logging.getLogger("kopf").error("%d things", TOKEN)

    assert TOKEN not in capsys.readouterr().err


def test_configuring_again_replaces_the_first(start: Start) -> None:
    """No record is written twice."""
    first = start()
    second = start()
    ours().info("once")

    assert first() == ""
    assert len(records(second())) == 1
