"""What the fuzzing of answers starts from leads to tokens and to every kind of error, and the target can fail."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
CORPUS = FUZZ / "corpus" / "response"
OUTCOMES = {
    "deep": "ProviderResponseInvalid",
    "empty": "ProviderResponseInvalid",
    "list": "ProviderResponseInvalid",
    "metadata": "ProviderResponseInvalid",
    "metadata-no-endpoint": "ProviderResponseInvalid",
    "metadata-not-found": "TenantUnknown",
    "metadata-other-issuer": "IssuerMismatch",
    "numbers": "token",
    "redirected": "ProviderRedirected",
    "refused-clock": "ClockSkewed",
    "refused-echo": "CredentialRejected",
    "refused-entra": "CredentialRejected",
    "refused-hydra": "ProviderUnavailable",
    "refused-jti": "AssertionRejected",
    "refused-loop": "ProviderThrottled",
    "refused-scope": "ScopeRejected",
    "throttled": "ProviderThrottled",
    "token-echo": "token",
    "token-empty": "ProviderResponseInvalid",
    "token-entra": "token",
    "token-lifetimes": "ProviderResponseInvalid",
    "token-nested": "ProviderResponseInvalid",
    "token-own-lifetime": "token",
    "token-scope": "token",
    "token-text-lifetime": "token",
    "unavailable": "ProviderUnavailable",
}


@pytest.fixture(scope="module")
def target() -> ModuleType:
    """What is fuzzed."""
    spec = importlib.util.spec_from_file_location("fuzz_response", FUZZ / "fuzz_response.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_seeds_reach_what_they_are_for(target: ModuleType) -> None:
    """One that is refused at the door teaches the fuzzer nothing."""
    assert {path.name: target.outcome_of(path.read_bytes()) for path in CORPUS.iterdir()} == OUTCOMES


def test_no_nesting_is_too_deep(target: ModuleType) -> None:
    """Neither for us nor for MSAL, which reads what it is given once more."""
    for depth in range(850, 1000):
        target.try_one(
            b'o200\n\n{"access_token": "t", "token_type": "Bearer", "expires_in": %b1%b}' % (b"[" * depth, b"]" * depth)
        )


def test_a_finding_is_told(target: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The target can fail: a text with what was sent is one."""
    monkeypatch.setattr(target, "SECRET", "Invalid client")
    with pytest.raises(AssertionError, match="cannot be shown"):
        target.try_one((CORPUS / "refused-entra").read_bytes())
