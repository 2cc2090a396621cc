"""Whether a client assertion proves who the client is (RFC 7523, section 3), as strictly as the strictest provider."""

import json
import math
from base64 import urlsafe_b64decode
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from support.entra import errors
from support.entra.directory import Application, RegisteredCertificate

ALGORITHMS = ("PS256", "RS256")
_JWS = jwt.PyJWS()


@dataclass(frozen=True, slots=True)
class Assertion:
    """A JWT taken apart, with nothing in it verified."""

    raw: str = field(repr=False)
    header: dict[str, Any]
    claims: dict[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, raw: str) -> "Assertion":
        """Take a JWT in its compact form apart.

        Raises:
            EntraError: if it is none.
        """
        try:
            parts = _JWS.decode_complete(raw, options={"verify_signature": False})
            claims = json.loads(parts["payload"])
        except (jwt.InvalidTokenError, ValueError):
            raise errors.assertion_malformed("It cannot be parsed.") from None
        if not isinstance(claims, dict):
            raise errors.assertion_malformed("Its payload is no object.")
        return cls(raw, parts["header"], claims)

    @property
    def names_certificate(self) -> bool:
        """Whether the header says that a certificate's key signed it."""
        return bool({"x5t", "x5t#S256"} & self.header.keys())

    @property
    def thumbprint(self) -> str:
        """Of the certificate that the header names, in upper-case hexadecimal; empty where it names none."""
        name = self.header.get("x5t#S256") or self.header.get("x5t")
        if not isinstance(name, str):
            return ""
        with suppress(ValueError):
            return urlsafe_b64decode(name.rstrip("=") + "==").hex().upper()
        return ""


class AssertionVerifier:
    """Verifies assertions, and remembers the ones it has seen: none is good twice.

    Entra itself forgives more: it takes an assertion again until it expires, and thumbprints with padding, as
    Microsoft's libraries write them against RFC 7515. What passes here passes there and elsewhere.
    """

    def __init__(self, *, padded_thumbprints: bool) -> None:
        self._padded_thumbprints = padded_thumbprints
        self._seen: set[tuple[str, str]] = set()
        self._lock = Lock()

    def verify(
        self, assertion: Assertion, application: Application, audiences: frozenset[str], now: datetime
    ) -> RegisteredCertificate:
        """Verify an assertion of this application, and tell which certificate it was made with.

        Args:
            assertion: what was sent.
            application: the one that the form's `client_id` names.
            audiences: what `aud` may be; one of them, as one string.
            now: no tolerance is given in either direction.

        Raises:
            EntraError: if anything is wrong with it.
        """
        algorithm = assertion.header.get("alg")
        if algorithm not in ALGORITHMS:
            raise errors.algorithm_unsupported(algorithm)
        certificate = self._named_certificate(assertion, application)
        _verify_signature(assertion, certificate)
        if not certificate.is_valid_at(now):
            raise errors.certificate_not_valid()
        _verify_claims(assertion.claims, application.client_id, audiences, now)
        self._verify_first_use(application.client_id, assertion.claims.get("jti"))
        return certificate

    def _named_certificate(self, assertion: Assertion, application: Application) -> RegisteredCertificate:
        names = {name: value for name, value in assertion.header.items() if name in {"x5t", "x5t#S256"}}
        if not names:
            raise errors.assertion_malformed("No certificate thumbprint specified in token header.")
        for certificate in application.certificates:
            own = {"x5t": certificate.x5t, "x5t#S256": certificate.x5t_s256}
            if all(self._without_padding(value) == own[name] for name, value in names.items()):
                return certificate
        raise errors.certificate_not_registered(assertion.thumbprint, application.client_id)

    def _without_padding(self, thumbprint: object) -> object:
        if self._padded_thumbprints and isinstance(thumbprint, str):
            return thumbprint.rstrip("=")
        return thumbprint

    def _verify_first_use(self, client_id: str, jti: object) -> None:
        if not isinstance(jti, str) or not jti:
            raise errors.assertion_malformed("It has no 'jti' claim.")
        with self._lock:
            if (client_id, jti) in self._seen:
                raise errors.assertion_malformed("Its 'jti' claim was used before.")
            self._seen.add((client_id, jti))


def _verify_signature(assertion: Assertion, certificate: RegisteredCertificate) -> None:
    key = certificate.public_key
    if not isinstance(key, rsa.RSAPublicKey):
        raise errors.algorithm_unsupported(assertion.header["alg"])
    try:
        _JWS.decode_complete(assertion.raw, key, algorithms=ALGORITHMS)
    except jwt.InvalidTokenError:
        raise errors.signature_wrong(assertion.thumbprint) from None


def _verify_claims(claims: dict[str, Any], client_id: str, audiences: frozenset[str], now: datetime) -> None:
    audience = claims.get("aud")
    if not isinstance(audience, str) or audience not in audiences:
        raise errors.audience_wrong()
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise errors.identifier_wrong()
    verify_times(claims, now)


def verify_times(claims: dict[str, Any], now: datetime) -> None:
    """Whether the moment is within an assertion's time, without any tolerance.

    Raises:
        EntraError: if it is not, or the assertion has no such time.
    """
    expires, starts = _moment(claims, "exp"), [_moment(claims, name) for name in ("nbf", "iat") if name in claims]
    if expires <= now or any(start > now for start in starts):
        raise errors.assertion_out_of_time(now, max(starts, default=datetime.fromtimestamp(0, UTC)), expires)


def _moment(claims: dict[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise errors.assertion_malformed(f"Its '{name}' claim is no time.")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise errors.assertion_malformed(f"Its '{name}' claim is out of range.") from None
