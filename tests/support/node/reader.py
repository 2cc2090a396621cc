"""A pod that mounts a Secret and reads the token in it again and again, as a consumer does."""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from support.node import pods, reader_program
from support.node.interface import PodCluster
from support.waiting import eventually

NAME = "reader"
FOLDER = "/var/run/token"


@dataclass(frozen=True, slots=True)
class Sample:
    """What the pod read at one moment.

    Attributes:
        at: when, in seconds since 1970.
        expires: the token's end, likewise; None if there was no token.
    """

    at: float
    expires: int | None

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line of the program."""
        return cls(**json.loads(line))


class Reader:
    """The pod, in a namespace; it goes with it."""

    def __init__(self, cluster: PodCluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def start(self, image: str, secret: str) -> None:
        """Start it with the operator's image, with the whole of a Secret as a folder, and wait until it has read a token."""
        program = Path(reader_program.__file__).read_text()
        mounts = [{"name": "token", "mountPath": FOLDER, "readOnly": True}]
        pod = pods.python_pod(NAME, image, program, f"{FOLDER}/token", volumeMounts=mounts)
        pod["spec"]["volumes"] = [{"name": "token", "secret": {"secretName": secret}}]
        pods.start(self._cluster, self._namespace, pod)
        eventually(self.samples, 30, "the pod has read")

    def samples(self) -> list[Sample]:
        """All so far."""
        return [Sample.parse(line) for line in pods.logs(self._cluster, self._namespace, NAME)]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader went through.

    Attributes:
        samples: at least two, in order.
    """

    samples: list[Sample]

    @property
    def duration(self) -> timedelta:
        """From the first to the last."""
        return timedelta(seconds=self.samples[-1].at - self.samples[0].at)

    @property
    def longest_pause(self) -> timedelta:
        """Between two of them."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return timedelta(seconds=max(later.at - earlier.at for earlier, later in pairs))

    @property
    def missed(self) -> int:
        """How many found no token."""
        return sum(sample.expires is None for sample in self.samples)

    @property
    def tokens(self) -> int:
        """How many different tokens there were."""
        return len({sample.expires for sample in self.samples} - {None})

    @property
    def worst(self) -> timedelta:
        """The shortest time that a token was valid yet when it was read; negative if it had expired."""
        return timedelta(
            seconds=min(sample.expires - sample.at for sample in self.samples if sample.expires is not None)
        )
