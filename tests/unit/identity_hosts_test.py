"""Which addresses are read at all, and which of them a credential may be sent to."""

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from tokensync.errors import Reason, SpecError
from tokensync.identity.hosts import Address, AllowList, parse_url

TENANT = "/6babcaad-604b-40ac-a9d7-9fd97c0b779f"
SCHEMES = ["https://", "HTTPS://", "http://", "https:", "//"]
NAMES = ["login.example.com", "LOGIN.EXAMPLE.COM", "evil.example", "a", "a.", ".", "-", "[::1]", "127.0.0.1", "0x7f.1"]
AROUND = [
    "user:password@",
    "@",
    ":443",
    ":444",
    ":0443",
    ":",
    "\N{KELVIN SIGN}",
    "\N{IDEOGRAPHIC FULL STOP}",
    " ",
    "\n",
]
BEHIND = ["/", "\\", "/..", "/.", "..;", "%2e%2e", "%00", "#", "?", "\t"]
PIECES = st.sampled_from([*SCHEMES, *NAMES, *AROUND, *BEHIND])
URLS = st.lists(PIECES | st.text(max_size=3), max_size=8).map("".join)
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
TOP_LEVEL = st.from_regex(r"[a-z]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
DOMAINS = st.tuples(st.lists(LABELS, max_size=3), TOP_LEVEL).map(lambda labels: ".".join([*labels[0], labels[1]]))
HOSTS = DOMAINS | st.ip_addresses(v=4).map(str)
PATHS = st.lists(st.from_regex(r"[A-Za-z0-9_~-]{1,5}", fullmatch=True), max_size=3).map(
    lambda segments: "".join(f"/{segment}" for segment in segments)
)


def allowed(entry: str, url: str) -> bool:
    try:
        AllowList([entry]).require(parse_url(url))
    except SpecError:
        return False
    return True


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://login.example.com/tenant", Address("login.example.com", 443, "/tenant")),
        ("https://login.example.com:443/tenant", Address("login.example.com", 443, "/tenant")),
        ("HTTPS://LOGIN.Example.Com:8443/Tenant", Address("login.example.com", 8443, "/Tenant")),
        ("https://localhost", Address("localhost", 443, "")),
        ("https://127.0.0.1:5000/a/b/", Address("127.0.0.1", 5000, "/a/b")),
    ],
)
def test_an_https_address_is_read(url: str, address: Address) -> None:
    """Host in lower case, port 443 unless told, path as it is."""
    assert parse_url(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "login.example.com",
        "http://login.example.com/t",
        "https://",
        "https:///t",
        "https://login.example.com./t",
        "https://user@login.example.com/t",
        "https://user:password@login.example.com/t",
        "https://login.example.com:0/t",
        "https://login.example.com:0443/t",
        "https://login.example.com:65536/t",
        "https://login.example.com:/t",
        "https://login.example.com:٤٤٣/t",
        "https://login.example.com/t?x=1",
        "https://login.example.com/t#x",
        "https://login.example.com/t/../u",
        "https://login.example.com/./t",
        "https://login.example.com/%2e%2e/t",
        "https://login.example.com//t",
        "https://login.example.com\\t",
        "https://login.example.com\\@evil.example/t",
        "https://login.example.com/t\n",
        " https://login.example.com/t",
        "https://login_example.com/t",
        "https://-login.example.com/t",
        "https://login..example.com/t",
        "https://lo\N{KELVIN SIGN}in.example.com/t",
        "https://login.example\N{IDEOGRAPHIC FULL STOP}com/t",
        "https://[::1]/t",
        "https://[::ffff:169.254.169.254]/t",
        "https://2130706433/t",
        "https://127.1/t",
        "https://0x7f.1/t",
        "https://0x7f000001/t",
        "https://0x/t",
        "https://0177.0.0.1/t",
        "https://127.0.0.01/t",
        "https://127.0.0.256/t",
        "https://127.0.0.0.1/t",
        "https://login.example.1/t",
        "https://login.example.com.0x7f/t",
        "https://\N{FULLWIDTH DIGIT ONE}27.0.0.1/t",
        "https://login.example.com%2eevil.example/t",
        "https://login.example.com%40evil.example/t",
        "https://login.example.com;evil.example/t",
        "https://login.example.com,evil.example/t",
        "https://login.ex\tample.com/t",
        "https://login.ex\nample.com/t",
        "https://login.example.com\x00.evil.example/t",
        "https://login.ex\N{CYRILLIC SMALL LETTER A}mple.com/t",
        "https://login.example.com/t/%2e%2e/u",
        "https://login.example.com/t/..;/u",
        "https://login.example.com/t\\..\\u",
        "https://login.example.com:443:443/t",
        "https:\\\\login.example.com/t",
        "https:/login.example.com/t",
        "https:login.example.com/t",
        "//login.example.com/t",
        "https://https://login.example.com/t",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    """What two readers could take for two hosts is no address."""
    with pytest.raises(ValueError, match=r"it|port"):
        parse_url(url)


@given(URLS | st.text())
@example("https://login.example.com:443/a/")
def test_every_reader_sees_the_same_host(url: str) -> None:
    """Whatever text is accepted, the standard library and the HTTP client find our host, port and path in what we send."""
    try:
        address = parse_url(url)
    except ValueError:
        return
    library, client = urlsplit(address.url), URL(address.url, encoded=True)
    assert (library.hostname, library.port or 443, library.path, library.username) == (
        address.host,
        address.port,
        address.path,
        None,
    )
    assert (client.host, client.port, client.raw_path, client.user) == (
        address.host,
        address.port,
        address.path or "/",
        None,
    )
    assert parse_url(address.url) == address


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("login.example.com", f"https://login.example.com{TENANT}"),
        ("LOGIN.example.COM", f"https://Login.Example.Com{TENANT}"),
        ("login.example.com:443", f"https://login.example.com{TENANT}"),
        ("login.example.com", f"https://login.example.com:443{TENANT}"),
        ("login.example.com:8443", f"https://login.example.com:8443{TENANT}"),
        ("*.example.com", f"https://login.example.com{TENANT}"),
        ("*.example.com", f"https://eu.login.example.com{TENANT}"),
        ("*.example.com:8443", f"https://login.example.com:8443{TENANT}"),
        ("login.example.com/tenant-a", "https://login.example.com/tenant-a"),
        ("login.example.com/tenant-a/", "https://login.example.com/tenant-a/oauth2/token"),
    ],
)
def test_what_an_entry_covers_is_allowed(entry: str, url: str) -> None:
    """Host and port, subdomains, path prefix."""
    assert allowed(entry, url)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("login.example.com", "https://login.example.com.evil.example/t"),
        ("login.example.com", "https://evil-login.example.com/t"),
        ("login.example.com", "https://eu.login.example.com/t"),
        ("login.example.com", "https://login.example.com:8443/t"),
        ("login.example.com:8443", "https://login.example.com/t"),
        ("*.example.com", "https://example.com/t"),
        ("*.example.com", "https://evilexample.com/t"),
        ("*.example.com", "https://login.example.com.evil.example/t"),
        ("*.example.com", "https://login.example.com:8443/t"),
        ("login.example.com/tenant-a", "https://login.example.com"),
        ("login.example.com/tenant-a", "https://login.example.com/tenant-b"),
        ("login.example.com/tenant-a", "https://login.example.com/tenant-ab"),
        ("login.example.com/tenant-a", "https://login.example.com/TENANT-A"),
        ("login.example.com", "https://login.example.com.com/t"),
        ("login.example.com", "https://xn--lgin-4ra.example.com/t"),
        ("login.example.com", "https://login-example.com/t"),
        ("127.0.0.1", "https://127.0.0.2/t"),
        ("*.example.com", "https://127.0.0.1/t"),
        ("*.com", "https://com/t"),
    ],
)
def test_what_no_entry_covers_is_refused(entry: str, url: str) -> None:
    """No suffix, no other port, no neighbouring tenant."""
    assert not allowed(entry, url)


