"""The demo: what it shows, what it takes for a failure, and that it tidies up."""

import base64
import io
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from demo import __main__ as demo_main
from demo.checks import CheckFailedError
from demo.footer import LiveFooter
from demo.play import Act, play
from demo.sampler import Sampler
from demo.sightings import Hole
from demo.timeline import Timeline
from support.entra import FakeEntra, IssuedToken
from support.kubectl import KubectlError
from support.processes import Program
from support.scenario import Scenario
from support.waiting import eventually

TESTS = Path(__file__).parents[1]
CONTROL = re.compile(r"\r|\x1b\[[0-9;?]*[A-Za-z]")
"""What moves a terminal's cursor and changes its colours."""


def issued(value: str, *, seconds: float = 20) -> IssuedToken:
    """A token that ends in so many seconds."""
    now = datetime.now(UTC)
    lifetime = timedelta(seconds=seconds)
    return IssuedToken(value, "client", "resource", "THUMBPRINT", now, now + lifetime, lifetime)


class World:
    """What a sampler reads: one Secret, one status, and the tokens that were issued."""

    def __init__(self) -> None:
        self.issued: list[IssuedToken] = []
        self.token_requests = 0
        self.secret: dict[str, Any] | None = None
        self.status: dict[str, Any] = {}
        self.told: list[str] = []
        self.sampler = Sampler(cast("Scenario", self), "graph", "graph-token", self.told.append)
        self.namespace = "reports"
        self.entra = self
        self.cluster = SimpleNamespace(
            secrets=SimpleNamespace(find=lambda *_: self.secret),
            resources=SimpleNamespace(find=lambda *_: {"status": self.status}),
        )

    def hold(self, value: str, *, version: str = "1", uid: str = "first") -> None:
        """Put a value into the Secret."""
        data = {"token": base64.b64encode(value.encode()).decode()}
        self.secret = {"metadata": {"uid": uid, "resourceVersion": version}, "data": data}

    def issue(self, value: str, *, seconds: float = 20) -> None:
        """Issue a token and put it into the Secret."""
        self.issued.append(issued(value, seconds=seconds))
        self.hold(value)

    def read(self) -> None:
        """Let the sampler read once."""
        self.sampler._read()


@pytest.fixture
def world() -> World:
    return World()


# the consumer


def test_the_consumer_remembers_the_worst(world: World) -> None:
    """The shortest remaining lifetime counts, also that of a token just before it was replaced."""
    world.issue("first", seconds=4)
    world.read()
    world.issue("second", seconds=20)
    world.read()

    world.sampler.verify()
    assert 3 < world.sampler.worst <= 4
    assert [sighting.number for sighting in world.sampler.sightings] == [1, 2]


def test_an_expired_token_in_the_secret_is_a_failure(world: World) -> None:
    """The one thing that must never be seen."""
    world.issue("first", seconds=-1)
    world.read()

    with pytest.raises(CheckFailedError, match="a valid token in the Secret at any time"):
        world.sampler.verify()


def test_before_the_first_token_nothing_is_missed(world: World) -> None:
    """A consumer starts when there is something to consume."""
    world.read()
    world.hold("of somebody else")
    world.read()

    world.sampler.verify()
    assert world.sampler.samples == []


@pytest.mark.parametrize("hole", Hole)
def test_a_hole_is_a_failure_unless_it_was_expected(world: World, hole: Hole) -> None:
    """Whoever deletes or edits the Secret says so before, and only for as long as it lasts."""

    def fall_in() -> None:
        world.issue("first")
        world.read()
        world.secret = None
        if hole is Hole.EDITED:
            world.hold("never issued")
        world.read()

    with world.sampler.expecting(hole):
        fall_in()
    world.sampler.verify()
    assert world.sampler.samples[-1].left is None

    fall_in()
    with pytest.raises(CheckFailedError, match=hole.value):
        world.sampler.verify()


def test_another_hole_than_the_expected_one_is_a_failure(world: World) -> None:
    """A Secret that was to be edited may not vanish."""
    world.issue("first")
    world.read()
    world.secret = None
    with world.sampler.expecting(Hole.EDITED):
        world.read()

    with pytest.raises(CheckFailedError, match=Hole.ABSENT.value):
        world.sampler.verify()


def test_a_consumer_that_cannot_read_is_a_failure(world: World) -> None:
    """What was not seen cannot be said to have been well."""

    def broken(*_: str) -> None:
        raise KubectlError("no API server")

    world.cluster.secrets.find = broken
    with world.sampler:
        eventually(lambda: world.sampler.error, 5, "the sampler gives up")

    with pytest.raises(CheckFailedError, match="no API server"):
        world.sampler.verify()


