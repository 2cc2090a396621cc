"""Input that nobody thought of: a condition or a line in the log, never a crash, and all others go on."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count, pairwise
from pathlib import Path
from threading import Event

import pytest

from support.control_plane import ControlPlane
from support.objects import Json
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.waiting import eventually
from tokensync.errors import Reason
from tokensync.resource.names import ADOPTABLE_BY, RENEW_REQUESTED_AT

HOUR = timedelta(hours=1)
BIG = b"x" * 1_000_000
MOST = 1 << 20
"""Bytes that a Secret can hold."""
LABELS = {f"example.com/label-{number}": "x" * 63 for number in range(500)}


def test_resource_that_is_patched_all_the_time_is_renewed(
    operator: StartOperator, scenario: Scenario, ca: Path
) -> None:
    """The status is always written to a newer version than was seen: no renewal is late, and no token bought in vain."""
    application = scenario.register(timedelta(seconds=10))
    scenario.put_certificate()
    scenario.create(clientId=application.client_id)
    operator(quick_settings(scenario.entra, ca))
    scenario.wait_ready()
    done = Event()

    def hammer() -> int:
        for number in count():
            if done.is_set():
                break
            scenario.patch({"metadata": {"annotations": {"example.com/number": str(number)}}})
        return number

    with ThreadPoolExecutor(1) as threads:
        patches = threads.submit(hammer)
        try:
            eventually(lambda: len(scenario.issued_to(application)) > 3, 30, "it is renewed three times")
        finally:
            done.set()
        assert patches.result() > 100
    issued = [token.issued_at for token in scenario.issued_to(application)]
    gaps = [later - earlier for earlier, later in pairwise(issued)]
    assert min(gaps) > timedelta(seconds=10) / 3
    assert max(gaps) < timedelta(seconds=8)
    expected = scenario.issued_to(application)[-1].value
    eventually(lambda: held_value(scenario) == expected, 5, "the last token is written")


def held_value(scenario: Scenario, secret: str = "graph-token") -> str:
    """The token that a target holds."""
    held = scenario.token(secret)
    return held.value if held else ""


def put_existing(scenario: Scenario, name: str, data: dict[str, bytes], **metadata: Json) -> Json:
    """Have a Secret already that is the target of the resource of that name, with consent; returns that target."""
    annotations = {ADOPTABLE_BY: name}
    scenario.cluster.create_secret(
        scenario.namespace, f"{name}-token", data, metadata={"annotations": annotations, **metadata}
    )
    return {"adopt": True}


def test_sizes_and_numbers_that_nobody_expects(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """What Kubernetes lets through is either of no account, or told in a condition."""
    pair = scenario.certificate.secret_data()
    credentials = {
        "much-beside": pair | {"picture.png": BIG},
        "many-beside": pair | {f"key-{number}": os.urandom(100) for number in range(2000)},
        "much-within": pair | {"tls.crt": pair["tls.crt"] + BIG},
        "noise": pair | {"tls.key": os.urandom(10_000)},
        "nothing": {},
    }
    scenario.entra.lifetime = HOUR
    for name, data in credentials.items():
        scenario.put_certificate(name=name, data=data)
        scenario.create(name, credential={"certificate": {"secretRef": {"name": name}}})
    scenario.put_certificate()
    scenario.cluster.create_secret(scenario.namespace, "clash-token", {"somebody": BIG})
    scenario.create("clash")
    target = put_existing(scenario, "adopted", {"somebody": BIG}, labels=LABELS)
    scenario.create("adopted", scopes=scenario.own_scope("adopted"), target=target)
    target = put_existing(scenario, "too-full", {"somebody": b"x" * (MOST - 1000)})
    scenario.create("too-full", scopes=scenario.own_scope("too-full"), target=target)
    labelled = scenario.body("labelled", scopes=scenario.own_scope("labelled"))
    labelled["metadata"] |= {"labels": LABELS, "annotations": {"example.com/text": "x" * 200_000}}
    scenario.cluster.resources.create(scenario.namespace, labelled)
    wish = "\u00e9\n" * 50_000
    wished = scenario.body("wished", scopes=scenario.own_scope("wished"))
    wished["metadata"]["annotations"] = {RENEW_REQUESTED_AT: wish}
    scenario.cluster.resources.create(scenario.namespace, wished)
    operator(quick_settings(scenario.entra, ca))

    for name in "much-beside", "many-beside", "adopted", "labelled", "wished":
        scenario.wait_ready(name)
    told = {
        "much-within": (Reason.CREDENTIAL_MALFORMED, "bytes, and no more than 16384 are read"),
        "noise": (Reason.CREDENTIAL_MALFORMED, "is not PEM"),
        "nothing": (Reason.CREDENTIAL_KEY_MISSING, "it has no keys at all"),
        "clash": (Reason.TARGET_NOT_OWNED, "was not made by tokensync"),
        "too-full": (Reason.TARGET_REJECTED, "it is invalid in data (FieldValueTooLong)"),
    }
    for name, (reason, message) in told.items():
        assert message in scenario.wait_condition("RenewalSucceeded", reason, name)["message"]
    assert scenario.cluster.secret_data(scenario.namespace, "clash-token") == {"somebody": BIG}
    assert scenario.cluster.secret_data(scenario.namespace, "adopted-token")["somebody"] == BIG
    metadata = scenario.cluster.secrets.get(scenario.namespace, "labelled-token")["metadata"]
    assert not {"example.com/text", *LABELS} & {*metadata["labels"], *metadata["annotations"]}
    assert wish.startswith(scenario.status("wished")["lastHandledRenewRequest"])
    ready = "much-beside", "many-beside", "adopted", "labelled", "wished", "too-full"
    scenario.wait_for_turn()
    assert len(scenario.issued_to(scenario.application)) == len(ready)


@pytest.mark.parametrize("everywhere", [True, False], ids=["all-namespaces", "one-namespace"])
@pytest.mark.parametrize("restarted", [True, False], ids=["restarted", "running"])
def test_our_kind_can_be_deleted_and_applied_again(
    operator: StartOperator,
    control_plane: ControlPlane,
    scenario: Scenario,
    ca: Path,
    *,
    everywhere: bool,
    restarted: bool,
) -> None:
    """Whether it watches all namespaces or one, runs meanwhile or starts meanwhile: it serves what is created later."""
    scenario.put_certificate()
    settings = quick_settings(scenario.entra, ca)
    process = operator(settings if everywhere else settings | {"namespaces": scenario.namespace})
    scenario.create("before")
    scenario.wait_ready("before")
    with control_plane.crds_deleted():
        if restarted:
            process.stop()
            process.start()
        process.wait_for_log("apply the CustomResourceDefinition")

    scenario.create("after")
    scenario.wait_ready("after", timeout=20)
