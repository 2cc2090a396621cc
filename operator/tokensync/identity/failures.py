"""Connections that fail, in the words of the person who has to mend them."""

import errno
import ssl

import aiohttp

from tokensync.errors import ProviderError, Reason
from tokensync.identity.hosts import Address
from tokensync.identity.proxies import proxy_name

REQUEST_TIMEOUT = 10.0
"""Seconds for a token, from the first request to the last byte of the last answer."""

CONNECT_TIMEOUT = 3.0
"""Seconds of these for name, connection and TLS."""

_NOT_IN_TIME = {9, 10}  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID, …_HAS_EXPIRED
_OTHER_NAME = {62, 64}  # …_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH

_PROXY_ERRORS = (aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError, aiohttp.ClientConnectorDNSError)
"""Of these, the last is about the proxy's own name where there is one: the provider's is left to it to resolve."""


def connection_failure(error: Exception, address: Address, proxy: str | None) -> ProviderError:
    """Explain why a request got no answer. Takes over nothing that an error carries but OpenSSL's reason and a status."""
    if proxy and isinstance(error, _PROXY_ERRORS):
        return _proxy_failure(error, address, proxy)
    if isinstance(error, aiohttp.ClientResponseError):
        return unusable(address, "something that is not HTTP")
    return ProviderError(
        Reason.PROVIDER_UNREACHABLE,
        f"{address.origin} {_problem(error)}",
        remedy=f"check name resolution, network policies and firewalls between this cluster and {address.origin}, and "
        "whether a proxy has to be set",
    )


def unusable(address: Address, what: str) -> ProviderError:
    """The error for an answer that cannot be read at all."""
    return ProviderError(
        Reason.PROVIDER_RESPONSE_INVALID,
        f"{address.origin} answered with {what}",
        remedy=f"find out what answers in the place of {address.origin}",
    )


def untrusted(error: Exception, address: Address, *, bundled: bool) -> ProviderError:
    """The error for a certificate that cannot be verified.

    Args:
        error: what was raised over it.
        address: whose it is.
        bundled: whether a bundle of the resource's was to verify it.
    """
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    return _untrusted(address.origin, error, _trust_remedy(code, address, bundled=bundled))


def untrusted_proxy(error: Exception, proxy: str, *, bundled: bool) -> ProviderError:
    """The same for the certificate of a proxy."""
    remedy = (
        "put the authority that issued it into the bundle that spec.provider's caBundleRef names, beside the provider's"
        if bundled
        else "ask the administrator of tokensync to set ca-bundle to a PEM file with the authority that issued it"
    )
    return _untrusted(f"the proxy {proxy_name(proxy)}", error, remedy)


def _untrusted(whose: str, error: Exception, remedy: str) -> ProviderError:
    why = error.verify_message.rstrip(".") if isinstance(error, ssl.SSLCertVerificationError) else ""
    return ProviderError(
        Reason.PROVIDER_UNTRUSTED,
        f"the certificate of {whose} cannot be verified ({why or 'no reason given'})",
        remedy=remedy,
    )


def _problem(error: Exception) -> str:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"cannot be connected to within {CONNECT_TIMEOUT:g} s"
    if isinstance(error, TimeoutError):
        return f"gave no answer within {REQUEST_TIMEOUT:g} s"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "does not resolve to an address"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return "does not speak TLS as it is spoken here"
    if isinstance(error, aiohttp.ClientConnectorError):
        return _connect_problem(error.os_error)
    return "broke the connection off before its answer was complete"


def _connect_problem(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused the connection"
    return f"cannot be connected to ({errno.errorcode.get(error.errno or 0, 'unknown error')})"


def _proxy_failure(error: Exception, address: Address, proxy: str) -> ProviderError:
    problem = (
        f"answered HTTP {error.status} when asked for a connection to {address.origin}"
        if isinstance(error, aiohttp.ClientHttpProxyError)
        else _problem(error)
    )
    return ProviderError(
        Reason.PROVIDER_UNREACHABLE,
        f"the proxy {proxy_name(proxy)} {problem}",
        remedy=f"let the proxy connect to {address.origin}, or ask the administrator of tokensync to correct its setting "
        "proxy",
    )


def _trust_remedy(verify_code: int, address: Address, *, bundled: bool) -> str:
    if verify_code in _NOT_IN_TIME:
        return f"renew the certificate of {address.origin}, or correct the clock of the node that tokensync runs on"
    if verify_code in _OTHER_NAME:
        return f"correct spec.provider, or give {address.origin} a certificate with its own name"
    if bundled:
        return (
            f"if {address.origin} is what it should be, put the authority that issued its certificate into the bundle "
            "that spec.provider's caBundleRef names: nothing else is trusted beside that"
        )
    return (
        f"if {address.origin} is what it should be, ask the administrator of tokensync to set ca-bundle to a PEM file "
        "with the authority that issued its certificate; for a server of your own, spec.provider has caBundleRef"
    )
