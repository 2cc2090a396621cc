"""The log: structlog's and the standard library's records, in one stream and in one form.

A module logs with `log = structlog.get_logger("tokensync")` and `log.info("token renewed", namespace=…, name=…,
because=…)`: a fixed message, and what varies as keys. Each record has `time` (RFC 3339, UTC, milliseconds), `level`, `msg` and
`logger`; one with an exception has `exception`.
"""

import logging
import os
import re
from datetime import UTC, datetime
from typing import Literal, TextIO

import structlog
from structlog.dev import Column, ConsoleRenderer
from structlog.processors import ExceptionRenderer, JSONRenderer
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from tokensync.telemetry.masking import describe, masked, one_line

_OURS = "tokensync"

_TRY = re.compile(r"Request attempt #(\d+)\S* failed; will retry")
_TOLD_EVERY = 60


def configure(level: str, log_format: Literal["json", "text"], stream: TextIO) -> None:
    """Send every record of this process to a stream.

    Args:
        level: the least that we log ourselves: `debug`, `info`, `warning` or `error`. Libraries never say less than
            warnings: what they say in detail may hold tokens and keys.
        log_format: `json`, one object a line; or `text`, in colours on a terminal.
        stream: where to.
    """
    handler = logging.StreamHandler(stream)
    renderer = JSONRenderer() if log_format == "json" else _text_renderer(colours=stream.isatty())
    handler.setFormatter(ProcessorFormatter(processors=[_head, ExceptionRenderer(describe), _mask, renderer]))
    handler.addFilter(_is_news)
    logging.getLogger().handlers = [handler]
    _set_levels(logging.getLevelNamesMapping()[level.upper()])
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # Python's report on a record that cannot be written would show it unmasked
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _set_levels(level: int) -> None:
    logging.getLogger().setLevel(max(level, logging.WARNING))
    logging.getLogger(_OURS).setLevel(level)
    logging.getLogger("kopf.objects").setLevel(logging.ERROR)  # warnings there tell what was in a patch
    logging.getLogger("msal").setLevel(logging.CRITICAL)  # logs a body that it cannot read as an error, token and all


def _is_news(record: logging.LogRecord) -> bool:
    """Kopf tells of each of its tries during an outage: the first is heard, and then about one in five minutes."""
    tried = _TRY.match(str(record.msg))
    return tried is None or int(tried[1]) % _TOLD_EVERY == 1


def _head(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put first what every record has."""
    del event["_from_structlog"]
    record: logging.LogRecord = event.pop("_record")
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = {"time": time, "level": record.levelname.lower(), "msg": event.pop("event"), "logger": record.name}
    return {**head, **event, **head}


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {masked(key): masked(value) for key, value in event.items()}


def _text_renderer(*, colours: bool) -> Processor:
    """Lines for people: `13:45:00Z info     token renewed namespace=reports name=graph`, libraries' with their logger."""
    colours = colours and "NO_COLOR" not in os.environ
    style = ConsoleRenderer.get_default_column_styles(colours)
    levels = ConsoleRenderer.get_default_level_styles(colours)

    def column(key: str, value: object) -> str:
        match key:
            case "time":
                return f"{style.timestamp}{str(value)[11:19]}Z{style.reset}"
            case "level":
                return f"{levels.get(str(value), '')}{value:<8}{style.reset}"
            case "msg":
                return f"{style.bright}{one_line(str(value))}{style.reset}"
            case "logger":
                return "" if str(value).startswith(_OURS) else f"{style.logger_name}[{value}]{style.reset}"
            case _:
                return f"{style.kv_key}{key}{style.reset}={style.kv_value}{_quoted(value)}{style.reset}"

    columns = [Column(key, column) for key in ("time", "level", "msg", "logger", "")]
    return ConsoleRenderer(columns=columns, sort_keys=False)


def _quoted(value: object) -> str:
    plain = isinstance(value, str) and value.isprintable() and not set(value) & set(" ='\"")
    return str(value) if plain else repr(value)
