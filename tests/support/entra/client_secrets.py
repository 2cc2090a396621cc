"""Whether a client secret is the application's."""

import hmac
from datetime import datetime

from support.entra import errors
from support.entra.directory import Application


def verify_secret(value: str, application: Application, now: datetime) -> None:
    """Verify a client secret, taken from the body: Entra's libraries send it nowhere else.

    Raises:
        EntraError: if no secret of the application has this value, or its time is over.
    """
    for secret, expires_at in application.client_secrets.items():
        if hmac.compare_digest(secret.encode(), value.encode()):
            if expires_at is not None and expires_at <= now:
                raise errors.secret_expired(application.client_id)
            return
    raise errors.secret_wrong(application.client_id)
