"""The Secret that is written: `spec.target`."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from tokensync.resource.model import Model, one_of


class ValueName(StrEnum):
    """What a key of the target Secret can hold."""

    ACCESS_TOKEN = "AccessToken"
    AUTHORIZATION_HEADER = "AuthorizationHeader"
    TOKEN_TYPE = "TokenType"
    EXPIRES_AT = "ExpiresAt"
    EXPIRES_AT_UNIX = "ExpiresAtUnix"
    ISSUED_AT = "IssuedAt"
    SCOPE = "Scope"
    TOKEN_RESPONSE = "TokenResponse"
    PREVIOUS_ACCESS_TOKEN = "PreviousAccessToken"


DEFAULT_DATA = {
    "token": ValueName.ACCESS_TOKEN,
    "expires-at": ValueName.EXPIRES_AT,
    "token-type": ValueName.TOKEN_TYPE,
}


class DeletionPolicy(StrEnum):
    """What happens to the target Secret when its resource goes."""

    DELETE = "Delete"
    RETAIN = "Retain"


class BasicAuth(Model):
    """The token as the password of `kubernetes.io/basic-auth`."""

    username: str


class DockerConfigJson(Model):
    """The token as a registry's password, for `imagePullSecrets` and container clients."""

    registry: str
    username: str


class Netrc(Model):
    """The token as the password of one machine in a `.netrc`."""

    machine: str
    login: str


class Pgpass(Model):
    """The token as a PostgreSQL password in a `.pgpass`."""

    host: str
    port: int | None = None
    database: str
    user: str


class GitCredentials(Model):
    """The token as the password of one URL in the file of git's credential store."""

    url: str
    username: str


class CurlConfig(Model):
    """The token in a header of curl's configuration file."""


Shape = BasicAuth | DockerConfigJson | Netrc | Pgpass | GitCredentials | CurlConfig


class Format(Model):
    """A ready-made shape of the Secret; exactly one member is set."""

    basic_auth: BasicAuth | None = None
    docker_config_json: DockerConfigJson | None = None
    netrc: Netrc | None = None
    pgpass: Pgpass | None = None
    git_credentials: GitCredentials | None = None
    curl_config: CurlConfig | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        return one_of(self)

    @property
    def shape(self) -> Shape:
        """The one that is set."""
        shape: Shape = next(value for _, value in self if value is not None)
        return shape


OPAQUE = "Opaque"
BASIC_AUTH = "kubernetes.io/basic-auth"
DOCKER_CONFIG_JSON = "kubernetes.io/dockerconfigjson"


class Target(Model):
    """The Secret that is written."""

    name: str
    type: str = OPAQUE
    data: dict[str, ValueName] | None = None
    format: Format | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    adopt: bool = False
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE

    @property
    def shape(self) -> dict[str, ValueName]:
        """Which key holds what, the default included; of no meaning where there is a format."""
        return self.data or DEFAULT_DATA
