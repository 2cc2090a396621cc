"""Which Secrets are no source of a credential, whatever is in them."""

from tokensync.controller.ports import SecretContent
from tokensync.errors import CredentialError, Reason
from tokensync.resource.names import OWNER_UID_LABEL
from tokensync.target.metadata import SecretMetadata

_ELSEWHERE = "put the credential into a Secret of its own"
_BY_NAME = "name the ServiceAccount in credential.serviceAccount: a token of its own is requested for each renewal"

REFUSED_TYPES = {
    "kubernetes.io/service-account-token": ("holds a token of a ServiceAccount", _BY_NAME),
    "bootstrap.kubernetes.io/token": ("holds a token with which nodes join the cluster", _ELSEWHERE),
    "helm.sh/release.v1": ("holds a release of Helm", _ELSEWHERE),
}
"""By type, what it is and what to do: these belong to the cluster and its tools, and go to no provider."""


def must_be_a_source(content: SecretContent) -> None:
    """Refuse a Secret that is somebody else's business, or our own.

    Raises:
        CredentialError: `CredentialSourceRefused`.
    """
    what, remedy = REFUSED_TYPES.get(content.type, ("", ""))
    if _is_a_target(content.metadata):
        what, remedy = "is the target of a ClientCredentialToken", _ELSEWHERE
    if what:
        raise CredentialError(Reason.CREDENTIAL_SOURCE_REFUSED, f"Secret {content.metadata.key} {what}", remedy=remedy)


def _is_a_target(secret: SecretMetadata) -> bool:
    return secret.controlled_by_token or OWNER_UID_LABEL in secret.labels
