"""Programs that run beside the tests: how they are started, ended, and never left behind."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from support.processes import Program, ProgramEndedError
from support.waiting import eventually

TESTS = Path(__file__).parents[1]

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
IGNORE_TERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
END_WELL = f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); {SLEEP}"
FAIL = "import sys; sys.exit('what is wrong')"
SPAWN = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]).wait()"

PARENT = f"""
import os, sys
from pathlib import Path
from support.processes import Program
program = Program("sleep", [sys.executable, "-c", {SLEEP!r}], log=Path(sys.argv[1]))
program.start()
program.wait_until(lambda: "up" in program.log_text, 10, "it is up")
print(program.pid, flush=True)
sys.stdin.read()
"""
"""A test run that has started a program and ends when it is told to."""

Run = Callable[[str], Program]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs Python code as a program, and kills it at the end."""
    programs: list[Program] = []

    def start(code: str) -> Program:
        program = Program("python", [sys.executable, "-c", code], log=tmp_path / f"{len(programs)}.log")
        programs.append(program)
        program.start()
        return program

    yield start
    for program in programs:
        program.kill()


def wait_until_up(program: Program) -> None:
    program.wait_until(lambda: "up" in program.log_text, 10, "it is up")


def has_ended(pid: int) -> bool:
    """Whether a process is no more; one that nobody has asked for its exit code counts as ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_program_that_ends_on_request_is_not_killed(run: Run) -> None:
    """SIGTERM comes first, and a program may end in its own way."""
    program = run(END_WELL)
    wait_until_up(program)

    assert program.stop() == 0
    assert not program.running
    assert not program.crashed


def test_program_that_does_not_end_on_request_is_killed(run: Run) -> None:
    """SIGKILL comes after the patience is over."""
    program = run(IGNORE_TERM)
    wait_until_up(program)

    assert program.stop(patience=0.1) == -signal.SIGKILL


def test_killed_program_takes_its_children_along(run: Run) -> None:
    """What a program started ends with it."""
    program = run(SPAWN)
    wait_until_up(program)
    (child,) = psutil.Process(program.pid).children()

    program.kill()

    eventually(lambda: has_ended(child.pid), 5, "the child has ended")


def test_program_can_be_started_again(run: Run) -> None:
    """It is another process then, and its output follows the first one's."""
    program = run(SLEEP)
    wait_until_up(program)
    first = program.pid
    program.kill()

    program.start()

    program.wait_until(lambda: program.log_text.count("up") == 2, 10, "it is up again")
    assert program.pid != first
    assert program.running


def test_stopping_what_does_not_run_does_nothing(tmp_path: Path) -> None:
    """Whoever cleans up need not know how far the start came."""
    program = Program("python", [sys.executable], log=tmp_path / "log")

    program.kill()

    assert program.stop() is None


def test_end_while_waiting_is_told_with_the_log(run: Run) -> None:
    """Nobody waits for what has ended, and the message has its last words."""
    program = run(FAIL)

    with pytest.raises(ProgramEndedError, match=r"(?s)python ended with 1 before this: it is up\n.*what is wrong"):
        wait_until_up(program)
    assert program.crashed


def test_deadline_is_told_with_the_log(run: Run) -> None:
    """What a slow program has said so far is in the message."""
    program = run(SLEEP)
    wait_until_up(program)

    with pytest.raises(AssertionError, match=r"(?s)not within 0.1 s: python: it is done\n.*up"):
        program.wait_until(lambda: False, 0.1, "it is done")


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "ended"])
def test_nothing_outlives_the_one_who_started_it(tmp_path: Path, *, killed: bool) -> None:
    """A test run that is killed, or that forgets to clean up, leaves no program behind."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", PARENT, tmp_path / "log"],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert not has_ended(pid)
        if killed:
            parent.kill()

    eventually(lambda: has_ended(pid), 5, "the program has ended")
