"""What can go wrong on the stage, told as what was expected and what was seen instead."""

from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from support.binaries import BinariesError
from support.kubectl import KubectlError
from support.processes import ProgramEndedError


class CheckFailedError(Exception):
    """Something is not as it should be.

    Attributes:
        expected: what should be.
        seen: what is; nothing secret.
        where: it happened.
    """

    def __init__(self, expected: str, seen: object) -> None:
        super().__init__(f"expected {expected}, seen {seen}")
        self.expected = expected
        self.seen = str(seen)
        self.where = "outside the acts"

    @classmethod
    def of(cls, error: BaseException) -> "CheckFailedError":
        """The same about anything else that went wrong while the demo ran."""
        return error if isinstance(error, cls) else cls("no error", f"{type(error).__name__}: {error}")


FAILURES = (
    CheckFailedError,
    ApiException,
    AssertionError,  # of `support.waiting`
    BinariesError,
    HTTPError,
    KubectlError,
    ProgramEndedError,
)
"""What a demo that fails fails with. Anything else is a defect of its own, and ends in a traceback."""
