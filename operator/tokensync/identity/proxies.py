"""Which proxy a request goes through."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from tokensync.identity.hosts import Address

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Proxies:
    """The proxy of the setting, for every host; without one that of `HTTPS_PROXY`, but for the hosts in `NO_PROXY`.

    Args:
        setting: `http[s]://[user:password@]host[:port]`, or None.

    Raises:
        ValueError: if the proxy has another form. The message does not repeat it: it may hold a password.
    """

    def __init__(self, setting: str | None) -> None:
        environment = getproxies()
        proxy = setting or environment.get("https")
        self._proxy = _checked(proxy) if proxy else None
        self._exceptions = {} if setting else environment
        self._listens_at = _endpoint(self._proxy) if self._proxy else None

    def is_proxy(self, host: str, port: int) -> bool:
        """Whether this is where the proxy listens."""
        return self._listens_at == (host.lower(), port)

    def proxy_for(self, address: Address) -> str | None:
        """The proxy's URL for this address, password included; None to connect directly."""
        if self._proxy is None or proxy_bypass(f"{address.host}:{address.port}", self._exceptions):
            return None
        return self._proxy


def proxy_name(proxy: str) -> str:
    """Host and port of a proxy: what may be shown of it."""
    return urlsplit(proxy).netloc.rpartition("@")[2]


def _endpoint(proxy: str) -> tuple[str, int]:
    parts = urlsplit(proxy)
    return parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]


def _checked(proxy: str) -> str:
    url = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("the proxy is not http://host:port: correct the setting proxy, or HTTPS_PROXY")
    return url
