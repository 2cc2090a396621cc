"""Buying a token: the first proof is offered, and where the provider does not know that, the one to fall back to."""

from collections.abc import Sequence

from tokensync.clock import Clock, rfc3339
from tokensync.controller.authorities import Authorities
from tokensync.controller.clearance import Clearance, Flight
from tokensync.controller.keyring import Keyring
from tokensync.controller.ports import Leadership, TokenSource
from tokensync.controller.sharing import Bought
from tokensync.credentials.pair import KeyPair
from tokensync.credentials.proof import Proof
from tokensync.errors import ConflictError, ProviderError, Reason, SpecError
from tokensync.rotation.observation import Observation


class Purchase:
    """Asks the provider, with what the keyring holds, and tells the others what came of it."""

    def __init__(
        self,
        *,
        keyring: Keyring,
        authorities: Authorities,
        source: TokenSource,
        leadership: Leadership,
        clearance: Clearance,
        clock: Clock,
    ) -> None:
        self._keyring = keyring
        self._authorities = authorities
        self._source = source
        self._leadership = leadership
        self._clearance = clearance
        self._clock = clock

    async def buy(self, seen: Observation) -> Bought:
        """Get a token for a resource that was given leave to ask.

        Raises:
            ConflictError: if its credential is another by now.
            CredentialError, ClusterError, SpecError: if there is no proof to offer.
            ProviderError: if the provider refuses, or cannot be asked.
            NotLeadingError: if another replica may work.
        """
        flight = self._clearance.flight(seen.resource.key)
        authorities = await self._authorities.trusted_by(seen.resource)
        proofs = await self._keyring.proofs(seen.resource, self._clock.now())
        if proofs[0].fingerprint != seen.fingerprint:
            raise ConflictError(f"the credential of {seen.resource.key} changed")
        self._leadership.require()
        try:
            return await self._offer_all(flight, proofs, authorities)
        finally:
            self._clearance.landed(flight.key)

    async def _offer_all(self, flight: Flight, proofs: Sequence[Proof], authorities: str) -> Bought:
        """Offer the first proof, then what there is to fall back to. Of two that are unknown the first is told of."""
        first, *fallbacks = proofs
        if flight.past_first and fallbacks:
            return await self._offer(flight, fallbacks[0], proofs, authorities)
        try:
            return await self._offer(flight, first, proofs, authorities)
        except ProviderError as unknown:
            if unknown.reason is not Reason.CREDENTIAL_REJECTED or not fallbacks:
                raise
            self._source.take_turn(flight.seen.resource.spec)  # one attempt is not cut in two by the budget
            try:
                return await self._offer(flight, fallbacks[0], proofs, authorities)
            except ProviderError as error:
                raise (unknown if error.reason is Reason.CREDENTIAL_REJECTED else error) from None

    async def _offer(self, flight: Flight, proof: Proof, proofs: Sequence[Proof], authorities: str) -> Bought:
        spec, began_at = flight.seen.resource.spec, self._clock.now()
        try:
            token = await self._source.acquire(spec, proof, authorities=authorities)
        except (ProviderError, SpecError) as error:
            self._clearance.refused(flight, proof, error, began_at=began_at)
            raise
        fingerprints = tuple(each.fingerprint for each in proofs)
        bought = Bought(token, fingerprints, _remark(proof, proofs[0], spec.client_id))
        self._clearance.accepted(flight, proof, bought, began_at=began_at)
        return bought


def _remark(proof: Proof, first: Proof, client_id: str) -> str:
    if proof is first or not isinstance(proof, KeyPair) or not isinstance(first, KeyPair):
        return ""
    return (
        f"The provider was shown the previous certificate, SHA-1 thumbprint {proof.thumbprint_sha1}, valid until "
        f"{rfc3339(proof.not_after)}, because it did not know the new one: register the certificate with SHA-1 thumbprint {first.thumbprint_sha1} on application {client_id}"
    )