@pytest.mark.parametrize("field", ["spec.provider.entra", "spec.provider.oidc.issuer"])
def test_the_refusal_says_who_can_allow_the_host(field: str) -> None:
    """The message names the host, the setting and whose it is, and the field of the spec."""
    with pytest.raises(SpecError) as caught:
        AllowList(["login.microsoftonline.com"]).require(parse_url("https://login.example.com:8443/tenant"), field)
    assert caught.value.reason is Reason.HOST_NOT_ALLOWED
    assert caught.value.text == (
        "this installation does not allow tokens to be requested from login.example.com:8443/tenant: ask the "
        f"administrator of tokensync to add login.example.com:8443 to its setting allowed-hosts, or correct {field}"
    )


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "*.",
        "*.0.0.1",
        "*.1",
        "*.0x7f",
        "127.1",
        "0x7f000001",
        "[::1]",
        "a.*.example.com",
        "https://login.example.com",
        "login.example.com:x",
        "login.example.com/*",
        "login.example.com/..",
        "login.example.com?x",
        "login.example.com\n",
        "user@login.example.com",
    ],
)
def test_an_entry_of_another_form_is_refused(entry: str) -> None:
    """A typing error in the setting must not silently allow nothing, or everything; the message shows it."""
    with pytest.raises(ValueError, match=r"is not host|has no subdomains") as caught:
        AllowList([entry])
    assert repr(entry) in str(caught.value)


def test_only_an_exact_entry_names_a_host() -> None:
    """With its port, whatever the path; a pattern names none."""
    allowed_hosts = AllowList(["login.example.com:8443/tenant", "*.example.com"])
    assert allowed_hosts.names("login.example.com", 8443)
    assert not allowed_hosts.names("login.example.com", 443)
    assert not allowed_hosts.names("sub.example.com", 443)
    assert not allowed_hosts.names("example.com", 443)


@given(HOSTS, HOSTS, st.integers(1, 65535), PATHS, PATHS)
def test_an_exact_entry_allows_its_own_host_port_and_paths_only(
    host: str, other: str, port: int, prefix: str, path: str
) -> None:
    """Allowed exactly if host and port are equal and the path goes on where the prefix ends."""
    entry = f"{host}:{port}{prefix}"
    assert allowed(entry, f"https://{host}:{port}{prefix}{path}")
    assert allowed(entry, f"https://{other}:{port}{prefix}") == (other == host)
    assert allowed(entry, f"https://{host}:{port}{path}") == f"{path}/".startswith(f"{prefix}/")
    assert not allowed(entry, f"https://{host}:{port % 65535 + 1}{prefix}")


@given(DOMAINS, HOSTS)
def test_a_wildcard_allows_subdomains_only(domain: str, host: str) -> None:
    """Any host that ends in the domain after a dot, and no other."""
    assert allowed(f"*.{domain}", f"https://sub.{domain}")
    assert allowed(f"*.{domain}", f"https://{host}") == host.endswith(f".{domain}")
