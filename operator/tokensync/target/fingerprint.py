"""Which inputs a stored token answers: the annotation `tokensync.dev/acquired-for`."""

import hashlib
import json
from typing import NamedTuple

from tokensync.resource.spec import Spec

_VERSION = "v1"


class AcquiredFor(NamedTuple):
    """The inputs of a token, written as `v1:<SHA-256 of the spec's inputs>:<fingerprint>[,<fingerprint>]`.

    The spec's part is over provider, client, scopes, parameters, credential and the target's shape: what changes the token
    or how it is stored. The fingerprints are of all that was offered to the provider, in the order in which it was. Labels, annotations and policies are not in it, and neither is a field that nobody set, so that a
    version with a new field renews nothing.
    """

    spec: str
    fingerprints: tuple[str, ...]

    @classmethod
    def of(cls, spec: Spec, *fingerprints: str) -> "AcquiredFor":
        """The inputs as they are now, with what was offered to the provider.

        A certificate's fingerprint is its SHA-256 thumbprint, a client secret's is made of uid and resourceVersion of its
        Secret. Empty ones, of what is new each time, are left out.
        """
        return cls(_digest(spec), tuple(filter(None, fingerprints)))

    @classmethod
    def parse(cls, text: str) -> "AcquiredFor":
        """Read the annotation; one of another form answers nothing."""
        version, _, rest = text.partition(":")
        digest, _, fingerprints = rest.partition(":")
        if version != _VERSION:
            return cls("", ())
        return cls(digest, tuple(fingerprints.split(",")) if fingerprints else ())

    @property
    def first(self) -> str:
        """What was offered first. What else was offered, while that was not known yet, calls for no other token."""
        return self.fingerprints[0] if self.fingerprints else ""

    def answers(self, wanted: "AcquiredFor") -> bool:
        """Whether a token for these inputs will do for those."""
        return (self.spec, self.first) == (wanted.spec, wanted.first)

    def __str__(self) -> str:
        return f"{_VERSION}:{self.spec}:{','.join(self.fingerprints)}"


def _digest(spec: Spec) -> str:
    inputs = spec.model_dump(
        mode="json",
        by_alias=True,
        exclude_unset=True,
        exclude_none=True,
        include={
            "provider": True,
            "client_id": True,
            "scopes": True,
            "parameters": True,
            "credential": True,
            "target": {"data", "format"},
        },
    )
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
