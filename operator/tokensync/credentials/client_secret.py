"""A Secret's entry becomes a client secret."""

import re
from collections.abc import Mapping

from tokensync.credentials.proof import ClientSecret
from tokensync.errors import CredentialError, Reason
from tokensync.resource.model import KeyRef

LONGEST = 4096
"""Characters. Microsoft Entra ID's have 40."""

_VSCHAR = re.compile(r"[\x20-\x7E]+")
"""RFC 6749, appendix A.2."""


def read_client_secret(data: Mapping[str, bytes], ref: KeyRef, *, secret: str, fingerprint: str) -> ClientSecret:
    """Read a client secret; one line break at its end, which `echo` and editors leave, is not part of it.

    Args:
        data: the Secret's keys and their decoded bytes.
        ref: which of them holds it.
        secret: namespace and name of the Secret, for messages.
        fingerprint: what tells this version of it from others.

    Raises:
        CredentialError: `CredentialKeyMissing` or `CredentialMalformed`.
    """
    if ref.key not in data:
        names = ", ".join(f'"{name}"' for name in sorted(data)) or "no keys at all"
        raise CredentialError(
            Reason.CREDENTIAL_KEY_MISSING,
            f'Secret {secret} has no key "{ref.key}" for the client secret; it has {names}',
            remedy="put the client secret under that key, or name the key that holds it in "
            "spec.credential.clientSecret.secretKeyRef.key",
        )
    value = data[ref.key].decode("ascii", errors="replace").removesuffix("\n").removesuffix("\r")
    if len(value) > LONGEST or not _VSCHAR.fullmatch(value):
        raise CredentialError(
            Reason.CREDENTIAL_MALFORMED,
            f'key "{ref.key}" of Secret {secret} is no client secret: it is empty, has more than {LONGEST} characters, or '
            "characters that are not printable ASCII",
            remedy="copy the value of the client secret (in Microsoft Entra ID not its Secret ID) into the Secret again",
        )
    return ClientSecret(value, fingerprint)
