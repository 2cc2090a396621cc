"""Which certificate authorities a provider's certificate may come from."""

import ssl
from pathlib import Path

import certifi


def trust(ca_bundle: Path | None) -> ssl.SSLContext:
    """TLS that verifies certificates and host names, with the system's authorities and those of a PEM file beside them.

    Args:
        ca_bundle: a PEM file, or None.

    Raises:
        ValueError: if the file cannot be read, or is not PEM.
    """
    context = ssl.create_default_context()
    if not _system_has_authorities():
        context.load_verify_locations(cafile=certifi.where())
    if ca_bundle is not None:
        try:
            context.load_verify_locations(cafile=ca_bundle)
        except OSError as error:  # ssl.SSLError is one: not PEM
            reason = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
            raise ValueError(f"ca-bundle {ca_bundle} cannot be used: {reason}") from None
    return context


def _system_has_authorities() -> bool:
    paths = ssl.get_default_verify_paths()
    return paths.cafile is not None or (paths.capath is not None and any(Path(paths.capath).iterdir()))
