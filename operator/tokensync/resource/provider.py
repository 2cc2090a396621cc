"""Where tokens come from: `spec.provider`."""

from enum import StrEnum
from typing import Self

from pydantic import model_validator

from tokensync.resource.model import KeyRef, Model, member, one_of


class Cloud(StrEnum):
    """The Microsoft Entra clouds."""

    PUBLIC = "Public"
    US_GOVERNMENT = "USGovernment"
    CHINA = "China"


class CABundleRef(Model):
    """Where certificate authorities in PEM are found; exactly one member is set."""

    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        return one_of(self)


class EntraProvider(Model):
    """Microsoft Entra ID: a tenant in one of its clouds, or at another authority host."""

    tenant_id: str
    cloud: Cloud | None = None
    authority_host: str | None = None
    ca_bundle_ref: CABundleRef | None = None


class OIDCProvider(Model):
    """A server whose token endpoint is found by OpenID Connect Discovery."""

    issuer: str
    ca_bundle_ref: CABundleRef | None = None


class OAuth2Provider(Model):
    """A bare token endpoint (RFC 6749, section 3.2)."""

    token_endpoint: str
    ca_bundle_ref: CABundleRef | None = None


class Provider(Model):
    """Where tokens come from; exactly one member is set."""

    entra: EntraProvider | None = None
    oidc: OIDCProvider | None = None
    oauth2: OAuth2Provider | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        return one_of(self)

    @property
    def kind(self) -> str:
        """The member's name: `entra`, `oidc` or `oauth2`."""
        return member(self)

    @property
    def ca_bundle_ref(self) -> CABundleRef | None:
        """Which authorities are trusted for this provider only."""
        chosen = self.entra or self.oidc or self.oauth2
        return chosen.ca_bundle_ref if chosen else None
