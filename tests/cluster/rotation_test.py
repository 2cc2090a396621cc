"""The main job: a token is renewed before it expires, again and again."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from support.audit import AuditLog
from support.consumer import Consumer
from support.operator_process import StartOperator
from support.scenario import Scenario, quick_settings
from support.waiting import eventually

MINUTE = timedelta(minutes=1)
MARGINS = timedelta(seconds=1 + 1)
"""Propagation and clock skew: a token that is renewed later than this before its end reaches a consumer too late."""
LIFETIMES = {"short": timedelta(seconds=10), "longer": timedelta(seconds=20)}


def test_consumer_never_reads_an_expired_token(
    operator: StartOperator, scenario: Scenario, ca: Path, audit_log: AuditLog
) -> None:
    """Over more than ten renewals the Secret is there, with a token that is renewed in time and not too often.

    A resource beside them, with a token of an hour, costs no call of the API in this minute.
    """
    scenario.put_certificate()
    applications = {name: scenario.register(lifetime) for name, lifetime in LIFETIMES.items()}
    for name, application in applications.items():
        scenario.create(name, clientId=application.client_id)
    scenario.create("idle", clientId=scenario.register(timedelta(hours=1)).client_id)
    operator(quick_settings(scenario.entra, ca))
    for name in (*applications, "idle"):
        scenario.wait_ready(name)
        assert scenario.condition("GapFree", name)["status"] == "True"
    consumers = {name: Consumer(scenario, f"{name}-token") for name in applications}
    began, mark = scenario.entra.now(), audit_log.mark()

    def a_minute_and_ten_renewals() -> bool:
        for consumer in consumers.values():
            consumer.read()
        return consumers["short"].tokens > 10 and scenario.entra.now() - began > MINUTE

    eventually(a_minute_and_ten_renewals, 90, "a minute and ten renewals", explain=lambda: consumers)

    for name, consumer in consumers.items():
        issued = [token.issued_at for token in scenario.issued_to(applications[name])]
        shortest = min(later - earlier for earlier, later in pairwise(issued))
        print(f"{name}: {consumer.tokens} tokens of {LIFETIMES[name]}, worst remaining {consumer.worst}")
        assert consumer.missed == 0
        assert consumer.worst > MARGINS
        assert shortest > LIFETIMES[name] / 3, "renewed too early"
    assert [call for call in audit_log.calls(mark) if call.name in ("idle", "idle-token")] == []
