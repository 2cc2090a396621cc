"""What the fuzzers start from goes through the same code in the ordinary tests."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
CORPORA = sorted(folder for folder in (FUZZ / "corpus").iterdir() if folder.is_dir())
CERTIFICATES = {
    "certificate-ec": "pair",
    "certificate-rsa": "pair",
    "key-ec": "KeyMismatch",
    "key-ed25519": "KeyUnsupported",
    "key-pkcs1": "pair",
    "key-rsa": "pair",
    "key-sec1": "KeyMismatch",
    "pem-chain": "pair",
    "pem-encrypted": "CredentialPasswordRequired",
    "pem-pkcs1": "pair",
    "pem-rsa": "pair",
    "pkcs12-aes": "pair",
    "pkcs12-plain": "pair",
    "pkcs12-rc2": "pair",
    "sealed-3des": "KeyMismatch",
    "sealed-aes": "KeyMismatch",
    "sealed-legacy": "pair",
}


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(FUZZ)
    yield
    for name in [name for name in sys.modules if name.startswith("fuzz_") and name != __name__]:
        del sys.modules[name]


def test_every_fuzzer_has_a_corpus_and_every_corpus_a_fuzzer() -> None:
    """Neither is forgotten; all of it stays small."""
    assert [f"fuzz_{folder.name}.py" for folder in CORPORA] == sorted(file.name for file in FUZZ.glob("fuzz_*.py"))
    assert sum(file.stat().st_size for folder in CORPORA for file in folder.iterdir()) < 200 * 1024


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda folder: str(folder.name))
def test_no_input_of_the_corpus_is_a_finding(corpus: Path) -> None:
    """Nothing is raised, whole or cut off in the middle."""
    try_one = import_module(f"fuzz_{corpus.name}").try_one

    for file in sorted(corpus.iterdir()):
        data = file.read_bytes()
        try_one(data)
        try_one(data[: len(data) // 2])
    try_one(b"")


def test_the_seeds_of_the_certificate_loader_reach_what_they_are_for() -> None:
    """A seed that is refused at the door teaches the fuzzer nothing."""
    outcome_of = import_module("fuzz_certificate").outcome_of

    seen = {file.name: outcome_of(file.read_bytes()) for file in (FUZZ / "corpus" / "certificate").iterdir()}

    assert {name: seen[name] for name in CERTIFICATES} == CERTIFICATES
