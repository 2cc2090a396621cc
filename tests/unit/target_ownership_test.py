"""Whose Secret it is: what we created or were given is ours to write, and nothing else."""

import pytest

from support.builders import SECRET_UID, UID, make_metadata, make_owner, make_resource, make_secret
from tokensync.errors import Reason
from tokensync.resource.names import ADOPTABLE_BY, ISSUED_AT, MANAGED_BY, MANAGED_BY_LABEL, OWNER_UID_LABEL
from tokensync.resource.spec import ClientCredentialToken
from tokensync.target.metadata import SecretMetadata
from tokensync.target.ownership import Ownership, ownership, refusal

LIVE = "uid-of-another-resource"
GONE = "uid-of-a-resource-that-is-gone"
PLAIN = make_resource()
ADOPTING = make_resource(target={"adopt": True})
RETAINING = make_resource(target={"deletionPolicy": "Retain"})
CONSENT = {ADOPTABLE_BY: "graph"}
FOREIGN_OWNER = make_owner("deployment", kind="Deployment")
UNLABELLED = {ISSUED_AT: "2026-11-23T13:45:00.000Z"}

OWNERSHIPS: dict[str, tuple[Ownership, SecretMetadata | None, ClientCredentialToken]] = {
    "there is none": (Ownership.ABSENT, None, PLAIN),
    "we created it": (Ownership.OURS, make_secret(PLAIN).seen(), PLAIN),
    "we created it and retain it": (Ownership.OURS, make_secret(RETAINING).seen(), RETAINING),
    "our reference alone is left": (Ownership.OURS, make_metadata(owners=(make_owner(),)), PLAIN),
    "our label alone is left": (Ownership.OURS, make_metadata(labels={OWNER_UID_LABEL: UID}), PLAIN),
    "our label was removed, our annotations are left": (Ownership.OURS, make_metadata(annotations=UNLABELLED), PLAIN),
    "our label was removed, and our annotations": (Ownership.FOREIGN, make_metadata(), PLAIN),
    "it has the label of a resource that is gone": (
        Ownership.FOREIGN,
        make_metadata(labels={OWNER_UID_LABEL: GONE}, annotations=UNLABELLED),
        PLAIN,
    ),
    "somebody made it": (Ownership.FOREIGN, make_metadata(labels={"team": "a"}), PLAIN),
    "somebody says that we manage it": (
        Ownership.FOREIGN,
        make_metadata(labels={MANAGED_BY_LABEL: MANAGED_BY}),
        ADOPTING,
    ),
    "something else controls it": (Ownership.FOREIGN, make_metadata(owners=(FOREIGN_OWNER,)), PLAIN),
    "something else controls it, with our label": (
        Ownership.FOREIGN,
        make_metadata(labels={OWNER_UID_LABEL: UID}, owners=(FOREIGN_OWNER,)),
        PLAIN,
    ),
    "something else controls it, with its owner's consent": (
        Ownership.FOREIGN,
        make_metadata(annotations=CONSENT, owners=(FOREIGN_OWNER,)),
        ADOPTING,
    ),
    "another resource controls it": (Ownership.CLAIMED, make_metadata(owners=(make_owner(LIVE),)), PLAIN),
    "a resource controlled it that is gone, and it goes as well": (
        Ownership.CLAIMED,
        make_metadata(owners=(make_owner(GONE),), annotations=CONSENT),
        ADOPTING,
    ),
    "another resource retains it": (Ownership.CLAIMED, make_metadata(labels={OWNER_UID_LABEL: LIVE}), PLAIN),
    "another resource retains it, with consent to us": (
        Ownership.CLAIMED,
        make_metadata(labels={OWNER_UID_LABEL: LIVE}, annotations=CONSENT),
        ADOPTING,
    ),
    "its owner consents, and we want it": (Ownership.ADOPTABLE, make_metadata(annotations=CONSENT), ADOPTING),
    "its owner consents, and we do not want it": (Ownership.FOREIGN, make_metadata(annotations=CONSENT), PLAIN),
    "we want it without consent": (Ownership.FOREIGN, make_metadata(), ADOPTING),
    "its owner consents to somebody else": (
        Ownership.FOREIGN,
        make_metadata(annotations={ADOPTABLE_BY: "mail"}),
        ADOPTING,
    ),
    "a resource retained it that is gone, and another of its name wants it": (
        Ownership.ADOPTABLE,
        make_metadata(labels={OWNER_UID_LABEL: GONE}, annotations=CONSENT),
        ADOPTING,
    ),
    "others own it too, without controlling it": (
        Ownership.ADOPTABLE,
        make_metadata(annotations=CONSENT, owners=(make_owner("x", kind="ConfigMap", controller=False),)),
        ADOPTING,
    ),
}


@pytest.mark.parametrize("sentence", OWNERSHIPS)
def test_ownership(sentence: str) -> None:
    """We wrote a Secret of that uid before; one other resource is there."""
    whose, secret, resource = OWNERSHIPS[sentence]
    assert ownership(secret, resource, written_uid=SECRET_UID, is_live=lambda uid: uid == LIVE) is whose


@pytest.mark.parametrize("written_uid", ["", "another"])
def test_secret_without_label_is_known_again_only_by_the_uid_that_we_wrote(written_uid: str) -> None:
    """Annotations can be copied."""
    secret = make_metadata(annotations=UNLABELLED)
    assert ownership(secret, PLAIN, written_uid=written_uid, is_live=lambda _: False) is Ownership.FOREIGN


@pytest.mark.parametrize("whose", [Ownership.ABSENT, Ownership.OURS, Ownership.ADOPTABLE])
def test_what_may_be_written_is_not_refused(whose: Ownership) -> None:
    """Nothing stands in the way."""
    assert refusal(whose, PLAIN) is None


REFUSALS: dict[Ownership, tuple[Reason, str]] = {
    Ownership.CLAIMED: (
        Reason.TARGET_CLAIMED,
        (
            "Secret reports/graph-token belongs to another ClientCredentialToken: give target.name another name, "
            "or delete the other resource and this one takes over"
        ),
    ),
    Ownership.FOREIGN: (
        Reason.TARGET_NOT_OWNED,
        (
            "Secret reports/graph-token exists and was not made by tokensync: give target.name another name; or, if the "
            "Secret may be overwritten, annotate it with tokensync.dev/adoptable-by=graph and set target.adopt to true"
        ),
    ),
}


@pytest.mark.parametrize("whose", REFUSALS)
def test_refusal_says_what_to_do(whose: Ownership) -> None:
    """The message names the Secret and the next step."""
    error = refusal(whose, PLAIN)
    assert error is not None
    assert (error.reason, error.text) == REFUSALS[whose]
