"""Which proxy a request goes through."""

import pytest

from tokensync.identity.hosts import parse_url
from tokensync.identity.proxies import Proxies, proxy_name

ADDRESS = parse_url("https://login.example.com:8443/tenant")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_setting_and_environment_there_is_none() -> None:
    """Hosts are connected to directly."""
    assert Proxies(None).proxy_for(ADDRESS) is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_the_environment_names_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the usual variable, with or without a scheme."""
    monkeypatch.setenv(name, "proxy.example:3128")
    assert Proxies(None).proxy_for(ADDRESS) == "http://proxy.example:3128"


def test_http_proxy_is_not_for_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request is https."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    assert Proxies(None).proxy_for(ADDRESS) is None


@pytest.mark.parametrize("exceptions", ["login.example.com", ".example.com", "*", "localhost,login.example.com:8443"])
def test_the_environment_names_exceptions(exceptions: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts in NO_PROXY are connected to directly, others are not."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert Proxies(None).proxy_for(ADDRESS) is None
    monkeypatch.setenv("NO_PROXY", "other.example")
    assert Proxies(None).proxy_for(ADDRESS) is not None


def test_the_setting_outranks_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sets it means it for every host."""
    monkeypatch.setenv("HTTPS_PROXY", "http://other.example:3128")
    monkeypatch.setenv("NO_PROXY", "*")
    assert Proxies("http://proxy.example:3128").proxy_for(ADDRESS) == "http://proxy.example:3128"


@pytest.mark.parametrize(
    "proxy", ["socks5://user:hunter2@proxy", "http://", "http://user:hunter2@proxy:port", "ftp://x"]
)
def test_a_proxy_that_cannot_be_used_is_refused_at_the_start(proxy: str) -> None:
    """The message does not repeat it, for it may hold a password."""
    with pytest.raises(ValueError, match="the proxy is not http://host:port: correct the setting proxy") as caught:
        Proxies(proxy)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("proxy", "host", "port"),
    [
        ("http://user:hunter2@Proxy.example:3128", "proxy.example", 3128),
        ("http://localhost", "localhost", 80),
        ("https://localhost", "localhost", 443),
    ],
)
def test_where_the_proxy_listens_is_known(proxy: str, host: str, port: int) -> None:
    """Its own address is the administrator's choice, and nobody else's."""
    proxies = Proxies(proxy)
    assert proxies.is_proxy(host, port)
    assert not proxies.is_proxy(host, port + 1)
    assert not proxies.is_proxy("login.example.com", port)
    assert not Proxies(None).is_proxy(host, port)


def test_of_a_proxy_only_host_and_port_are_shown() -> None:
    """Neither user nor password."""
    assert proxy_name("http://user:hunter2@proxy.example:3128") == "proxy.example:3128"
