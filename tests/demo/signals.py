"""Ctrl-C and its kin."""

import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndedError(BaseException):
    """Somebody wants the demo to end. No `Exception`, so that nothing on the way takes it for a failure.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def raise_once() -> None:
    """Raise an `EndedError` in the main thread at the next signal, and ignore all later ones.

    Tidying up takes some seconds, and nobody's impatience may keep it from its end.
    """
    for number in SIGNALS:
        signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise EndedError(number)
