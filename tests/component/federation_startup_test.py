"""An operator that would hand out credentials for its own cluster does not start."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest

from support.operator_process import OperatorProcess
from support.pki import Authority, write_kubeconfig
from support.ports import free_port

OWN: dict[str, object] = {
    "sub": "system:serviceaccount:tokensync-system:tokensync",
    "iss": "https://issuer",
    "aud": ["https://api"],
}


Start = Callable[[dict[str, object], str], OperatorProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a process that is known by a token with these claims, to an API server that is not there."""
    processes: list[OperatorProcess] = []

    def run(claims: dict[str, object], audiences: str) -> OperatorProcess:
        token = jwt.encode(claims, "a key of nobody, and long enough for this algorithm")
        server, authority = f"https://127.0.0.1:{free_port()}", Authority(tmp_path / "pki").certificate
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server, authority, token)
        process = OperatorProcess(kubeconfig, {"allowed-audiences": audiences}, log=tmp_path / "log")
        processes.append(process)
        process.start()
        return process

    yield run
    for process in processes:
        process.stop()


@pytest.mark.parametrize("audience", ["https://api", "https://issuer"])
def test_what_its_own_token_is_for_may_not_be_listed(start: Start, audience: str) -> None:
    """With status 1 and one line that names the setting; of the token nothing is shown."""
    process = start(OWN, f"api://AzureADTokenExchange,{audience}")
    assert process.wait(20) == 1

    (line,) = process.log_text.splitlines()
    assert json.loads(line)["detail"] == (
        f"--allowed-audiences: {audience} is an audience of the API server, so tokens for it are credentials for the "
        "cluster: leave it out, and give providers an audience of their own"
    )


def test_what_a_persons_token_is_for_says_nothing(start: Start) -> None:
    """That of an OpenID provider is for a client, whose name a provider of tokens may have too."""
    start(OWN | {"sub": "alice"}, "https://api").wait_for_log('"started"')
