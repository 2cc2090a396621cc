"""What a client proves who it is with, as it is handed to whoever asks for the token."""

from dataclasses import dataclass, field

from tokensync.credentials.pair import KeyPair


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A client secret (RFC 6749, section 2.3.1).

    Attributes:
        value: left out of `repr`.
        fingerprint: uid and resourceVersion of its Secret: nothing that was made of the value itself.
    """

    value: str = field(repr=False)
    fingerprint: str


@dataclass(frozen=True, slots=True)
class FederatedToken:
    """A token of a ServiceAccount, which is the assertion (RFC 7523). It is good for one request and a few minutes.

    Attributes:
        value: a JWT. Left out of `repr`.
        subject: whom it is about, `system:serviceaccount:<namespace>:<name>`.
        audience: to whom it is addressed.
    """

    value: str = field(repr=False)
    subject: str
    audience: str

    @property
    def fingerprint(self) -> str:
        """Empty: each is another one, and the spec says all that tells them apart."""
        return ""


Proof = KeyPair | ClientSecret | FederatedToken
