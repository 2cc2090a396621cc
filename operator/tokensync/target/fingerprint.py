"""Which inputs a stored token answers: the annotation `tokensync.dev/acquired-for`."""

import hashlib
import json
from typing import NamedTuple

from tokensync.resource.spec import Spec

_VERSION = "v1"


class AcquiredFor(NamedTuple):
    """The inputs of a token, written as `v1:<SHA-256 of the spec's inputs>:<thumbprint>[,<thumbprint>]`.

    The spec's part is over provider, client, scopes, credential and the target's shape: what changes the token or how
    it is stored. Labels, annotations and policies are not in it, and neither is a field that nobody set, so that a
    version with a new field renews nothing.
    """

    spec: str
    thumbprints: tuple[str, ...]

    @classmethod
    def of(cls, spec: Spec, *thumbprints: str) -> "AcquiredFor":
        """The inputs as they are now; the thumbprints (SHA-256) are those of the pairs offered to the provider."""
        return cls(_digest(spec), thumbprints)

    @classmethod
    def parse(cls, text: str) -> "AcquiredFor":
        """Read the annotation; one of another form answers nothing."""
        version, _, rest = text.partition(":")
        digest, _, thumbprints = rest.partition(":")
        if version != _VERSION:
            return cls("", ())
        return cls(digest, tuple(thumbprints.split(",")) if thumbprints else ())

    def __str__(self) -> str:
        return f"{_VERSION}:{self.spec}:{','.join(self.thumbprints)}"


def _digest(spec: Spec) -> str:
    inputs = spec.model_dump(
        mode="json",
        by_alias=True,
        exclude_unset=True,
        exclude_none=True,
        include={"provider": True, "client_id": True, "scopes": True, "credential": True, "target": {"data"}},
    )
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
