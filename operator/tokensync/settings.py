"""What the administrator chose: one definition for the flags of `tokensync run` and for the environment.

The field `allowed_hosts` is the flag `--allowed-hosts` and the variable `TOKENSYNC_ALLOWED_HOSTS`. A flag outranks
a variable. `load` reads both, and says everything that is wrong with them at once.
"""

import difflib
import ipaddress
import os
import re
import ssl
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tokensync.duration import parse_duration, show_duration

_ENVIRONMENT_PREFIX = "TOKENSYNC_"

_SERVICE_VARIABLE = re.compile(
    rf"{_ENVIRONMENT_PREFIX}(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
"""What the kubelet sets in each pod for a Service called `tokensync` or `tokensync-…`: not meant for us."""

_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_HOST = re.compile(
    rf"(?:(?:\*\.)?(?:{_DNS_LABEL}\.)*(?=[a-z]){_DNS_LABEL}|(?:[0-9]{{1,3}}\.){{3}}[0-9]{{1,3}})"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*"
)
_ADDRESS = re.compile(r"(?P<ip>|[0-9.]+|\[[0-9a-f:.]+\]):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65535
_LONGEST_SECRET_TYPE = 253
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _items(value: object) -> object:
    """Split comma-separated texts; an item that is there twice counts once."""
    if not isinstance(value, str | list | tuple):
        return value
    texts = [value] if isinstance(value, str) else value
    items = (item.strip() for text in texts for item in str(text).split(","))
    return tuple(dict.fromkeys(item for item in items if item))


def _namespace(name: str) -> str:
    if not re.fullmatch(_DNS_LABEL, name):
        raise ValueError(
            f"{name!r} cannot be a namespace: write its name, up to 63 lower-case letters, digits and inner hyphens"
        )
    return name


def _host(text: str) -> str:
    host, slash, path = text.removesuffix("/").partition("/")
    entry = host.lower() + slash + path
    match = _HOST.fullmatch(entry)
    if match is None or int(match["port"] or 0) > _HIGHEST_PORT:
        raise ValueError(f"{text!r} is not a host: write host, host:port or *.domain, as in login.example.com:8443")
    return entry


def _not_empty(hosts: tuple[str, ...]) -> tuple[str, ...]:
    if not hosts:
        raise ValueError("no host is named, so no token could be had: write at least one, or leave the setting out")
    return hosts


def _address(text: str) -> str:
    match = _ADDRESS.fullmatch(text)
    if match is None or not _is_ip(match["ip"]) or int(match["port"]) > _HIGHEST_PORT:
        raise ValueError(
            f"{text!r} is not an address: write IP:port or :port, as in 127.0.0.1:8080, [::1]:8080 or :8080"
        )
    return text


def _is_ip(text: str) -> bool:
    try:
        return not text or bool(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return False


def _audience(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7E]{1,1024}", text):
        raise ValueError(
            f"{text!r} is no audience: write printable ASCII without spaces, as in api://AzureADTokenExchange"
        )
    return text


def _metadata_prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/?[\w.-]*", text, re.ASCII):
        raise ValueError(f"{text!r} begins no label or annotation: write a name or its beginning, as in example.com/")
    return text


def _secret_type(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([\w./-]*[A-Za-z0-9])?", text, re.ASCII) or len(text) > _LONGEST_SECRET_TYPE:
        raise ValueError(f"{text!r} is no type of a Secret: write it as in example.com/token")
    if re.fullmatch(r"(.*\.)?(kubernetes\.io|k8s\.io|helm\.sh)", text.partition("/")[0], re.IGNORECASE):
        raise ValueError(
            f"{text!r} is a type of Kubernetes or Helm: leave it out, only types of other domains can be added"
        )
    return text


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _at_most_a_day(duration: timedelta) -> timedelta:
    if duration > timedelta(days=1):
        raise ValueError(f"{show_duration(duration)} is too long: write 24h at most")
    return duration


def _at_least_a_second(duration: timedelta) -> timedelta:
    if duration < timedelta(seconds=1):
        raise ValueError(f"{show_duration(duration)} is too short: write 1s at least")
    return duration


def _holds_certificates(path: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise ValueError(f"{str(path)!r} holds no certificate in PEM: write the path of a file that does") from None
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read ({error.strerror}): write the path of a PEM file") from None
    return path


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and parts.path in {"", "/"}
        )
    except ValueError:
        return False


def _proxy(url: SecretStr) -> SecretStr:
    if not _is_proxy(url.get_secret_value()):
        raise ValueError("the value is not a proxy's URL: write http://host:port or http://user:password@host:port")
    return url


def _format_for_stderr() -> Literal["json", "text"]:
    return "text" if sys.stderr.isatty() else "json"


def in_a_pod() -> bool:
    """Whether the API server is the one of the pod that this runs in; a kubeconfig outranks it."""
    return "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ


def _own_namespace() -> str | None:
    return _OWN_NAMESPACE.read_text().strip() if in_a_pod() and _OWN_NAMESPACE.is_file() else None


_Item = TypeVar("_Item")
_List = Annotated[tuple[_Item, ...], NoDecode, BeforeValidator(_items)]
_Optional = Annotated[_Item | None, BeforeValidator(_none_if_empty)]
_Namespace = Annotated[str, AfterValidator(_namespace)]
_Host = Annotated[str, AfterValidator(_host)]
_Address = Annotated[str, AfterValidator(_address)]
_Audience = Annotated[str, AfterValidator(_audience)]
_SecretType = Annotated[str, AfterValidator(_secret_type)]
_MetadataPrefix = Annotated[str, AfterValidator(_metadata_prefix)]
_Duration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_at_most_a_day)]
_Budget = Annotated[_Duration, AfterValidator(_at_least_a_second)]
_Certificates = Annotated[Path, AfterValidator(_holds_certificates)]
_Proxy = Annotated[SecretStr, AfterValidator(_proxy)]


class Settings(BaseSettings):
    """The operator's settings. A field's title stands for its value in the help; its description is the help."""

    model_config = SettingsConfigDict(env_prefix=_ENVIRONMENT_PREFIX, frozen=True, hide_input_in_errors=True)

    namespaces: _List[_Namespace] = Field(
        (), title="NAMES", description="Namespaces that are watched. Default: all of them."
    )
    workers: int = Field(32, ge=1, le=512, title="NUMBER", description="Resources that are worked on at once.")
    allowed_hosts: Annotated[_List[_Host], AfterValidator(_not_empty)] = Field(
        ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"),
        title="HOSTS",
        description="The only hosts that a credential is ever sent to, each as host, host:port or *.domain, and with a "
        "/path if only what is below it is meant. What only a *.domain allows must not resolve to loopback, link-local "
        "or multicast addresses. The list replaces the default, the three Microsoft Entra clouds.",
    )
    allowed_audiences: _List[_Audience] = Field(
        (
            "api://AzureADTokenExchange",
            "api://AzureADTokenExchangeUSGov",
            "api://AzureADTokenExchangeChina",
        ),
        title="AUDIENCES",
        description="The only audiences that a token of a ServiceAccount is ever requested for. The list replaces the "
        "default, those of the three Microsoft Entra clouds. The audiences of the API server are refused.",
    )
    propagation: _Duration = Field(
        timedelta(seconds=120),
        title="DURATION",
        description="How long it takes from the API server to a file in a pod.",
    )
    clock_skew: _Duration = Field(
        timedelta(seconds=60),
        title="DURATION",
        description="How far the clock of whoever checks a token may be off ours.",
    )
    retry_budget: _Optional[_Budget] = Field(
        None,
        title="DURATION",
        description="A token is renewed so early that one attempt in this time has to succeed. "
        "Default: a third of the token's lifetime, at most 20m.",
    )
    provider_requests_per_second: _Optional[float] = Field(
        None,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        title="NUMBER",
        description="The most requests that one client sends to one host. Default: no limit.",
    )
    allowed_secret_types: _List[_SecretType] = Field(
        (),
        title="TYPES",
        description="Types that a target Secret may have beside Opaque, kubernetes.io/basic-auth and "
        "kubernetes.io/dockerconfigjson; none in the domains kubernetes.io, k8s.io and helm.sh. Default: no others.",
    )
    denied_metadata: _List[_MetadataPrefix] = Field(
        (
            "argocd.argoproj.io/",
            "kustomize.toolkit.fluxcd.io/",
            "helm.toolkit.fluxcd.io/",
            "meta.helm.sh/",
            "kapp.k14s.io/",
            "objectset.rio.cattle.io/",
            "replicator.v1.mittwald.de/",
            "reflector.v1.k8s.emberstack.com/",
            "kubed.appscode.com/",
        ),
        title="PREFIXES",
        description="How the name of a label or annotation in spec.target must not begin. The list replaces the "
        "default: what tools for GitOps track objects by, and what makes replicators copy a Secret.",
    )
    leader_elect: bool = Field(
        default_factory=in_a_pod,
        title="BOOLEAN",
        description="Share the work with other replicas: one that holds a Lease works, the others stand by. "
        "Default: true in a pod, else false.",
    )
    lease_namespace: _Optional[_Namespace] = Field(
        default_factory=_own_namespace,
        title="NAME",
        description="The namespace of the Lease. Default: the pod's own.",
    )
    metrics_address: _Address = Field(
        ":8080",
        title="ADDRESS",
        description="Where /metrics, /healthz and /readyz are served, as IP:port, or :port on all addresses.",
    )
    metrics_per_object: bool = Field(
        True,
        title="BOOLEAN",
        description="Whether /metrics has series for each resource: four of them.",
    )
    ca_bundle: _Optional[_Certificates] = Field(
        None, title="FILE", description="Certificates (PEM) trusted for providers beside the system's."
    )
    proxy: _Optional[_Proxy] = Field(
        None,
        title="URL",
        description="The proxy for requests to providers; with a password, better given in the environment. "
        "Default: what HTTPS_PROXY and NO_PROXY say.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", title="LEVEL", description="The least that is logged: debug, info, warning or error."
    )
    log_format: Literal["json", "text"] = Field(
        default_factory=_format_for_stderr,
        title="FORMAT",
        description="One JSON object a line (json), or lines to be read (text). Default: json; text on a terminal.",
    )


class InvalidSettingsError(ValueError):
    """Settings that cannot be used.

    Attributes:
        problems: one line for each: the flag, the variable, what is wrong, what to write instead.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(flags: Mapping[str, Any]) -> Settings:
    """Read the settings.

    Args:
        flags: what the command line gave, by name of field, as text (lists as a list of texts).

    Raises:
        InvalidSettingsError: if a value cannot be used, or a variable of ours is no setting.
    """
    problems = list(_unknown_variables(os.environ))
    try:
        settings = Settings(**flags)
    except ValidationError as error:
        problems += map(_problem, error.errors(include_url=False))
    if problems:
        raise InvalidSettingsError(problems)
    return settings


def flag(field: str) -> str:
    """Name the flag of a field."""
    return "--" + field.replace("_", "-")


def variable(field: str) -> str:
    """Name the environment variable of a field."""
    return _ENVIRONMENT_PREFIX + field.upper()


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    known = [field.upper() for field in Settings.model_fields]
    for variable_name in sorted(environment):
        prefix, name = variable_name[: len(_ENVIRONMENT_PREFIX)], variable_name[len(_ENVIRONMENT_PREFIX) :]
        if prefix == _ENVIRONMENT_PREFIX and name not in known and not _SERVICE_VARIABLE.fullmatch(variable_name):
            nearest = difflib.get_close_matches(name, known, n=1)
            yield f"{variable_name} is not a setting: {f'write {prefix}{nearest[0]}' if nearest else 'unset it'}"


def _problem(error: ErrorDetails) -> str:
    field = str(error["loc"][0])
    cause = error.get("ctx", {}).get("error")
    what = str(cause) if cause else f"{error['input']!r} {error['msg'].removeprefix('Input ')}"
    return f"{flag(field)} ({variable(field)}): {what}"
