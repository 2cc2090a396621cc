"""The operator's settings, from flags and environment."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from support.certificates import make_certificate
from tokensync.identity.entra import AUTHORITY_HOSTS
from tokensync.identity.hosts import AllowList
from tokensync.settings import InvalidSettingsError, Settings, flag, load, variable


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("TOKENSYNC_"):
            monkeypatch.delenv(name)


def problems(**flags: Any) -> list[str]:
    with pytest.raises(InvalidSettingsError) as caught:
        load(flags)
    return caught.value.problems


def test_without_any_setting_the_defaults_are_those_of_the_contract() -> None:
    """An installation that sets nothing watches everything, and sends credentials to the Entra clouds only."""
    settings = load({})

    assert settings.namespaces == ()
    assert settings.workers == 32
    assert settings.allowed_hosts == tuple(AUTHORITY_HOSTS.values())
    assert settings.propagation == timedelta(seconds=120)
    assert settings.clock_skew == timedelta(seconds=60)
    assert settings.retry_budget is None
    assert settings.provider_requests_per_second is None
    assert settings.ca_bundle is None
    assert settings.proxy is None
    assert settings.metrics_address == ":8080"
    assert settings.metrics_per_object
    assert settings.log_level == "info"


@pytest.mark.parametrize(
    "name",
    [
        "argocd.argoproj.io/tracking-id",
        "kustomize.toolkit.fluxcd.io/name",
        "helm.toolkit.fluxcd.io/namespace",
        "meta.helm.sh/release-name",
        "replicator.v1.mittwald.de/replicate-to",
        "reflector.v1.k8s.emberstack.com/reflection-auto-enabled",
        "kubed.appscode.com/sync",
    ],
)
def test_what_tracks_or_copies_a_secret_is_denied_by_default(name: str) -> None:
    """A resource cannot hand its token to a replicator, or its Secret to a GitOps tool."""
    assert name.startswith(load({}).denied_metadata)


GIVEN = [
    ("namespaces", "reports, billing", ("reports", "billing")),
    ("workers", "4", 4),
    ("allowed_hosts", "Login.Example.com:8443/Tenant/,*.example.org,127.0.0.1:9443", None),
    ("allowed_audiences", "api://one,https://two.example", ("api://one", "https://two.example")),
    ("propagation", "1m30s", timedelta(seconds=90)),
    ("clock_skew", "0s", timedelta(0)),
    ("retry_budget", "5m", timedelta(minutes=5)),
    ("provider_requests_per_second", "2.5", 2.5),
    ("allowed_secret_types", "example.com/token,Token", ("example.com/token", "Token")),
    ("denied_metadata", "example.com/,team", ("example.com/", "team")),
    ("metrics_address", "[::1]:9090", "[::1]:9090"),
    ("metrics_per_object", "false", False),
    ("log_level", "debug", "debug"),
    ("log_format", "text", "text"),
]


@pytest.mark.parametrize(("field", "text", "expected"), GIVEN, ids=[case[0] for case in GIVEN])
def test_flag_and_variable_mean_the_same(
    field: str, text: str, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a flag can say, its variable can say in the same words."""
    by_flag = getattr(load({field: text}), field)
    monkeypatch.setenv(variable(field), text)
    by_variable = getattr(load({}), field)

    assert by_flag == by_variable
    assert by_flag != getattr(Settings.model_construct(), field)
    assert expected is None or by_flag == expected


def test_a_flag_goes_before_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """So one can try a value out without editing the deployment."""
    monkeypatch.setenv("TOKENSYNC_WORKERS", "4")

    assert load({"workers": "8"}).workers == 8


def test_hosts_are_compared_in_one_spelling() -> None:
    """Case and a final slash make no other host; a path keeps its case."""
    assert load({"allowed_hosts": "Login.Example.COM:8443/Tenant/"}).allowed_hosts == ("login.example.com:8443/Tenant",)


def test_a_repeated_flag_and_a_repeated_item_are_harmless() -> None:
    """A namespace that is listed twice is watched once."""
    assert load({"namespaces": ["reports,billing", "reports"]}).namespaces == ("reports", "billing")


def test_an_empty_list_of_denied_metadata_denies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list replaces the default, an empty one too."""
    monkeypatch.setenv("TOKENSYNC_DENIED_METADATA", "")

    assert load({}).denied_metadata == ()


@pytest.mark.parametrize("field", ["retry_budget", "provider_requests_per_second", "ca_bundle", "proxy"])
def test_an_empty_value_unsets_what_is_optional(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chart may pass on a value that nobody gave."""
    monkeypatch.setenv(variable(field), "")

    assert getattr(load({}), field) is None


