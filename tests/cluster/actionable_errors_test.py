"""Errors that a person can act on: the resource's status says what is wrong, where, and what to do next."""

import uuid
from pathlib import Path

from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.stage import Stage
from support.troubles import CASES
from tokensync.errors import Reason


def test_status_says_what_is_wrong_and_what_to_do(operator: StartOperator, stage: Stage, tmp_path: Path) -> None:
    """For each of many things that can be wrong, all of them at once."""
    scenario = stage.scenario
    scenario.put_certificate()
    for name, case in CASES.items():
        scenario.create(name, **case.spec(stage, name))
    operator(stage.settings(tmp_path))

    for name, case in CASES.items():
        failed = scenario.wait_condition("RenewalSucceeded", case.reason, name, timeout=30)
        for part in case.says:
            assert part.format(**stage.facts(name)) in failed["message"]
        conditions = {each["type"]: each for each in scenario.status(name)["conditions"]}
        told = {kind: (each["status"], each["reason"], each["message"]) for kind, each in conditions.items()}
        assert told["RenewalSucceeded"] == told["Ready"] == ("False", case.reason, failed["message"])
        assert told["CredentialValid"][0] == case.credential
        assert told["GapFree"][0] == "Unknown"
        assert told.get("Stalled") == (("True", case.reason, failed["message"]) if case.stalled else None)


def test_support_gets_what_it_asks_for(operator: StartOperator, scenario: Scenario, ca: Path) -> None:
    """The status has the number, the ids and the HTTP status of a provider's refusal, each in a field of its own."""
    scenario.put_certificate()
    scenario.create(clientId=scenario.entra.register().client_id)
    operator(quick_settings(scenario.entra, ca))
    scenario.wait_condition("RenewalSucceeded", Reason.CREDENTIAL_REJECTED)

    attempt = scenario.status()["lastAttempt"]

    assert (attempt["errorCode"], attempt["httpStatus"]) == ("AADSTS700027", 401)
    assert uuid.UUID(attempt["correlationId"])
    assert uuid.UUID(attempt["traceId"])
