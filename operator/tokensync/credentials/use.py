"""Whether a proof can be used where a resource wants to use it."""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tokensync.credentials.pair import KeyPair
from tokensync.credentials.private_key import NEW_RSA_PAIR
from tokensync.credentials.proof import Proof
from tokensync.errors import CredentialError, Reason
from tokensync.resource.credential import CertificateCredential
from tokensync.resource.spec import Spec


def check_use(proof: Proof, spec: Spec) -> None:
    """Refuse what the provider, or the chosen algorithm, cannot take.

    Raises:
        CredentialError: `KeyUnsupported`.
    """
    if not isinstance(proof, KeyPair):
        return
    if spec.provider.entra and not isinstance(proof.private_key, RSAPrivateKey):
        raise _unsupported(proof, "Microsoft Entra ID accepts RSA keys only", remedy=NEW_RSA_PAIR)
    if spec.credential.certificate:
        _check_algorithm(proof, spec.credential.certificate)


def _check_algorithm(pair: KeyPair, form: CertificateCredential) -> None:
    if form.algorithm and form.algorithm not in pair.algorithms:
        fitting = " or ".join(pair.algorithms)
        raise _unsupported(
            pair,
            f"the algorithm {form.algorithm} needs another",
            remedy=f"remove spec.credential.certificate.algorithm, or set it to {fitting}",
        )


def _unsupported(pair: KeyPair, problem: str, *, remedy: str) -> CredentialError:
    return CredentialError(
        Reason.KEY_UNSUPPORTED,
        f"the key of the certificate with SHA-1 thumbprint {pair.thumbprint_sha1} is {pair.key_type}, and {problem}",
        remedy=remedy,
    )
