"""The command line: `tokensync`, also as `kubectl tokensync`. One module for each command.

A command's module has `HELP`, its line in the list of commands, and `configure(parser)`, which adds its arguments and
sets the default `execute`: a function from the parsed arguments to the exit code.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tokensync import __version__
from tokensync.cli import run

_COMMANDS = {"run": run}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: what follows the program's name; by default what it was started with.

    Returns:
        The exit code. For what cannot be understood the process exits with 2 at once.
    """
    chosen, unknown = _parser().parse_known_args(arguments)
    if unknown:
        chosen.parser.error(f"{_complaint(unknown)}: write what {chosen.parser.prog} --help lists")
    return int(chosen.execute(chosen))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubectl tokensync" if Path(sys.argv[0]).name == "kubectl-tokensync" else "tokensync",
        description="Keeps fresh OAuth 2.0 access tokens in Kubernetes Secrets.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tokensync {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in _COMMANDS.items():
        own = commands.add_parser(name, help=command.HELP, allow_abbrev=False)
        own.set_defaults(parser=own)
        command.configure(own)
    return parser


def _complaint(unknown: Sequence[str]) -> str:
    """Name unknown flags, without their values: one may be a password."""
    flags = [argument.partition("=")[0] for argument in unknown if argument.startswith("-")]
    return f"unknown flag {', '.join(flags)}" if flags else "too many arguments"
