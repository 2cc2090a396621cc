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


def trust_only(authorities: str) -> ssl.SSLContext:
    """TLS that verifies certificates and host names with these authorities and no others.

    Each certificate is one, an intermediate as well as a root, as it is for programs written in Go: Python takes it so
    from 3.13 on.

    Args:
        authorities: certificates in PEM, at least one.

    Raises:
        ValueError: if there is none. `ssl` would take the system's in its place.
        ssl.SSLError: if one cannot be read.
    """
    if not authorities:
        raise ValueError("no authorities")
    context = ssl.create_default_context(cadata=authorities)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _system_has_authorities() -> bool:
    paths = ssl.get_default_verify_paths()
    return paths.cafile is not None or (paths.capath is not None and any(Path(paths.capath).iterdir()))