REFUSED = [
    ("namespaces", "reports,Billing", "'Billing' cannot be a namespace: write its name, up to 63 lower-case letters"),
    ("namespaces", "a.b", "'a.b' cannot be a namespace"),
    ("workers", "0", "'0' should be greater than or equal to 1"),
    ("workers", "many", "'many' should be a valid integer"),
    ("workers", "", "'' should be a valid integer"),
    ("workers", "513", "'513' should be less than or equal to 512"),
    ("allowed_hosts", "https://login.example.com", "is not a host: write host, host:port or *.domain, as in login."),
    ("allowed_hosts", "login.example.com:65536", "'login.example.com:65536' is not a host"),
    ("allowed_hosts", "*", "'*' is not a host"),
    ("allowed_hosts", "*.0.0.1", "'*.0.0.1' is not a host"),
    ("allowed_hosts", "", "no host is named, so no token could be had: write at least one"),
    ("allowed_audiences", "api://one two", "'api://one two' is no audience: write printable ASCII without spaces"),
    ("propagation", "90", "'90' is not a duration: write it as 90s, 15m or 1h30m"),
    ("clock_skew", "25h", "25h is too long: write 24h at most"),
    ("retry_budget", "0s", "0s is too short: write 1s at least"),
    ("provider_requests_per_second", "0", "'0' should be greater than 0"),
    ("provider_requests_per_second", "nan", "'nan' should be a finite number"),
    ("allowed_secret_types", "a b", "'a b' is no type of a Secret: write it as in example.com/token"),
    ("allowed_secret_types", "a" * 254, "is no type of a Secret"),
    ("allowed_secret_types", "kubernetes.io/tls", "'kubernetes.io/tls' is a type of Kubernetes or Helm: leave it out"),
    ("allowed_secret_types", "bootstrap.kubernetes.io/token", "is a type of Kubernetes or Helm"),
    ("allowed_secret_types", "a.K8s.io/b", "is a type of Kubernetes or Helm"),
    ("allowed_secret_types", "helm.sh/release.v1", "is a type of Kubernetes or Helm"),
    ("denied_metadata", "example.com/ team", "begins no label or annotation: write a name or its beginning"),
    (
        "metrics_address",
        "8080",
        "'8080' is not an address: write IP:port or :port, as in 127.0.0.1:8080, [::1]:8080 or",
    ),
    ("metrics_address", "localhost:8080", "'localhost:8080' is not an address"),
    ("metrics_address", "::1:8080", "'::1:8080' is not an address"),
    ("metrics_address", "300.0.0.1:8080", "'300.0.0.1:8080' is not an address"),
    ("metrics_address", ":65536", "':65536' is not an address"),
    ("metrics_address", "", "'' is not an address"),
    ("metrics_per_object", "some", "'some' should be a valid boolean"),
    ("log_level", "trace", "'trace' should be 'debug', 'info', 'warning' or 'error'"),
    ("log_format", "xml", "'xml' should be 'json' or 'text'"),
]


