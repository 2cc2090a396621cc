"""Everything that can go wrong at the fake Entra does go wrong when it is told to, and is right again afterwards."""

import asyncio
import json
import threading
import time

import aiohttp
import pytest

from support.entra import Endpoint, EntraError, FakeEntra, faults
from support.entra.client import Client, registered_client
from support.waiting import eventually


async def arrived(entra: FakeEntra, requests: int) -> None:
    """Wait until the provider has seen so many requests."""
    await asyncio.to_thread(eventually, lambda: entra.token_requests == requests, 5, f"{requests} requests arrived")


@pytest.mark.parametrize("status", [500, 503])
async def test_a_server_error_is_no_document_of_entras(entra: FakeEntra, client: Client, status: int) -> None:
    """A 5xx in HTML, for as long as the block lasts; the request counts, and no token is issued."""
    with entra.failing(faults.server_error(status)):
        answers = [await client.ask() for _ in range(2)]
    assert {(answer.status, answer.text[:6]) for answer in answers} == {(status, "<html>")}
    assert [request.status for request in entra.requests] == [status, status]
    assert entra.issued == []
    assert (await client.ask()).status == 200


async def test_a_fault_can_hit_only_the_next_requests(entra: FakeEntra, client: Client) -> None:
    """`times` limits how many requests a fault sees."""
    with entra.failing(faults.server_error(), times=2):
        assert [(await client.ask()).status for _ in range(3)] == [503, 503, 200]


async def test_entra_may_say_itself_that_it_is_unavailable(entra: FakeEntra, client: Client) -> None:
    """A 503 in Entra's form."""
    with entra.failing(faults.temporarily_unavailable()):
        answer = await client.ask()
    assert (answer.status, answer.document["error"]) == (503, "temporarily_unavailable")
    assert entra.requests[0].error_code == 90033


async def test_throttling_says_how_long_to_wait_in_both_forms(entra: FakeEntra, client: Client) -> None:
    """429 with `Retry-After`, once as JSON and once as plain text."""
    with entra.failing(faults.throttled("60")):
        spoken = await client.ask()
    with entra.failing(faults.throttled_plain("Wed, 21 Oct 2026 07:28:00 GMT")):
        plain = await client.ask()
    assert (spoken.status, spoken.headers["Retry-After"], spoken.document["error_codes"]) == (429, "60", [90055])
    assert (plain.status, plain.headers["Retry-After"]) == (429, "Wed, 21 Oct 2026 07:28:00 GMT")
    assert (plain.text, plain.headers["Content-Type"].split(";")[0]) == ("Too Many Requests", "text/plain")


async def test_any_refusal_can_be_had(entra: FakeEntra, client: Client) -> None:
    """A test may choose status, `error`, number and text of what a right request is refused with."""
    with entra.failing(faults.Refusal(EntraError(401, "invalid_client", 7000222, "The provided keys are expired."))):
        answer = await client.ask()
    assert (answer.status, answer.document["error_codes"]) == (401, [7000222])
    assert answer.document["error_description"].startswith("AADSTS7000222: The provided keys are expired. Trace ID: ")


async def test_an_error_can_repeat_the_assertion(entra: FakeEntra, client: Client) -> None:
    """The description holds what was sent, for the test that it goes nowhere from there."""
    with entra.failing(faults.EchoedAssertion()):
        answer = await client.ask()
    assert entra.assertions[0] in answer.document["error_description"]


async def test_latency_delays_the_right_answer(entra: FakeEntra, client: Client) -> None:
    """The answer takes at least as long as it was told, also for many at once, and is a token."""
    started = time.monotonic()
    with entra.failing(faults.Latency(0.2)):
        answers = await asyncio.gather(*(client.ask() for _ in range(10)))
    assert {answer.status for answer in answers} == {200}
    assert 0.2 <= time.monotonic() - started < 1.5


async def test_a_hanging_request_is_answered_once_the_fault_is_lifted(entra: FakeEntra, client: Client) -> None:
    """Until then nothing comes, but the request is on record without a status."""
    with entra.failing(faults.Hang()):
        asking = asyncio.create_task(client.ask())
        await arrived(entra, requests=1)
        done, _ = await asyncio.wait([asking], timeout=0.2)
        assert not done
        assert entra.requests[0].status is None
    assert (await asking).status == 200
    assert entra.requests[0].status == 200


async def test_a_client_that_stops_waiting_gets_no_token_later(entra: FakeEntra, client: Client) -> None:
    """Whoever hangs up while it hangs has made a request, but nothing is issued for it."""
    with entra.failing(faults.Hang()):
        asking = asyncio.create_task(client.ask())
        await arrived(entra, requests=1)
        asking.cancel()
        await asyncio.to_thread(eventually, lambda: entra.requests[0].abandoned, 5, "the client has gone")
    assert (await client.ask()).status == 200
    assert [request.status for request in entra.requests] == [None, 200]
    assert len(entra.issued) == 1


