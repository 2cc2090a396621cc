"""`tokensync run`, up to the point where the operator starts."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType

import pytest
from pytest_mock import MockerFixture

from tokensync.cli import main
from tokensync.settings import Settings, flag, variable

Started = list[Settings]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tokensync"])
    for name in os.environ:
        if name.upper().startswith("TOKENSYNC_"):
            monkeypatch.delenv(name)


@pytest.fixture(name="operator")
def _operator(monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture) -> Callable[[Callable[[Settings], int]], None]:
    """Puts a function in the operator's place, and leaves this process's log alone."""
    mocker.patch("tokensync.telemetry.logs.configure")

    def place(start: Callable[[Settings], int]) -> None:
        startup = ModuleType("tokensync.startup")
        startup.run = start  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "tokensync.startup", startup)

    return place


@pytest.fixture(name="started")
def _started(operator: Callable[[Callable[[Settings], int]], None]) -> Started:
    """The settings that the operator was started with."""
    started: Started = []

    def start(settings: Settings) -> int:
        started.append(settings)
        return 0

    operator(start)
    return started


def test_the_operator_gets_the_settings_of_flags_and_environment(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists by comma or by repeating the flag, a variable for what no flag says."""
    monkeypatch.setenv("TOKENSYNC_CLOCK_SKEW", "2s")
    arguments = [
        "--namespaces",
        "a,b",
        "--namespaces=c",
        "--propagation",
        "1s",
        "--provider-requests-per-second",
        "0.5",
    ]

    assert main(["run", *arguments]) == 0
    (settings,) = started
    assert settings.namespaces == ("a", "b", "c")
    assert settings.propagation == timedelta(seconds=1)
    assert settings.clock_skew == timedelta(seconds=2)
    assert settings.provider_requests_per_second == 0.5


def test_the_log_is_set_up_before_the_operator_starts(started: Started, mocker: MockerFixture) -> None:
    """As the settings say, on stderr."""
    configure = mocker.patch(
        "tokensync.telemetry.logs.configure", side_effect=lambda *_: pytest.fail("too late") if started else None
    )

    main(["run", "--log-level", "debug", "--log-format", "text"])

    configure.assert_called_once_with("debug", "text", sys.stderr)
    assert started


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_is_the_operators(code: int, operator: Callable[[Callable[[Settings], int]], None]) -> None:
    """What supervises the process reads it."""
    operator(lambda _: code)

    assert main(["run"]) == code


def test_a_defect_ends_in_a_record_of_the_log(
    operator: Callable[[Callable[[Settings], int]], None], mocker: MockerFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in a bare traceback, which nobody masks, and which a collector of logs takes for many records."""
    operator(lambda _: 1 // 0)
    logger = mocker.patch("tokensync.cli.run.logger")

    assert main(["run"]) == 1
    logger.exception.assert_called_once_with("stopped by a defect")
    assert capsys.readouterr().err == ""


def test_each_problem_is_a_line_and_nothing_starts(
    started: Started, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, no usage to scroll past."""
    monkeypatch.setenv("TOKENSYNC_WORKERS", "0")

    with pytest.raises(SystemExit) as stopped:
        main(["run", "--retry-budget", "soon"])

    assert stopped.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "tokensync run: error: --workers (TOKENSYNC_WORKERS): '0' should be greater than or equal to 1",
        "tokensync run: error: --retry-budget (TOKENSYNC_RETRY_BUDGET): 'soon' is not a duration: write it as 90s, 15m or 1h30m",
    ]
    assert not started


def help_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stopped:
        main(["run", "--help"])
    assert stopped.value.code == 0
    return capsys.readouterr().out


def test_the_help_fits_into_80_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """So that it reads well in any terminal."""
    assert max(map(len, help_text(monkeypatch, capsys).splitlines())) <= 80


def test_the_help_has_every_setting_with_its_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the form in which it is written, not in Python's."""
    text = help_text(monkeypatch, capsys)
    words = " ".join(text.split())

    for name, field in Settings.model_fields.items():
        assert f"  {flag(name)} {field.title}" in text
    assert words.count("Default: ") == len(Settings.model_fields) - 1, "all but ca-bundle, which has none"
    assert "Default: 2m." in words
    assert "Default: login.microsoftonline.com, login.microsoftonline.us," in words
    assert f"--log-level as {variable('log_level')}" in words
    for python in ("None", "()", "timedelta", "Undefined"):
        assert python not in words