@pytest.mark.parametrize(("field", "text", "says"), REFUSED)
def test_a_bad_value_is_named_with_its_flag_its_variable_and_what_to_write(field: str, text: str, says: str) -> None:
    """One line, whoever reads it knows where to look and what to do."""
    (problem,) = problems(**{field: text})

    assert problem.startswith(f"{flag(field)} ({variable(field)}): ")
    assert says in problem
    assert "\n" not in problem


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mending one mistake must not only show the next one."""
    monkeypatch.setenv("TOKENSYNC_CLOCK_SKEW", "soon")
    monkeypatch.setenv("TOKENSYNC_WORKER", "3")

    assert [problem.split(" ")[0] for problem in problems(workers="0", namespaces=["A,b,C"])] == [
        "TOKENSYNC_WORKER",
        "--namespaces",
        "--namespaces",
        "--workers",
        "--clock-skew",
    ]


def test_a_mistyped_variable_is_refused_with_what_it_was_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo must not go unnoticed, as it would not in a flag."""
    monkeypatch.setenv("TOKENSYNC_ALLOWED_HOST", "login.example.com")
    monkeypatch.setenv("TOKENSYNC_X", "green")

    assert problems() == [
        "TOKENSYNC_ALLOWED_HOST is not a setting: write TOKENSYNC_ALLOWED_HOSTS",
        "TOKENSYNC_X is not a setting: unset it",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "TOKENSYNC_SERVICE_HOST",
        "TOKENSYNC_SERVICE_PORT",
        "TOKENSYNC_SERVICE_PORT_METRICS",
        "TOKENSYNC_PORT",
        "TOKENSYNC_PORT_8080_TCP",
        "TOKENSYNC_PORT_8080_TCP_ADDR",
        "TOKENSYNC_METRICS_SERVICE_HOST",
        "TOKENSYNC_METRICS_PORT_8080_TCP_PROTO",
    ],
)
def test_what_the_kubelet_sets_for_a_service_of_our_name_is_no_mistake(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Service called `tokensync` in the operator's namespace must not keep it from starting."""
    monkeypatch.setenv(name, "tcp://10.96.0.17:8080")

    assert load({}) == Settings()


def test_a_ca_bundle_has_to_hold_certificates(tmp_path: Path) -> None:
    """A file that is missing, empty or something else is found at the start, not at the first token."""
    bundle, empty, key = (tmp_path / name for name in ("ca.pem", "empty.pem", "key.pem"))
    trustme.CA().cert_pem.write_to_path(str(bundle))
    empty.touch()
    key.write_bytes(make_certificate().private_key_pem)

    assert load({"ca_bundle": str(bundle)}).ca_bundle == bundle
    for path in (empty, key):
        (problem,) = problems(ca_bundle=str(path))
        assert problem.endswith(f"'{path}' holds no certificate in PEM: write the path of a file that does")
    (problem,) = problems(ca_bundle=str(tmp_path / "gone"))
    assert "cannot be read (No such file or directory): write the path of a PEM file" in problem
    (problem,) = problems(ca_bundle=str(tmp_path))
    assert "cannot be read (Is a directory)" in problem


PASSWORD = "correct-horse"


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{PASSWORD}@",
        f"socks5://user:{PASSWORD}@proxy:1080",
        f"user:{PASSWORD}@proxy:3128",
        f"http://user:{PASSWORD}/x@proxy:3128",
        f"http://proxy:{PASSWORD}",
        f"http://proxy:3128/{PASSWORD}",
        f"http://user:{PASSWORD}@[proxy",
    ],
)
def test_a_refused_proxy_is_not_quoted(url: str) -> None:
    """It may hold a password, also where it does not stand where a password stands."""
    (problem,) = problems(proxy=url)

    assert "write http://host:port or http://user:password@host:port" in problem
    assert PASSWORD not in problem


def test_a_proxy_with_a_password_is_never_shown() -> None:
    """Neither `repr` nor a dump has it; whoever needs it asks for it by name."""
    settings = load({"proxy": f"http://user:{PASSWORD}@proxy:3128", "workers": "3"})

    assert settings.proxy is not None
    assert settings.proxy.get_secret_value() == f"http://user:{PASSWORD}@proxy:3128"
    assert PASSWORD not in f"{settings!r} {settings!s} {settings.model_dump()} {settings.model_dump_json()}"


def test_settings_do_not_change() -> None:
    """What was checked at the start is what is used."""
    settings = load({})

    with pytest.raises(ValueError, match="frozen"):
        settings.workers = 1  # type: ignore[misc]


LABEL = st.from_regex(r"[a-z0-9*.-]{1,12}", fullmatch=True)


@given(
    st.one_of(
        st.text(max_size=30),
        st.builds(
            "{}.{}{}{}".format,
            LABEL,
            LABEL,
            st.sampled_from(["", ":443", ":0", ":99999"]),
            st.sampled_from(["", "/", "/a/..", "/A.b~"]),
        ),
    )
)
def test_an_allowed_host_that_settings_let_through_is_one_that_can_be_compared(text: str) -> None:
    """Settings are never wider than the allow-list: a value that passes here cannot stop the operator later."""
    try:
        hosts = load({"allowed_hosts": text}).allowed_hosts
    except InvalidSettingsError:
        return

    AllowList(hosts)


def test_every_setting_says_what_it_is_for() -> None:
    """The help, and later the chart's values, are written from the fields."""
    for name, field in Settings.model_fields.items():
        assert field.title, name
        assert field.description, name
        assert re.search(r"[.!]$", field.description), name