def test_the_renewal_time_is_of_the_token_that_is_there(world: World) -> None:
    """A status that still tells of the version before is not believed."""
    world.issue("first")
    world.status = {"target": {"resourceVersion": "0"}, "token": {"renewAt": "2026-11-23T13:45:00.250Z"}}
    world.read()
    assert world.sampler.sightings[0].renew_at is None

    world.status["target"]["resourceVersion"] = "1"
    world.read()
    assert world.sampler.sightings[0].renew_at == datetime(2026, 11, 23, 13, 45, 0, 250_000, UTC)


def test_no_token_is_shown(world: World) -> None:
    """Neither in what is told, nor in what a message might show."""
    world.issue("secret-of-the-first")
    world.read()
    world.issue("secret-of-the-second")
    world.read()

    assert len(world.told) == 2
    assert "secret-of" not in f"{world.told} {world.sampler.sightings} {world.sampler.samples}"


# the timeline


def console(*, terminal: bool, width: int = 80) -> Console:
    return Console(
        file=io.StringIO(), width=width, height=24, force_terminal=terminal, highlight=False, markup=False, emoji=False
    )


def text_of(written: Console) -> str:
    return cast("io.StringIO", written.file).getvalue()


def tell_all(timeline: Timeline) -> None:
    """Print a line of each kind."""
    timeline.heading("Title", "About it. " * 12)
    for tell in (timeline.say, timeline.event, timeline.ok, timeline.failed, timeline.command):
        tell("some [words] :smile: " * 8)
    timeline.output("NAME    READY\n" + "graph   True   " * 10)
    timeline.yaml("kind: ClientCredentialToken\n")
    timeline.verbatim("export A=" + "b" * 100)


def test_without_a_terminal_there_are_plain_lines() -> None:
    """No control character, nothing cut, no line broken: for logs, and for grep."""
    written = console(terminal=False)
    with Timeline(written, live=False) as timeline:
        tell_all(timeline)

    lines = text_of(written).splitlines()
    assert all(character.isprintable() or character == "\n" for character in text_of(written))
    assert "About it. " * 12 in lines
    assert [line[6:] for line in lines if "some [words]" in line] == [
        f"  {mark:<2}  {'some [words] :smile: ' * 8}" for mark in ("", "·", "ok", "!!", "$")
    ]
    assert " " * 12 + "kind: ClientCredentialToken" in lines
    assert " " * 12 + ("graph   True   " * 10).rstrip() in lines


def test_a_terminal_is_never_overflowed(world: World) -> None:
    """Lines are folded under their own text, and output is cut; what is to be copied is left to the terminal."""
    written = console(terminal=True)
    world.issue("first")
    world.read()
    with Timeline(written, live=True) as timeline:
        timeline.put_footer(LiveFooter(world.sampler, cast("FakeEntra", world)))
        tell_all(timeline)

    lines = [line.rstrip() for line in CONTROL.sub("", text_of(written)).splitlines()]
    assert [line for line in lines if len(line) > 80] == ["export A=" + "b" * 100]
    assert lines.count(" " * 12 + "[words] :smile: some [words] :smile:") == 5
    assert " " * 12 + ("graph   True   " * 10)[: 80 - 12 - 1] + "…" in lines


def test_the_footer_is_as_wide_as_the_terminal(world: World) -> None:
    """Before the first token, with one, when it is due, and without one."""
    footer = LiveFooter(world.sampler, cast("FakeEntra", world))
    drawn = [drawing(footer)]
    world.issue("first")
    world.read()
    drawn.append(drawing(footer))
    world.sampler.sightings[0].renew_at = datetime.now(UTC) - timedelta(minutes=1)
    drawn.append(drawing(footer))
    world.secret = None
    world.read()
    drawn.append(drawing(footer))

    assert all(len(line) <= 80 for footer_drawn in drawn for line in footer_drawn.splitlines())
    for expected, footer_drawn in zip(["no token yet", "token 1", "renewal is due", "gone"], drawn, strict=True):
        assert expected in footer_drawn


def drawing(footer: LiveFooter) -> str:
    written = console(terminal=False)
    written.print(footer(80))
    return text_of(written)


# the verdict


def silent() -> Timeline:
    return Timeline(console(terminal=False), live=False)


def test_an_act_is_a_function_with_a_docstring() -> None:
    """Its first line is the title, the rest is told."""

    def act(stage: str) -> str:
        """A title.

        More of it,
        in two lines.
        """
        return f"played on {stage}"

    made = Act.of(act, "a stage")
    assert (made.title, made.about, made.play()) == ("A title", "More of it,\nin two lines.", "played on a stage")


