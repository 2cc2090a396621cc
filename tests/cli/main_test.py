"""The command line as a whole."""

import subprocess
import sys

import pytest

from tokensync import __version__
from tokensync.cli import main


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said on stderr about arguments that cannot be understood."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """For a report of a defect."""
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])

    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"tokensync {__version__}\n"


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each."""
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])

    assert stopped.value.code == 0
    assert "    run       run the operator\n" in capsys.readouterr().out


@pytest.mark.parametrize(("program", "name"), [("tokensync", "tokensync"), ("kubectl-tokensync", "kubectl tokensync")])
def test_it_goes_by_the_name_that_it_was_called_by(
    program: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the help says can be typed again."""
    monkeypatch.setattr(sys, "argv", [f"/usr/local/bin/{program}"])

    assert f"usage: {name} run " in refused(["run", "--colour"], capsys)
    assert f"usage: {name} [-h]" in refused([], capsys)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "error: the following arguments are required: COMMAND"),
        (["walk"], "invalid choice: 'walk' (choose from 'run')"),
        (["run", "--workers"], "error: argument --workers: expected one argument"),
        (["run", "--work", "3"], "error: unknown flag --work: write what tokensync run --help lists"),
        (["run", "now"], "error: too many arguments: write what tokensync run --help lists"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The usage, what is wrong, exit code 2; a flag is never guessed from its beginning."""
    usage, complaint = refused(arguments, capsys).splitlines()

    assert usage.startswith("usage: tokensync")
    assert says in complaint


@pytest.mark.parametrize("arguments", [["--proxxy=http://user:correct-horse@proxy"], ["--proxxy", "correct-horse"]])
def test_the_value_of_an_unknown_flag_is_not_repeated(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It may be a password, and what stands on stderr of a pod is kept."""
    complaint = refused(["run", *arguments], capsys)

    assert "unknown flag --proxxy:" in complaint
    assert "correct-horse" not in complaint


def test_help_does_not_wait_for_the_clients() -> None:
    """Kopf, MSAL and the Kubernetes client take most of a second to import."""
    code = (
        "import sys\n"
        "from tokensync.cli import main\n"
        "try: main(['run', '--help'])\n"
        "except SystemExit: print({'kopf', 'kubernetes', 'msal', 'aiohttp'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours

    assert run.stdout.splitlines()[-1] == "set()"


def test_the_module_is_the_command_line() -> None:
    """`python -m tokensync` is the same program, and a mistake in it ends in one line without a traceback."""
    run = subprocess.run(
        [sys.executable, "-m", "tokensync", "run", "--workers", "0"], capture_output=True, text=True, check=False
    )

    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr == (
        "tokensync run: error: --workers (TOKENSYNC_WORKERS): '0' should be greater than or equal to 1\n"
    )
