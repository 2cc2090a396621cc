"""`tokensync run`: the operator. It has a flag for each setting."""

import argparse
import sys
from datetime import timedelta

import structlog
from pydantic.fields import FieldInfo

from tokensync import settings
from tokensync.duration import show_duration
from tokensync.settings import InvalidSettingsError, Settings
from tokensync.telemetry import logs

HELP = "run the operator"

logger = structlog.get_logger()


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.usage = "%(prog)s [--SETTING VALUE]..."
    parser.description = "Runs the operator: in a pod, or with the kubeconfig of KUBECONFIG (else ~/.kube/config)."
    parser.epilog = (
        f"Each setting can also come from the environment: --log-level as {settings.variable('log_level')}. "
        "A flag outranks it. Lists are separated by commas; durations look like 90s, 15m or 1h30m."
    )
    for name, field in Settings.model_fields.items():
        parser.add_argument(
            settings.flag(name),
            dest=name,
            action="append" if isinstance(field.default, tuple) else "store",
            default=argparse.SUPPRESS,
            metavar=field.title,
            help=_help(field).replace("%", "%%"),
        )
    parser.set_defaults(execute=_execute)


def _help(field: FieldInfo) -> str:
    match field.default:
        case timedelta() as duration:
            default = show_duration(duration)
        case (_, *_) as items:
            default = ", ".join(items)
        case bool() as switch:
            default = str(switch).lower()
        case str() | int() as value:
            default = str(value)
        case _:  # none, or one that the description has to explain
            return str(field.description)
    return f"{field.description} Default: {default}."


def _execute(chosen: argparse.Namespace) -> int:
    flags = {name: value for name, value in vars(chosen).items() if name in Settings.model_fields}
    try:
        loaded = settings.load(flags)
    except InvalidSettingsError as error:
        chosen.parser.exit(2, "".join(f"{chosen.parser.prog}: error: {problem}\n" for problem in error.problems))
    logs.configure(loaded.log_level, loaded.log_format, sys.stderr)
    return _run(loaded)


def _run(loaded: Settings) -> int:
    try:
        from tokensync.startup import run  # noqa: PLC0415 - imports the clients: --help and mistakes need not wait

        return run(loaded)
    except Exception:
        logger.exception("stopped by a defect")
        return 1