def test_every_act_is_played_in_order() -> None:
    """Each result has its number, and what came of the act."""
    acts = [Act(title, "", lambda title=title: f"{title} is done") for title in ("one", "two")]  # type: ignore[misc]

    results = play(acts, silent(), lambda: None, pause=0)

    assert [(result.number, result.outcome) for result in results] == [(1, "one is done"), (2, "two is done")]
    assert not any(result.failure for result in results)


@pytest.mark.parametrize("error", [CheckFailedError("light", "dark"), KubectlError("dark"), AssertionError("dark")])
def test_an_act_that_fails_is_the_last(error: Exception) -> None:
    """The others would only show what follows from it."""

    def fail() -> str:
        raise error

    timeline = silent()
    results = play([Act("bad", "", fail), Act("good", "", str)], timeline, lambda: None, pause=0)

    (result,) = results
    assert result.failure
    assert (result.failure.where, "dark" in result.failure.seen) == ("act 1, bad", True)
    assert "dark" in text_of(timeline._console)


def test_an_act_during_which_something_else_broke_has_failed() -> None:
    """Such as the operator, or the consumer."""

    def look() -> None:
        raise CheckFailedError("the operator runs", "it ended")

    (result,) = play([Act("good", "", str)], silent(), look, pause=0)

    assert result.failure


@pytest.mark.parametrize("fails", [False, True])
def test_the_exit_code_is_the_verdict(
    fails: bool, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """0 if every act passed, else 1, with what was expected, what was seen, and where the logs are."""
    taken_down = []

    @contextmanager
    def set_up(folder: Path, timeline: Timeline) -> Iterator[SimpleNamespace]:
        (folder / "operator.log").write_text("the operator's last words\n")
        (folder / "admin.kubeconfig").write_text("key")
        try:
            yield SimpleNamespace(
                timeline=timeline,
                sampler=world.sampler,
                entra=world,
                figures={},
                checks=3,
                conditions=lambda: ["Ready False"],
                verify_unharmed=lambda: None,
            )
        finally:
            taken_down.append(folder)

    def act(_: object) -> str:
        """The act."""
        if fails:
            raise CheckFailedError("light", "dark")
        return "light"

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(demo_main, "set_up", set_up)
    monkeypatch.setattr(demo_main, "ACTS", (act,))
    timeline = silent()

    assert demo_main._perform(timeline) == int(fails)

    text = text_of(timeline._console)
    assert ("Passed: 1 acts, 3 checks" in text) is not fails
    assert len(taken_down) == 1
    kept = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert kept == (["operator.log"] if fails else [])
    if fails:
        for expected in (
            "act 1, The act",
            "expected  light",
            "seen      dark",
            "last words",
            str(tmp_path),
            "Ready False",
        ):
            assert expected in text


# the whole of it, with programs that do not work


def demo(tmp_path: Path, script: str) -> Program:
    """The demo, with a control plane that only runs a script, and a folder for temporary files."""
    programs, temporary = tmp_path / "programs", tmp_path / "temporary"
    programs.mkdir()
    temporary.mkdir()
    for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl"):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    environment = {
        "PATH": os.environ["PATH"],
        "KUBEBUILDER_ASSETS": str(programs),
        "PYTHONPATH": str(TESTS),
        "TMPDIR": str(temporary),
    }
    return Program("demo", [sys.executable, "-m", "demo"], log=tmp_path / "demo.log", environment=environment)


def test_a_stage_that_cannot_be_set_up_is_a_failure(tmp_path: Path) -> None:
    """It ends with 1, the reason, and the logs; nothing else stays."""
    run = demo(tmp_path, "echo some complaint; exit 3")
    run.start()

    assert run.wait(30) == 1, run.log_text
    assert "kube-apiserver ended with 3" in run.log_text
    assert "some complaint" in run.log_text
    (logs,) = (tmp_path / "temporary").iterdir()
    assert {log.suffix for log in logs.iterdir()} == {".log"}


def test_ctrl_c_ends_it_and_nothing_stays(tmp_path: Path) -> None:
    """The exit code is 130, as of any program; impatience afterwards changes nothing."""
    run = demo(tmp_path, f"echo $$ >> {tmp_path}/pids; sleep 60 & trap 'sleep 0.5; kill $!; exit' TERM; wait")
    run.start()
    started = tmp_path / "pids"
    eventually(lambda: started.exists() and len(started.read_text().split()) >= 2, 30, "etcd and API server are there")
    run.send(signal.SIGINT)
    while run.wait(0.1) is None:
        run.send(signal.SIGINT)

    assert run.exit_code == 130, run.log_text
    assert "Nothing is left behind" in run.log_text
    assert list((tmp_path / "temporary").iterdir()) == []
    for pid in started.read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
