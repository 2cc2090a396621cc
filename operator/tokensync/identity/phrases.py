"""How messages name those who took part in a request: as the people who read them know them."""

from tokensync.identity.asked import Asked, Offered
from tokensync.resource.status import CredentialKind

ENTRA = "entra"

_REALM = {ENTRA: "tenant {realm}", "oidc": "issuer {realm}", "oauth2": "token endpoint {realm}"}

_OFFERED = {
    CredentialKind.CERTIFICATE: "the certificate with thumbprint {thumbprint_sha1} (SHA-256 {thumbprint_sha256})",
    CredentialKind.CLIENT_SECRET: "the client secret",
    CredentialKind.SERVICE_ACCOUNT: "the token of {subject} with audience {audience}",
}
_ASSERTION = {
    CredentialKind.CERTIFICATE: "the assertion signed",
    CredentialKind.CLIENT_SECRET: "the request",
    CredentialKind.SERVICE_ACCOUNT: "the ServiceAccount's token",
}
_ISSUER_UNKNOWN = "the issuer of this cluster's ServiceAccount tokens"


def phrases(asked: Asked) -> dict[str, str]:
    """What stands in the braces of sentences and remedies.

    ============  ====================================================================================================
    `host`        that was asked
    `realm`       the tenant, the issuer or the token endpoint, with that word
    `field`       of the spec that names it
    `application` `application <id>`, or `client <id>` where it is not Entra's
    `client_id`   the id alone
    `client`      the same as `application`, in Entra's full words for the first mention
    `within`      ` in tenant <id>`; empty where there are no tenants
    `scope`       what was asked for, with that word
    `offered`     the credential
    `assertion`   what the credential made, where it made one
    ============  ====================================================================================================

    and the attributes of `Offered`, of which `issuer` has that word with it.
    """
    in_entra = asked.provider == ENTRA
    realm = _REALM[asked.provider].format(realm=asked.realm)
    return {
        "host": asked.host,
        "realm": realm,
        "field": asked.field,
        "application": f"{'application' if in_entra else 'client'} {asked.client_id}",
        "client_id": asked.client_id,
        "client": f"{'application (client) id' if in_entra else 'client'} {asked.client_id}",
        "within": f" in {realm}" if in_entra else "",
        "scope": f"scope {asked.scope}" if asked.scope else "a request without scopes",
        **_offered(asked.offered),
    }


def _offered(offered: Offered) -> dict[str, str]:
    attributes = {
        "thumbprint_sha1": offered.thumbprint_sha1,
        "thumbprint_sha256": offered.thumbprint_sha256,
        "issuer": f"issuer {offered.issuer}" if offered.issuer else _ISSUER_UNKNOWN,
        "subject": offered.subject,
        "audience": offered.audience,
    }
    named = _OFFERED[offered.kind].format(**attributes)
    return {**attributes, "offered": named, "assertion": _ASSERTION[offered.kind]}
