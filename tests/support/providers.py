"""Several providers at once, each in trouble of its own, for one operator."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from support.entra import FakeEntra
from support.scenario import quick_settings


def settings_for(providers: Iterable[FakeEntra], folder: Path, **others: str | int) -> dict[str, Any]:
    """Settings of an operator that may ask all of these, and trusts all of their authorities.

    Args:
        providers: running ones, at least one.
        folder: where the file with the authorities is written.
        **others: further settings, as `quick_settings` takes them.
    """
    known = list(providers)
    bundle = folder / "authorities.pem"
    bundle.write_bytes(b"".join(provider.ca_pem for provider in known))
    hosts = ",".join(provider.host for provider in known)
    return quick_settings(known[0], bundle, **{"allowed_hosts": hosts, **others})
