"""Whoever is in one of Entra's clouds asks that cloud, and never another."""

import pytest

from support.authorization_server import authorization_server
from support.internet import internet
from support.token_source import TENANT, make_spec, token_source_for
from tokensync.credentials.proof import ClientSecret
from tokensync.errors import ProviderError

HOSTS = {
    "Public": "login.microsoftonline.com",
    "USGovernment": "login.microsoftonline.us",
    "China": "login.partner.microsoftonline.cn",
}
BY_SECRET = {"clientSecret": {"secretKeyRef": {"name": "client", "key": "secret"}}}
SECRET = ClientSecret("a-client-secret", "version-1")


@pytest.mark.parametrize("succeeds", [True, False])
@pytest.mark.parametrize("cloud", sorted(HOSTS))
async def test_a_cloud_is_asked_for_everything(cloud: str, succeeds: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the metadata, for the token, and after a refusal, when MSAL would look the authority up in the public cloud."""
    monkeypatch.setenv("MSAL_FORCE_REGION", "westus")
    host = HOSTS[cloud]
    spec = make_spec(cloud=cloud, credential=BY_SECRET)
    async with (
        authorization_server(name=host) as server,
        internet(int(server.host.rpartition(":")[2])) as (proxy, asked),
    ):
        server.metadata = {
            "issuer": f"https://{host}/{TENANT}/v2.0",
            "token_endpoint": f"https://{host}/{TENANT}/oauth2/v2.0/token",
        }
        if not succeeds:
            server.status, server.answer = 400, {"error": "invalid_client", "error_codes": [7000215]}
        async with token_source_for(server, allowed_hosts=list(HOSTS.values()), proxy=proxy) as source:
            if succeeds:
                assert (await source.acquire(spec, SECRET)).value == "an-access-token"
            else:
                with pytest.raises(ProviderError, match="CredentialRejected"):
                    await source.acquire(spec, SECRET)
    assert set(asked) == {f"{host}:443"}
    assert [request.path for request in server.requests] == [
        f"/{TENANT}/v2.0/.well-known/openid-configuration",
        f"/{TENANT}/oauth2/v2.0/token",
    ]