async def test_it_stops_while_requests_hang() -> None:
    """`stop` waits for nobody: the client sees the connection break."""
    entra = FakeEntra().start()
    async with registered_client(entra) as client:
        with entra.failing(faults.Hang()):
            asking = asyncio.create_task(client.ask())
            await arrived(entra, requests=1)
            began = time.monotonic()
            entra.stop()
            assert time.monotonic() - began < 2
        with pytest.raises(aiohttp.ClientConnectionError):
            await asking
    assert "fake-entra" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("fault", [faults.GARBAGE, faults.NOT_JSON])
async def test_garbage_comes_with_success(entra: FakeEntra, client: Client, fault: faults.Fault) -> None:
    """Status 200, and a body that is no JSON."""
    with entra.failing(fault):
        answer = await client.ask()
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


async def test_a_token_document_can_be_wrong(entra: FakeEntra, client: Client) -> None:
    """Without a token, without a lifetime, with a token that would add a header, with anything a test makes of it."""
    with entra.failing(faults.WITHOUT_TOKEN):
        assert "access_token" not in (await client.ask()).document
    with entra.failing(faults.WITHOUT_LIFETIME):
        assert (await client.ask()).document["expires_in"] == 0
    with entra.failing(faults.CONTROL_CHARACTERS):
        assert (await client.ask()).document["access_token"] == f"{entra.issued[-1].value}\r\nX-Other: 1"
    with entra.failing(faults.Altered(lambda document: document.update(token_type="pop"))):
        assert (await client.ask()).document["token_type"] == "pop"


async def test_an_answer_can_be_huge(entra: FakeEntra, client: Client) -> None:
    """More than a mebibyte, and good JSON all the same."""
    with entra.failing(faults.HUGE):
        answer = await client.ask()
    assert len(answer.text) > 1 << 20
    assert answer.document["access_token"] == entra.issued[0].value


async def test_what_is_altered_leaves_refusals_alone(entra: FakeEntra, client: Client) -> None:
    """A refusal goes through a fault that alters tokens as it is."""
    with entra.failing(faults.WITHOUT_TOKEN):
        assert (await client.ask(scope="x")).document["error"] == "invalid_scope"


async def test_a_truncated_answer_ends_before_it_should(entra: FakeEntra, client: Client) -> None:
    """The client gets a good head, half a body, and the end of the connection."""
    with entra.failing(faults.Truncated(), times=1), pytest.raises(aiohttp.ClientPayloadError):
        await client.ask()
    assert entra.requests[0].status == 200
    assert (await client.ask()).status == 200


@pytest.mark.parametrize("status", [302, 307])
async def test_a_redirect_leads_to_a_host_that_counts(entra: FakeEntra, client: Client, status: int) -> None:
    """Nothing arrives there unless the redirect is followed; what follows it is noticed, and even given a token."""
    with entra.failing(faults.Redirected(status)):
        answer = await client.ask()
        assert (answer.status, entra.redirects_followed) == (status, 0)
        async with client.session.post(client.token_endpoint, data=client.form()) as followed:
            assert (await followed.json())["access_token"] == "from-elsewhere"
    assert entra.redirects_followed == 1
    assert not answer.headers["Location"].startswith(f"https://{entra.host}")


async def test_discovery_can_fail_by_itself(entra: FakeEntra, client: Client) -> None:
    """A fault of the metadata leaves the token endpoint alone, and the other way round."""
    elsewhere = "https://elsewhere.example/token"
    with entra.failing(faults.server_error(), endpoint=Endpoint.DISCOVERY):
        assert ((await client.discover()).status, (await client.ask()).status) == (503, 200)
    with entra.failing(faults.server_error()):
        assert ((await client.discover()).status, (await client.ask()).status) == (200, 503)
    with entra.failing(
        faults.Altered(lambda document: document.update(token_endpoint=elsewhere)), endpoint=Endpoint.DISCOVERY
    ):
        assert (await client.discover()).document["token_endpoint"] == elsewhere
    assert entra.discovery_requests == 3


async def test_of_several_faults_the_last_sees_a_request_first(entra: FakeEntra, client: Client) -> None:
    """Faults that pass a request on work together; one that answers by itself hides those before it."""
    started = time.monotonic()
    with entra.failing(faults.server_error()), entra.failing(faults.Latency(0.2)):
        assert (await client.ask()).status == 503
    assert time.monotonic() - started >= 0.2
    with entra.failing(faults.Hang()), entra.failing(faults.server_error()):
        assert (await client.ask()).status == 503


async def test_unreachable_means_refused_and_then_the_same_port_again(entra: FakeEntra, client: Client) -> None:
    """Open connections break, new ones are refused, and afterwards the address is the one it was."""
    host = entra.host
    assert (await client.ask()).status == 200
    with entra.unreachable():
        for _ in range(2):
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.ask()
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.ask()
    assert (await client.ask()).status == 200
    assert (entra.host, entra.token_requests) == (host, 2)
